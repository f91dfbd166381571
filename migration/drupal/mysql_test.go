package drupal

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/banyan-migration/banyan/infra/fakes/mariadb"
	"github.com/banyan-migration/banyan/shared/form"
)

// live is the sample site in a real MariaDB.
func live(t *testing.T) (*mariadb.Server, Source) {
	m := mariadb.Test(t, "--innodb-buffer-pool-size=64M")
	if err := m.Load(t.Context(), "d7", bytes.NewReader(plain(t))); err != nil {
		t.Fatal(err)
	}
	return m, open(t, m.Source("root", "d7"))
}

// What is proved with a real server shares one.
func TestLive(t *testing.T) {
	t.Parallel()
	m, _ := live(t)
	for name, proof := range map[string]func(*testing.T, *mariadb.Server){
		"it says what the dump says": liveAsDumped, "spans are read at once": liveSpans, "a sweep sees every change": liveSweep,
		"strange rows": liveStrange, "what reverse wrote": liveOrigins, "two sites": livePrefix, "who may not": liveRefused,
		"a connection dies": liveConnection, "it is no replica": liveLag,
	} {
		t.Run(name, func(t *testing.T) { proof(t, m) })
	}
	t.Run("the server dies", func(t *testing.T) { liveKilled(t, m) }) // and with it this test ends
}

func query(t *testing.T, m *mariadb.Server, database, sql string) string {
	t.Helper()
	answer, err := m.Query(t.Context(), database, sql)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// dumped and light are a database's dump, and what LoadSQLite makes of that.
func dumped(t *testing.T, m *mariadb.Server, database string) string {
	t.Helper()
	var dump bytes.Buffer
	if err := m.Dump(t.Context(), &dump, database); err != nil {
		t.Fatal(err)
	}
	return write(t, "dump.sql", dump.Bytes())
}

func light(t *testing.T, dump string) string {
	t.Helper()
	f, err := os.Open(dump)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	name := filepath.Join(t.TempDir(), "light.db")
	db, err := sql.Open("sqlite", name)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := LoadSQLite(t.Context(), f, db); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + name
}

// All seven forms say the same, live and in the dump: rows, their order, values, components.
func liveAsDumped(t *testing.T, m *mariadb.Server) {
	s, dump := open(t, m.Source("root", "d7")), open(t, write(t, "dump.sql", plain(t)))
	forms, err := dump.Forms(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Forms(t.Context()); err != nil || !reflect.DeepEqual(got, forms) || len(forms) != 7 {
		t.Fatalf("forms %v, %v", got, err)
	}
	for _, f := range forms {
		want := records(t, dump, f.Name, 0)
		if got := records(t, s, f.Name, 0); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d rows are not the %d of the dump", f.Name, len(got), len(want))
		}
		if s.Progress() < 0.99 {
			t.Errorf("%s: progress %v at the end", f.Name, s.Progress())
		}
		got, err := s.Components(t.Context(), f.NID)
		if parts, _ := dump.Components(t.Context(), f.NID); err != nil || !reflect.DeepEqual(got, parts) {
			t.Errorf("%s: components %v, %v", f.Name, got, err)
		}
		last, err := s.Last(t.Context(), f.Name)
		if err != nil || last != want[len(want)-1].SID {
			t.Errorf("%s: the last is %d, %v", f.Name, last, err)
		}
		for _, r := range []form.Record{want[0], want[len(want)-1]} {
			if got, err := s.Record(t.Context(), r.NID, r.SID); err != nil || !reflect.DeepEqual(got, r) {
				t.Errorf("%s: %v, %v; want %v", f.Name, got, err, r)
			}
		}
	}
	if _, err := s.Record(t.Context(), 2, 1<<40); !errors.Is(err, ErrNoRecord) {
		t.Errorf("a submission that is not there: %v", err)
	}
	enough, n := errors.New("enough"), 0
	if _, err := s.Records(t.Context(), "donate", Span{}, func(form.Record) error { n++; return enough }); err != enough || n != 1 {
		t.Errorf("what yield returned comes back as %v after %d", err, n)
	}
}

// Several spans, each read by a goroutine of its own, are together the whole.
func liveSpans(t *testing.T, m *mariadb.Server) {
	s := open(t, m.Source("root", "d7"))
	want := records(t, s, "donate", 0)
	parts := make([][]form.Record, 6)
	var all sync.WaitGroup
	for i := range parts {
		all.Go(func() {
			within := Span{int64(i) * 1000, int64(i+1) * 1000}
			if _, err := s.Records(t.Context(), "donate", within, func(r form.Record) error { parts[i] = append(parts[i], r); return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	got := []form.Record{}
	for _, part := range parts {
		got = append(got, part...)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%d rows, want %d", len(got), len(want))
	}
}

// odd is a site with all that is wrong with old sites: its values' table calls UTF-8 latin1, has no key, and holds rows twice.
const odd = "SET NAMES utf8mb4; CREATE TABLE o_node (nid int unsigned PRIMARY KEY, title varchar(255)) CHARSET=utf8mb4; INSERT INTO o_node VALUES (7,'Give');" +
	"CREATE TABLE o_url_alias (pid int PRIMARY KEY, source varchar(255), alias varchar(255)); INSERT INTO o_url_alias VALUES (1,'node/7','give');" +
	"CREATE TABLE o_webform (nid int PRIMARY KEY); INSERT INTO o_webform VALUES (7);" +
	"CREATE TABLE o_webform_conditional (nid int, rgid int); CREATE TABLE o_webform_conditional_actions (nid int, rgid int, target varchar(128)); INSERT INTO o_webform_conditional_actions VALUES (7,1,'2');" +
	"CREATE TABLE o_webform_component (nid int, cid int, pid int, form_key varchar(128), name varchar(255), type varchar(16), value text, extra text, required tinyint, weight int, PRIMARY KEY (nid, cid));" +
	"INSERT INTO o_webform_component VALUES (7,1,0,'name','Name','textfield','','',1,1),(7,2,0,'town','Town','textfield','','',0,2);" +
	"CREATE TABLE o_webform_submissions (sid int PRIMARY KEY, nid int, serial int, uid int, is_draft tinyint, submitted int, completed int, modified int, remote_addr varchar(128)) ENGINE=InnoDB;" +
	"INSERT INTO o_webform_submissions VALUES (1,7,1,0,0,1552696933,0,0,NULL),(2,7,2,0,1,0,0,0,NULL),(3,7,3,0,0,NULL,0,0,NULL),(4,99,1,0,0,1552696933,0,0,NULL),(6,7,4,0,0,1552696934,0,0,NULL);" +
	"CREATE TABLE o_webform_submitted_data (nid int, sid int, cid int, no varchar(128), data mediumtext) ENGINE=InnoDB CHARSET=latin1;" +
	"INSERT INTO o_webform_submitted_data VALUES (7,1,1,'0',x'5A6FC3AB'),(7,1,2,'0',x'4D7C6E63686E'),(7,2,1,'0',NULL),(7,3,1,'0',x'5A6FEB'),(7,3,2,'0','b'),(7,3,2,'0','a'),(7,3,2,'0','b'),(7,5,1,'0','gone'),(7,6,9,'0',x'E28099'),(99,4,1,'0','x');"

// liveStrange holds live, dump and SQLite against each other, and each against what is known of the rows.
func liveStrange(t *testing.T, m *mariadb.Server) {
	if err := m.Load(t.Context(), "odd", strings.NewReader(odd)); err != nil {
		t.Fatal(err)
	}
	dump := dumped(t, m, "odd")
	values := []map[string][]string{
		{"name": {"Zoë"}, "town": {"M|nchn"}}, {"name": {""}}, {"name": {"Zoë"}, "town": {"a", "b", "b"}}, {"component 9": {"’"}},
	}
	for kind, source := range map[string]string{"live": m.Source("root", "odd"), "dump": dump, "sqlite": light(t, dump)} {
		s := open(t, source)
		forms, err := s.Forms(t.Context())
		if err != nil || len(forms) != 1 || forms[0].Version != 4 || forms[0].Name != "give" {
			t.Fatal(kind, forms, err)
		}
		if parts, err := s.Components(t.Context(), 7); err != nil || !parts[1].Conditional || !parts[0].Mandatory {
			t.Errorf("%s: %+v, %v", kind, parts, err)
		}
		var got []map[string][]string
		orphans, err := s.Records(t.Context(), "give", Span{}, func(r form.Record) error { got = append(got, r.Values); return nil })
		if err != nil || orphans != 1 || !reflect.DeepEqual(got, values) {
			t.Errorf("%s: %q, %d orphans, %v", kind, got, orphans, err)
		}
		met, err := Oddities(t.Context(), s)
		if err != nil {
			t.Error(err)
		}
		var lines []string
		for _, o := range met {
			lines = append(lines, fmt.Sprintf("%s.%s: %s %d, %s", o.Table, o.Column, o.Kind, o.Count, o.Example))
		}
		want := []string{
			"o_webform_submissions.nid: no webform 1, sid 4", "o_webform_submissions.submitted: zero date 2, sid 2",
			"o_webform_submitted_data.cid: unknown component 1, sid 6, cid 9", "o_webform_submitted_data.data: mislabelled charset 2, sid 1, cid 1",
			"o_webform_submitted_data.data: null 1, sid 2, cid 1", "o_webform_submitted_data.no: duplicate 2, sid 3, cid 2", "o_webform_submitted_data.sid: orphan 1, sid 5, cid 1",
		}
		if kind == "sqlite" { // its loader has mended what the dump said, and no label is left
			want = append(want[:3], want[4:]...)
		}
		if !reflect.DeepEqual(lines, want) {
			t.Errorf("%s:\n%s\nwant\n%s", kind, strings.Join(lines, "\n"), strings.Join(want, "\n"))
		}
	}
}

// A row that reverse wrote is known as such by all, and one that has got its number since is not.
func liveOrigins(t *testing.T, m *mariadb.Server) {
	if err := m.Load(t.Context(), "back", bytes.NewReader(plain(t))); err != nil {
		t.Fatal(err)
	}
	s := open(t, m.Source("root", "back"))
	before := records(t, s, "donate", 0)
	query(t, m, "back", "CREATE TABLE banyan_origin (sid bigint PRIMARY KEY, nid bigint, service varchar(64), id varchar(128), submitted bigint);"+
		"INSERT INTO banyan_origin SELECT sid, nid, 'donate', concat('gift-', sid), submitted FROM webform_submissions WHERE nid = 2 AND sid IN (3, 4000); INSERT INTO banyan_origin VALUES (5, 2, 'donate', 'gift-5', 1)")
	dump := dumped(t, m, "back")
	for kind, s := range map[string]Source{"live, as it was opened before": s, "dump": open(t, dump), "sqlite": open(t, light(t, dump))} {
		got := records(t, s, "donate", 0)
		for i, r := range got {
			want := before[i]
			if r.SID == 3 || r.SID == 4000 {
				want.Origin = fmt.Sprint("gift-", r.SID)
			}
			if !reflect.DeepEqual(r, want) {
				t.Errorf("%s: %+v, want %+v", kind, r, want)
			}
		}
		if len(got) != len(before) {
			t.Errorf("%s: %d rows, want %d", kind, len(got), len(before))
		}
	}
	if r, err := s.Record(t.Context(), 2, 3); err != nil || r.Origin != "gift-3" {
		t.Errorf("%+v, %v", r, err)
	}
	// A dump that names it behind the rows that it says something of would be read wrongly.
	text, err := os.ReadFile(dump)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(text, []byte("CREATE TABLE `block`"))
	own := text[bytes.Index(text, []byte("CREATE TABLE `banyan_origin`")):at]
	moved := append(append([]byte{}, text[at:]...), own...)
	late := open(t, write(t, "late.sql", moved))
	if _, err := late.Records(t.Context(), "donate", Span{}, func(form.Record) error { return nil }); err == nil || !strings.Contains(err.Error(), "banyan_origin comes behind") {
		t.Error(err)
	}
}

func livePrefix(t *testing.T, m *mariadb.Server) {
	if err := m.Load(t.Context(), "two", strings.NewReader(odd+strings.ReplaceAll(strings.ReplaceAll(odd, " o_", " b_"), "'give'", "'other'"))); err != nil {
		t.Fatal(err)
	}
	dump := dumped(t, m, "two")
	for _, source := range []string{m.Source("root", "two"), dump, light(t, dump)} {
		s, err := Open(t.Context(), source)
		if err == nil { // of a dump the second site shows when it is read
			_, err = s.Records(t.Context(), "other", Span{}, func(form.Record) error { return nil })
		}
		if err == nil || !strings.Contains(err.Error(), "?prefix=") || !strings.Contains(err.Error(), "b_") || !strings.Contains(err.Error(), "o_") {
			t.Errorf("%s: %v", source, err)
		}
		mark := "?"
		if strings.Contains(source, "?") {
			mark = "&"
		}
		for prefix, name := range map[string]string{"b_": "other", "o_": "give"} {
			if got := rows(t, open(t, source+mark+"prefix="+prefix), name); len(got) != 4 {
				t.Errorf("%s: %d rows", source, len(got))
			}
		}
		if _, err := Open(t.Context(), source+mark+"prefix=q_"); err == nil || !strings.Contains(err.Error(), "q_webform_component") {
			t.Errorf("%s: %v", source, err)
		}
	}
}

func liveLag(t *testing.T, m *mariadb.Server) {
	if _, err := Lag(t.Context(), Slow(open(t, m.Source("root", "d7")), Throttle{Rate: 1})); !errors.Is(err, ErrNoReplica) {
		t.Error(err)
	}
}

// A connection that dies in the middle is taken up again, and every row comes once.
func liveConnection(t *testing.T, m *mariadb.Server) {
	s := open(t, m.Source("root", "d7"))
	want := rows(t, s, "donate")
	var got []form.Record
	_, err := s.Records(t.Context(), "donate", Span{}, func(r form.Record) error {
		if len(got)%1500 == 0 {
			kills := query(t, m, "d7", "SELECT concat('KILL ', id, ';') FROM information_schema.processlist WHERE id != connection_id() AND command != 'Daemon'")
			_, _ = m.Query(t.Context(), "d7", kills) // one may have ended by itself
		}
		got = append(got, r)
		return nil
	})
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%d rows, want %d, %v", len(got), len(want), err)
	}
}

// A server that dies and stays away: what was read was right, and the error says how to go on.
func liveKilled(t *testing.T, m *mariadb.Server) {
	s, n := open(t, m.Source("root", "d7")), 0
	_, err := s.Records(t.Context(), "donate", Span{}, func(form.Record) error {
		if n++; n == 1 {
			m.Kill()
		}
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "run the same command again") || !strings.Contains(err.Error(), "donate after sid") {
		t.Errorf("after %d rows: %v", n, err)
	}
	if _, err := Open(context.WithoutCancel(t.Context()), m.Source("root", "d7")); err == nil || !strings.Contains(err.Error(), "does the server run there") {
		t.Error(err)
	}
}
