package drupal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-sql-driver/mysql"
)

// lag asks a replica. What it is called changed with MySQL 8.0.22 and MariaDB 10.5.
func (s *mysqlSource) lag(ctx context.Context) (lag time.Duration, err error) {
	for _, query := range []string{"SHOW REPLICA STATUS", "SHOW SLAVE STATUS"} {
		replica := false
		err = s.again(ctx, func() error {
			return each(ctx, s.db, query, func(f fields) (err error) {
				replica = true
				lag, err = behind(f)
				return err
			})
		})
		if err == nil && !replica {
			return 0, fmt.Errorf("%s: %w", s.at, ErrNoReplica)
		}
		var said *mysql.MySQLError
		if !errors.As(err, &said) || said.Number != syntax {
			break
		}
	}
	return lag, s.explain(err)
}

// behind reads a replica's status.
func behind(status fields) (time.Duration, error) {
	for _, name := range []string{"Seconds_Behind_Source", "Seconds_Behind_Master"} {
		if n, err := strconv.ParseInt(status[name], 10, 64); err == nil {
			return time.Duration(n) * time.Second, nil
		}
	}
	return 0, errors.New("its replication stands still, so that what is read here grows old: see SHOW REPLICA STATUS there; when it runs, run the same command again")
}
