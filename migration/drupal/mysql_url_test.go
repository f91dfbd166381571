package drupal

import (
	"net"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/infra/fakes/mariadb"
)

func TestMySQLAddress(t *testing.T) {
	t.Setenv("BANYAN_TEST_PASSWORD", "p@ss:w/rd?")
	for source, want := range map[string][4]string{ // network, address, user, password
		"mysql://reader:secret@db.example/d7":                               {"tcp", "db.example:3306", "reader", "secret"},
		"mysql://reader:p%40ss%2Fword@db.example:3307/d7?tls=skip-verify":   {"tcp", "db.example:3307", "reader", "p@ss/word"},
		"mysql://reader:${BANYAN_TEST_PASSWORD}@[::1]/d7":                   {"tcp", "[::1]:3306", "reader", "p@ss:w/rd?"},
		"mysql://reader@localhost/d7?socket=%2Frun%2Fmysqld.sock&prefix=x_": {"unix", "/run/mysqld.sock", "reader", ""},
	} {
		p, err := parseMySQL(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got := [4]string{p.config.Net, p.config.Addr, p.config.User, p.config.Passwd}; got != want || p.config.DBName != "d7" {
			t.Errorf("%s: %q, want %q", source, got, want)
		}
		if strings.Contains(p.String(), "ss") && want[3] != "" {
			t.Errorf("%s shows its password", p)
		}
	}
}

// A wrong address says what would be right, and nobody's password.
func TestWrongMySQLAddress(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"mysql://reader:hunter2@db.example":                  "USER:PASSWORD@HOST",
		"mysql://db.example/hunter2":                         "USER:PASSWORD@HOST",
		"mysql://reader:hunter2%@db.example/d7":              "USER:PASSWORD@HOST",
		"mysql://reader:hunter2{@db.example/d7":              "USER:PASSWORD@HOST",
		"mysql://reader:hunter2@db.example:port/d7":          "USER:PASSWORD@HOST",
		"mysql:reader:hunter2@db.example/d7":                 "USER:PASSWORD@HOST",
		"mysql://reader:${BANYAN_HAS_NONE}@db.example/d7":    "BANYAN_HAS_NONE",
		"mysql://reader:hunter2@db.example/d7?tls=yes":       "skip-verify",
		"mysql://reader:hunter2@db.example/d7?charset=latin": "?charset= is none",
	} {
		if _, err := Open(t.Context(), source); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %q", source, err, want)
		}
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	_, err = Open(t.Context(), "mysql://reader:hunter2@"+closed.Addr().String()+"/d7")
	if err == nil || !strings.Contains(err.Error(), "does the server run there") || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
}

func FuzzMySQLAddress(f *testing.F) {
	f.Add("mysql://reader:hunter2@db.example:3307/d7?socket=/s&prefix=x_&tls=true")
	f.Add("mysql://reader:${HOME}@[::1]/d7")
	f.Fuzz(func(t *testing.T, source string) {
		p, err := parseMySQL(source)
		if err == nil && (p.config.User == "" || p.config.DBName == "" || p.config.Addr == "") {
			t.Errorf("%q is read as %s", source, p)
		}
	})
}

func liveRefused(t *testing.T, m *mariadb.Server) {
	query(t, m, "", "CREATE USER reader@localhost IDENTIFIED BY 'hunter2'; CREATE USER nobody@localhost IDENTIFIED BY 'hunter2'; GRANT SELECT ON d7.* TO reader@localhost; CREATE DATABASE empty; "+
		"GRANT SELECT ON empty.* TO reader@localhost; CREATE USER half@localhost IDENTIFIED BY 'hunter2'; GRANT SELECT ON d7.webform TO half@localhost; GRANT SELECT ON d7.webform_component TO half@localhost; GRANT SELECT (sid) ON d7.webform_submissions TO half@localhost")
	open(t, m.Source("reader:hunter2", "d7"))
	for source, want := range map[string]string{
		m.Source("reader:hunter3", "d7"):    "${NAME}",
		m.Source("nobody:hunter2", "d7"):    "GRANT SELECT ON `d7`.*",
		m.Source("half:hunter2", "d7"):      "GRANT SELECT ON `d7`.*",
		m.Source("root", "d8"):              "the database's name stands behind the host",
		m.Source("reader:hunter2", "empty"): "not the database of a Drupal with webforms",
	} {
		_, err := Open(t.Context(), source)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: %v, want %q", source, err, want)
		}
	}
}
