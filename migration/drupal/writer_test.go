package drupal

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/shared/form"
)

// webforms is a site of one webform of version 3 or 4 in SQLite.
func webforms(t *testing.T, version int) (file string, db *sql.DB) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "legacy.db")
	db, err := sql.Open("sqlite", file+"?_txlock=immediate&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	more, next := "", ""
	if version == 4 {
		more = ", serial INTEGER NOT NULL, completed INTEGER NOT NULL DEFAULT 0, modified INTEGER NOT NULL DEFAULT 0, highest_valid_page INTEGER NOT NULL DEFAULT 0, UNIQUE (nid, serial)"
		next = ", next_serial INTEGER NOT NULL DEFAULT 1"
	}
	script := `CREATE TABLE d_node (nid INTEGER PRIMARY KEY, title TEXT NOT NULL); INSERT INTO d_node VALUES (2, 'Donate');
		CREATE TABLE d_url_alias (pid INTEGER PRIMARY KEY, source TEXT, alias TEXT); INSERT INTO d_url_alias VALUES (1, 'node/2', 'donate');
		CREATE TABLE d_webform (nid INTEGER PRIMARY KEY` + next + `); INSERT INTO d_webform (nid) VALUES (2);
		CREATE TABLE d_webform_component (nid INTEGER, cid INTEGER, pid INTEGER, form_key TEXT, name TEXT, type TEXT, value TEXT, extra TEXT, mandatory INTEGER, weight INTEGER, PRIMARY KEY (nid, cid));
		CREATE TABLE d_webform_submissions (sid INTEGER PRIMARY KEY AUTOINCREMENT, nid INTEGER NOT NULL, uid INTEGER NOT NULL DEFAULT 0, is_draft INTEGER NOT NULL DEFAULT 0,
			submitted INTEGER NOT NULL, remote_addr TEXT` + more + `);
		CREATE TABLE d_webform_submitted_data (nid INTEGER, sid INTEGER, cid INTEGER, no TEXT NOT NULL DEFAULT '0', data TEXT NOT NULL, PRIMARY KEY (nid, sid, cid, no));`
	if version == 4 {
		script += `CREATE TABLE d_webform_conditional (nid INTEGER);`
	}
	for i, key := range []string{"amount", "email", "message", "ways", "page:pagebreak", "photo:file", "note"} {
		key, kind, _ := strings.Cut(key+":textfield", ":")
		script += fmt.Sprintf("INSERT INTO d_webform_component VALUES (2, %d, 0, '%s', '', '%s', '', '', 0, %d);", 10+i, key, strings.TrimSuffix(kind, ":textfield"), i)
	}
	if _, err := db.Exec(script); err != nil {
		t.Fatal(err)
	}
	return file, db
}

func writerOf(t testing.TB, source string) Writer {
	t.Helper()
	w, err := OpenWriter(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func own(id string, values map[string][]string) form.Record {
	return form.Record{Form: "donate", NID: 2, At: time.Date(2026, 11, 23, 10, 0, 0, 5, time.UTC), Origin: id, Values: values}
}

func gift(id, amount string) form.Record {
	return own(id, map[string][]string{"amount": {amount}, "email": {id + "@example.org"}, "message": {"line\r\n\"<b>\" ’"}, "ways": {"post", "", "text"}})
}

// entered is what Look and then Write say of records.
func entered(t testing.TB, w Writer, records ...form.Record) (looked, wrote []Row) {
	t.Helper()
	looked, err := w.Look(t.Context(), "donate", records)
	if err == nil {
		wrote, err = w.Write(t.Context(), "donate", records, looked)
	}
	if err != nil {
		t.Fatal(err)
	}
	return looked, wrote
}

func states(rows []Row) (text string) {
	for _, r := range rows {
		text += fmt.Sprintf("%s %d", r.State, r.SID)
		if r.Wrote {
			text += " wrote"
		}
		text += "; "
	}
	return strings.TrimSuffix(text, "; ")
}

func expect(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got  %s\n want %s", what, got, want)
	}
}

// What is written is the site's own row, read back as any other; written twice it is there once; said otherwise it is altered.
func TestWriteTwice(t *testing.T) {
	t.Parallel()
	for _, version := range []int{3, 4} {
		t.Run(fmt.Sprint("webform ", version), func(t *testing.T) {
			t.Parallel()
			file, db := webforms(t, version)
			visit(t, db, version, 1)
			w := writerOf(t, "sqlite:"+file)
			a, b := gift("g-a", "5.00"), gift("g-b", "7.50")
			looked, wrote := entered(t, w, a, b)
			expect(t, "looked", states(looked), "missing 0; missing 0")
			expect(t, "wrote", states(wrote), "missing 2 wrote; missing 3 wrote")
			looked, wrote = entered(t, w, b, a)
			expect(t, "again", states(looked)+" | "+states(wrote), "same 3; same 2 | same 3; same 2")
			a.Values["amount"], a.Values["ways"] = []string{"6.00"}, []string{"text"}
			looked, wrote = entered(t, w, a, b)
			expect(t, "changed", states(looked)+" | "+states(wrote), "stale 2; same 3 | stale 2 wrote; same 3")
			want := a
			want.SID, want.At = 2, a.At.Truncate(time.Second)
			s := open(t, "sqlite:"+file)
			got, err := s.Record(t.Context(), 2, 2)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, want)
			}
			if n := one[int](t, db, "SELECT count(*) FROM d_webform_submitted_data WHERE sid = 3 AND data IN ('', 'text', 'post') AND no IN ('0', '1', '2')"); n != 3 {
				t.Errorf("%d of three values with their numbers", n)
			}
			if version == 4 {
				visit(t, db, version, one[int](t, db, "SELECT next_serial FROM d_webform"))
				if got := one[string](t, db, "SELECT group_concat(serial) FROM (SELECT serial FROM d_webform_submissions ORDER BY sid)"); got != "1,2,3,4" {
					t.Errorf("serials %s", got)
				}
			}
		})
	}
}

// visit stores a visitor's submission.
func visit(t testing.TB, db *sql.DB, version, serial int) (sid int64) {
	t.Helper()
	query := "INSERT INTO d_webform_submissions (nid, submitted) VALUES (2, 1700000000)"
	if version == 4 {
		query = fmt.Sprintf("INSERT INTO d_webform_submissions (nid, submitted, serial) VALUES (2, 1700000000, %d)", serial)
		if _, err := db.Exec("UPDATE d_webform SET next_serial = ?", serial+1); err != nil {
			t.Fatal(err)
		}
	}
	done, err := db.Exec(query)
	if err == nil {
		sid, err = done.LastInsertId()
	}
	if err == nil {
		_, err = db.Exec("INSERT INTO d_webform_submitted_data VALUES (2, ?, 10, '0', '3.00')", sid)
	}
	if err != nil {
		t.Fatal(err)
	}
	return sid
}

// What somebody changes over there is written over only as it was seen, and what a record does not name stays.
func TestWriteOverAnEdit(t *testing.T) {
	t.Parallel()
	file, db := webforms(t, 3)
	w := writerOf(t, "sqlite:"+file)
	a, b := gift("g-a", "5.00"), gift("g-b", "7.50")
	entered(t, w, a, b)
	edit := func(query string) {
		t.Helper()
		if _, err := db.Exec(query); err != nil {
			t.Fatal(err)
		}
	}
	edit("UPDATE d_webform_submitted_data SET data = '50.00' WHERE sid = 1 AND cid = 10; INSERT INTO d_webform_submitted_data VALUES (2, 1, 16, '0', 'called her')")
	looked, err := w.Look(t.Context(), "donate", []form.Record{a, b})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "edited", states(looked)+" "+looked[0].There.Value("amount"), "edited 1; same 2 50.00")
	edit("UPDATE d_webform_submitted_data SET data = '51.00' WHERE sid = 1 AND cid = 10")
	wrote, err := w.Write(t.Context(), "donate", []form.Record{a, b}, looked)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "edited again", states(wrote)+" "+wrote[0].There.Value("amount"), "edited 1; same 2 51.00")
	_, wrote = entered(t, w, a, b)
	expect(t, "written over", states(wrote), "edited 1 wrote; same 2")
	if got := one[string](t, db, "SELECT group_concat(data, '|') FROM (SELECT data FROM d_webform_submitted_data WHERE sid = 1 AND cid IN (10, 16) ORDER BY cid)"); got != "5.00|called her" {
		t.Errorf("the row is %s", got)
	}
	looked, _ = entered(t, w, a, b)
	expect(t, "after", states(looked), "same 1; same 2")
}

// A deleted row comes back under its number, so that links to it hold; unless that is another's now, whose row is left alone.
func TestWriteWhatWasDeleted(t *testing.T) {
	t.Parallel()
	file, db := webforms(t, 4)
	w := writerOf(t, "sqlite:"+file)
	a, b := gift("g-a", "5.00"), gift("g-b", "7.50")
	entered(t, w, a, b)
	for _, query := range []string{"DELETE FROM d_webform_submissions", "DELETE FROM d_webform_submitted_data WHERE cid < 13", // values may be left over
		"UPDATE sqlite_sequence SET seq = 1 WHERE name = 'd_webform_submissions'"} {
		if _, err := db.Exec(query); err != nil {
			t.Fatal(err)
		}
	}
	if sid := visit(t, db, 4, 9); sid != 2 {
		t.Fatal(sid)
	}
	looked, wrote := entered(t, w, a, b)
	expect(t, "gone", states(looked)+" | "+states(wrote), "gone 1; gone 2 | gone 1 wrote; gone 3 wrote")
	looked, _ = entered(t, w, a, b)
	expect(t, "after", states(looked), "same 1; same 3")
	if got := one[string](t, db, "SELECT data FROM d_webform_submitted_data WHERE sid = 2 AND cid = 10"); got != "3.00" {
		t.Errorf("the visitor's own row says %s", got)
	}
}

func TestWriteNamesTheHomeless(t *testing.T) {
	t.Parallel()
	file, _ := webforms(t, 3)
	w := writerOf(t, "sqlite:"+file)
	r := own("g", map[string][]string{"amount": {"5.00"}, "town": {"Cardiff"}, "photo": {"p-17"}, "page": {"1"}, "message": {"\xff?"}})
	r.Homeless = []string{"state"}
	looked, wrote := entered(t, w, r)
	want := []string{"message: letters", "page", "photo", "state", "town"}
	if !reflect.DeepEqual(looked[0].Homeless, want) || !reflect.DeepEqual(wrote[0].Homeless, want) {
		t.Errorf("%q, %q", looked[0].Homeless, wrote[0].Homeless)
	}
	looked, _ = entered(t, w, r)
	expect(t, "again", states(looked), "same 1")
}

// Several write the same at once: each record is there once, and all agree where.
func TestWriteAtOnce(t *testing.T) {
	t.Parallel()
	file, db := webforms(t, 4)
	var records []form.Record
	for i := range 60 {
		records = append(records, gift(fmt.Sprint("g-", i), "5.00"))
	}
	atOnce(t, "sqlite:"+file, records)
	if n := one[int](t, db, "SELECT count(*) FROM d_webform_submissions"); n != len(records) {
		t.Errorf("%d rows of %d records", n, len(records))
	}
}

func atOnce(t *testing.T, source string, records []form.Record) {
	t.Helper()
	all := make([][]Row, 4)
	var wait sync.WaitGroup
	for i := range all {
		w := writerOf(t, source)
		wait.Go(func() {
			for n := 0; n < len(records); n += 20 {
				looked, err := w.Look(t.Context(), "donate", records[n:n+20])
				if err == nil {
					looked, err = w.Write(t.Context(), "donate", records[n:n+20], looked)
				}
				if err != nil {
					t.Error(err)
					return
				}
				all[i] = append(all[i], looked...)
			}
		})
	}
	wait.Wait()
	for _, rows := range all[1:] {
		for i := range rows {
			if rows[i].SID != all[0][i].SID || rows[i].SID == 0 {
				t.Fatalf("record %d is %d and %d", i, rows[i].SID, all[0][i].SID)
			}
		}
	}
}

func TestWriterRefuses(t *testing.T) {
	t.Parallel()
	file, db := webforms(t, 3)
	dump := filepath.Join(t.TempDir(), "dump.sql")
	if err := os.WriteFile(dump, plain(t), 0o600); err != nil {
		t.Fatal(err)
	}
	for source, want := range map[string]string{dump: "a dump cannot be written to", "sqlite:" + file + ".none": "no such file", "mysql://u:secret@": "a live database is named"} {
		_, err := OpenWriter(t.Context(), source)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", source, err)
		}
	}
	w := writerOf(t, "sqlite:"+file)
	if _, err := w.Look(t.Context(), "donate", []form.Record{gift("", "1.00")}); err == nil || !strings.Contains(err.Error(), "origin") {
		t.Error(err)
	}
	if _, err := w.Look(t.Context(), "donate", []form.Record{gift("a", "1.00"), gift("a", "1.00")}); err == nil || !strings.Contains(err.Error(), "one origin") {
		t.Error(err)
	}
	if _, err := db.Exec("CREATE TABLE d_banyan_origin (sid INTEGER PRIMARY KEY, id TEXT)"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Look(t.Context(), "donate", []form.Record{gift("a", "1.00")}); err == nil || !strings.Contains(err.Error(), "not one that was made by reverse") {
		t.Error(err)
	}
}
