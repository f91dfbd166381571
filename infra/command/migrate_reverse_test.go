package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/infra/local/site"
)

// Two gifts of the services are written back, found again, and once; a person reads the same in words.
func TestMigrateReverse(t *testing.T) {
	t.Parallel()
	s := besieged(t, 1, 40)
	s.give()
	var dry, first, again moved
	migrates(t, &dry, append(s.args("reverse"), "--dry-run")...)
	if tables := s.count("SELECT count(*) FROM sqlite_master WHERE name = 'banyan_origin'"); dry.Forms["donate"].Moved != 2 || tables != 0 {
		t.Errorf("a dry run: %+v, %d tables", dry, tables)
	}
	status, errw := migrates(t, &first, s.args("reverse")...)
	if r := first.Forms["donate"]; status != done || r.Rows != 2 || r.Moved != 2 || r.Unchanged != 0 || r.Homeless["state"] != 2 {
		t.Errorf("%d %s %+v", status, errw, first)
	}
	var keys struct{ Forms map[string]map[string]any }
	migrates(t, &keys, s.args("reverse")...)
	for _, key := range []string{"rows", "moved", "unchanged", "rejected", "refused_parts", "waiting", "sum_pence"} {
		if _, has := keys.Forms["donate"][key]; !has {
			t.Errorf("--json says no %q", key)
		}
	}
	if migrates(t, &again, s.args("reverse")...); again.Forms["donate"].Unchanged != 2 || s.count("SELECT count(*) FROM banyan_origin") != 2 {
		t.Errorf("again: %+v", again)
	}
	s.exec("UPDATE webform_submitted_data SET data = 'edited' WHERE cid = 13 AND sid = (SELECT max(sid) FROM banyan_origin)")
	_, out, _ := banyan("migrate", "reverse", "--from", s.from, "--to", s.to)
	for _, want := range []string{"donate: 2 records of its own: 1 written to the old site, 1 there already, 0 not written; together £", "1 rows had been changed", "no place for (state 2); the services keep it"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	s.found(t)
}

// found asks for the old site's number and the service's id of the newest gift, each by the other.
func (s *siege) found(t *testing.T) {
	t.Helper()
	var id, sid string
	if err := s.drupal.QueryRow("SELECT id, sid FROM banyan_origin ORDER BY sid DESC LIMIT 1").Scan(&id, &sid); err != nil {
		t.Fatal(err)
	}
	for flag, want := range map[string][2]string{"--sid": {sid, id}, "--id": {id, sid}} {
		if status, out, errw := banyan("migrate", "find", "--to", s.to, flag, want[0]); status != done || !strings.Contains(out, want[1]) {
			t.Errorf("find %s %s: %d %s%s", flag, want[0], status, out, errw)
		}
	}
}

// An editor has renamed the amount: nothing is written until somebody says to what, and then the amounts are, and equal.
func TestMigrateReverseRenamed(t *testing.T) {
	t.Parallel()
	s := besieged(t, 1, 40)
	if status, errw := migrates(t, nil, s.args("backfill")...); status != done {
		t.Fatal(status, errw)
	}
	s.exec("UPDATE webform_component SET form_key = 'sum' WHERE nid = 2 AND form_key = 'amount'")
	amounts := "SELECT count(*) FROM webform_submitted_data WHERE nid = 2 AND cid = 1 AND data LIKE '%.25' AND sid IN (SELECT sid FROM banyan_origin)"
	status, errw := migrates(t, nil, s.args("reverse")...)
	if status == done || !strings.Contains(errw, "--rename donate:NEW=amount") || s.count("SELECT count(*) FROM sqlite_master WHERE name = 'banyan_origin'") != 0 {
		t.Errorf("%d %s", status, errw)
	}
	with := func(verb string) (int, string) {
		return migrates(t, nil, append(s.args(verb), "--rename", "donate:sum=amount")...)
	}
	if status, errw := with("reverse"); status != done || s.count(amounts) != s.gifts {
		t.Errorf("%d %s: %d of %d amounts", status, errw, s.count(amounts), s.gifts)
	}
	if status, errw := with("verify"); status != done {
		t.Error(status, errw)
	}
}

func (s *siege) count(query string) (n int) {
	s.t.Helper()
	if err := s.drupal.QueryRow(query).Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

func TestMigrateReverseRefuses(t *testing.T) {
	t.Parallel()
	s := besieged(t, 1, 40)
	dump := filepath.Join(t.TempDir(), "drupal7.sql.gz")
	if err := os.WriteFile(dump, site.Dump, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, want string }{
		{dump, s.to, "a dump cannot be written to"},
		{s.from, "sqlite:" + dump + ".none", "there is no store"},
		{s.from, "postgres:x", "--to"},
		{s.from + ".none", s.to, "--from"},
	} {
		if status, errw := migrates(t, nil, "migrate", "reverse", "--from", c.from, "--to", c.to); status != wrong || !strings.Contains(errw, c.want) {
			t.Errorf("%s: %d %s", c.from, status, errw)
		}
	}
}
