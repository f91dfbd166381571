package drupal

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// shape is how a live database is named.
const shape = "mysql://USER:PASSWORD@HOST:PORT/DATABASE, with ?socket=FILE for a local server's socket, ?prefix=x_ where the database holds several sites, " +
	"?tls=true|skip-verify|preferred; the password may be ${NAME}, which is read from the environment, and special signs in it are written %40"

// place is where a live database is.
type place struct {
	config *mysql.Config
	prefix *string // nil: to be found
}

// String names the place without its password.
func (p place) String() string {
	return "mysql://" + p.config.User + "@" + p.config.Addr + "/" + p.config.DBName
}

var fromEnvironment = regexp.MustCompile(`^(mysql://[^/@:]*:)\$\{([A-Za-z_][A-Za-z0-9_]*)\}@`)

// parseMySQL reads the address of a database. Its errors never show any of it: it may hold a password.
func parseMySQL(source string) (place, error) {
	password, named := "", false
	if m := fromEnvironment.FindStringSubmatch(source); m != nil {
		if password, named = os.LookupEnv(m[2]); !named {
			return place{}, fmt.Errorf("the environment has no %s, which is to hold the database's password", m[2])
		}
		source = m[1] + "@" + source[len(m[0]):]
	}
	u, err := url.Parse(source)
	if err != nil || u.Path == "" || u.Path == "/" || u.User.Username() == "" {
		return place{}, errors.New("a live database is named " + shape)
	}
	if !named {
		password, _ = u.User.Password()
	}
	c := mysql.NewConfig()
	c.User, c.Passwd, c.DBName = u.User.Username(), password, strings.TrimPrefix(u.Path, "/")
	c.Net, c.Addr, c.Timeout = "tcp", net.JoinHostPort(u.Hostname(), "3306"), 10*time.Second
	c.Logger = &mysql.NopLogger{} // what it would say comes back as an error
	if u.Port() != "" {
		c.Addr = u.Host
	}
	// What a site's own settings are must not change what a statement means.
	c.Params = map[string]string{"sql_mode": "''", "time_zone": "'+00:00'", "group_concat_max_len": "1073741824"}
	if err := c.Apply(mysql.Charset("utf8mb4", "")); err != nil {
		return place{}, err
	}
	return place{config: c}.options(u.Query())
}

func (p place) options(query url.Values) (place, error) {
	for name, values := range query {
		value := values[0]
		switch name {
		case "socket":
			p.config.Net, p.config.Addr = "unix", value
		case "prefix":
			p.prefix = &value
		case "tls":
			if value != "true" && value != "skip-verify" && value != "preferred" && value != "false" {
				return place{}, fmt.Errorf("?tls= is true, skip-verify, preferred or false, not %q", value)
			}
			p.config.TLSConfig = value
		default:
			return place{}, fmt.Errorf("?%s= is none of a live database's options: it is named %s", name, shape)
		}
	}
	return p, nil
}
