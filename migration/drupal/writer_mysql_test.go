package drupal

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/mariadb"
	"github.com/banyan-migration/banyan/shared/form"
)

// asked runs SQL as root and gives its answer on one line.
func asked(t *testing.T, m *mariadb.Server, query string) string {
	t.Helper()
	out, err := m.Query(t.Context(), "d7", query)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(strings.TrimSpace(out), "\n", "; ")
}

// live4 makes the site's webform tables those of webform 4.
const live4 = `ALTER TABLE webform ADD next_serial INT UNSIGNED NOT NULL DEFAULT 1;
	ALTER TABLE webform_submissions ADD serial INT UNSIGNED NOT NULL DEFAULT 0, ADD completed INT NOT NULL DEFAULT 0, ADD modified INT NOT NULL DEFAULT 0, ADD highest_valid_page SMALLINT NOT NULL DEFAULT 0;
	SET @n := 0; UPDATE webform_submissions SET serial = (@n := @n + 1) WHERE nid = 2 ORDER BY sid;
	UPDATE webform_submissions SET serial = sid + 100000 WHERE nid <> 2; ALTER TABLE webform_submissions ADD UNIQUE nid_serial (nid, serial);
	UPDATE webform SET next_serial = 4001 WHERE nid = 2; CREATE TABLE webform_conditional (nid INT);`

// A real server's rows: numbers by the server, letters as far as its tables know them, edits and deletes seen, four at once.
func TestWriteLive(t *testing.T) {
	t.Parallel()
	m, s := live(t)
	w := writerOf(t, m.Source("root", "d7"))
	a, b := gift("G-a", "5.00"), gift("g-a", "7.50") // ids that the site's own collation would call the same
	a.Values["phone"], a.Values["message"] = []string{""}, []string{"Zoë – 'quoted' \\ 🎉"}
	delete(a.Values, "ways")
	_, wrote := entered(t, w, a, b)
	expect(t, "wrote", states(wrote), "missing 6001 wrote; missing 6002 wrote")
	expect(t, "homeless", fmt.Sprint(wrote[0].Homeless, wrote[1].Homeless), "[message: letters] [ways]")
	looked, wrote := entered(t, w, a, b)
	expect(t, "again", states(looked)+" | "+states(wrote), "same 6001; same 6002 | same 6001; same 6002")
	got, err := s.Record(t.Context(), 2, 6001)
	if err != nil || got.Origin != "G-a" || got.Value("message") != "Zoë – 'quoted' \\ \uFFFD" || got.Value("message") != Narrow(a).Value("message") || !got.At.Equal(a.At.Truncate(time.Second)) {
		t.Errorf("%+v, %v", got, err)
	}
	asked(t, m, "UPDATE webform_submitted_data SET data = '50.00' WHERE sid = 6001 AND cid = 1; DELETE FROM webform_submissions WHERE sid = 6002")
	looked, wrote = entered(t, w, a, b)
	expect(t, "changed over there", states(looked)+" | "+states(wrote), "edited 6001; gone 6002 | edited 6001 wrote; gone 6002 wrote")
	expect(t, "the rows", asked(t, m, "SELECT sid, data FROM webform_submitted_data WHERE sid > 6000 AND cid = 1 ORDER BY sid"), "6001\t5.00; 6002\t7.50")
	var many []form.Record
	for i := range 60 {
		many = append(many, gift(fmt.Sprint("many-", i), "1.00"))
	}
	atOnce(t, m.Source("root", "d7"), many)
	expect(t, "four at once", asked(t, m, "SELECT count(*), count(DISTINCT sid) FROM webform_submissions WHERE sid > 6002"), "60\t60")
}

func TestWriteLiveWebform4(t *testing.T) {
	t.Parallel()
	m, _ := live(t)
	asked(t, m, live4)
	w := writerOf(t, m.Source("root", "d7"))
	entered(t, w, gift("a", "5.00"), gift("b", "7.50"))
	expect(t, "numbers", asked(t, m, "SELECT sid, serial, completed, modified, uid, remote_addr FROM webform_submissions WHERE sid > 6000; SELECT next_serial FROM webform WHERE nid = 2"),
		"6001\t4001\t1795428000\t1795428000\t0\t; 6002\t4002\t1795428000\t1795428000\t0\t; 4003")
}

// A user who may not make our table is told what to run, and may go on once somebody has; tables without transactions are refused.
func TestWriteLiveWithoutRights(t *testing.T) {
	t.Parallel()
	m, _ := live(t)
	asked(t, m, "CREATE USER 'mover'@'localhost' IDENTIFIED BY 'hush'; GRANT SELECT ON d7.* TO 'mover'@'localhost'")
	w := writerOf(t, m.Source("mover:hush", "d7"))
	records := []form.Record{gift("a", "5.00")}
	looked, err := w.Look(t.Context(), "donate", records)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(t.Context(), "donate", records, looked)
	if err == nil || strings.Contains(err.Error(), "hush") {
		t.Fatal(err)
	}
	_, run, _ := strings.Cut(err.Error(), "may run: ")
	run, _, found := strings.Cut(run, "; with the user's host")
	if !found || strings.Count(run, "GRANT") != 3 {
		t.Fatal(err)
	}
	asked(t, m, strings.ReplaceAll(run, "`mover`", "'mover'@'localhost'"))
	if _, err = w.Write(t.Context(), "donate", records, looked); err != nil {
		t.Fatal(err)
	}
	asked(t, m, "REVOKE INSERT ON d7.webform_submitted_data FROM 'mover'@'localhost'")
	_, err = w.Write(t.Context(), "donate", []form.Record{gift("b", "5.00")}, make([]Row, 1))
	if err == nil || !strings.Contains(err.Error(), "GRANT SELECT, INSERT, DELETE ON `d7`.`webform_submitted_data` TO `mover`") {
		t.Error(err)
	}
	if n := asked(t, m, "SELECT count(*) FROM webform_submissions WHERE sid > 6000"); n != "1" {
		t.Errorf("%s rows, of which one is whole", n)
	}
	asked(t, m, "ALTER TABLE webform_submissions ENGINE=MyISAM")
	if _, err := OpenWriter(t.Context(), m.Source("mover:hush", "d7")); err == nil || !strings.Contains(err.Error(), "ENGINE=InnoDB mends it") {
		t.Error(err)
	}
}
