package drupal

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/go-sql-driver/mysql"
)

// The numbers that MySQL gives its errors.
const (
	noAccessToDatabase = 1044
	wrongPassword      = 1045
	noDatabase         = 1049
	tooMany            = 1040
	shuttingDown       = 1053
	syntax             = 1064
	noAccessToTable    = 1142
	lockTimeout        = 1205
	deadlock           = 1213
	noPrivilege        = 1227
	interrupted        = 1317
	definitionChanged  = 1412
	killed             = 1927
)

// patience is how often a page is tried again, and how long is waited before; each wait is twice the one before, so
// that all take some eight seconds: what a server needs to start again.
const (
	patience = 8
	first    = 60 * time.Millisecond
)

// again does what reads one page, and does it again where the connection died or the server asks for it. What was
// read before is kept by the caller: a page comes whole or not at all.
func (s *mysqlSource) again(ctx context.Context, page func() error) error {
	for wait, n := first, 1; ; wait, n = 2*wait, n+1 {
		err := page()
		if err == nil || ctx.Err() != nil || n == patience || !passing(err) {
			return err
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// passing says whether an error may be gone in a moment.
func passing(err error) bool {
	var said *mysql.MySQLError
	if errors.As(err, &said) {
		switch said.Number {
		case tooMany, shuttingDown, lockTimeout, deadlock, interrupted, definitionChanged, killed:
			return true
		}
		return false
	}
	var network net.Error
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network)
}

// explain says what would be right.
func (s *mysqlSource) explain(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	var said *mysql.MySQLError
	var unknown *net.DNSError
	advice := ""
	switch {
	case errors.As(err, &unknown):
		advice = "; is the host's name right?"
	case !errors.As(err, &said) && passing(err):
		advice = "; does the server run there, and let this machine in? Nothing was changed in it: when it answers, run the same command again, which goes on where this one stopped"
	case said == nil:
	case said.Number == wrongPassword:
		advice = "; give the password as mysql://USER:${NAME}@… and NAME in the environment, or make a user for it: GRANT SELECT ON `" + s.at.config.DBName + "`.* TO …"
	case said.Number == noAccessToDatabase, said.Number == noAccessToTable:
		advice = "; the user needs SELECT on the whole database: GRANT SELECT ON `" + s.at.config.DBName + "`.* TO …"
	case said.Number == noPrivilege:
		advice = "; to say how far it is behind, a replica asks for GRANT REPLICATION CLIENT ON *.*, or in MariaDB REPLICA MONITOR"
	case said.Number == noDatabase:
		advice = "; the database's name stands behind the host: mysql://USER@HOST/DATABASE"
	case passing(err):
		advice = "; nothing was lost or changed: run the same command again, which goes on where this one stopped"
	}
	return fmt.Errorf("%s: %w%s", s.at, err, advice)
}
