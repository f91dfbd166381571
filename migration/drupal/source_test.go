package drupal

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/shared/form"
)

func write(t testing.TB, name string, data []byte) string {
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func open(t testing.TB, source string) Source {
	s, err := Open(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func records(t testing.TB, s Source, name string, after int64) (all []form.Record) {
	t.Helper()
	orphans, err := s.Records(t.Context(), name, Span{After: after}, func(r form.Record) error { all = append(all, r); return nil })
	if err != nil || orphans != 0 {
		t.Fatal(orphans, err)
	}
	return all
}

// plain is the sample dump, unpacked.
func plain(t testing.TB) []byte {
	data, err := io.ReadAll(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// sources are the sample site in the three shapes that Open takes; the last is what LoadSQLite made.
func sources(t testing.TB, loaded *sql.DB) map[string]Source {
	file := filepath.Join(t.TempDir(), "legacy.db")
	if _, err := loaded.Exec("VACUUM INTO ?", file); err != nil {
		t.Fatal(err)
	}
	return map[string]Source{
		"gzip":   open(t, write(t, "dump.sql.gz", site.Dump)),
		"plain":  open(t, write(t, "dump.sql", plain(t))),
		"sqlite": open(t, "sqlite:"+file),
	}
}

func TestSources(t *testing.T) {
	t.Parallel()
	db := database(t)
	if err := LoadSQLite(t.Context(), sample(t), db); err != nil {
		t.Fatal(err)
	}
	t.Run("SQLite has all of it", func(t *testing.T) { testLoaded(t, db) })
	all := sources(t, db)
	t.Run("they agree", func(t *testing.T) { testSourcesAgree(t, all) })
	t.Run("components are found", func(t *testing.T) { testComponents(t, all) })
	t.Run("one row of a live source is the same row", func(t *testing.T) { testRecord(t, all) })
	t.Run("what yield returns comes back as it was", func(t *testing.T) { testYieldStops(t, all) })
}

func testRecord(t *testing.T, all map[string]Source) {
	for _, want := range records(t, all["sqlite"], "donate", 0)[:50] {
		if got, err := all["sqlite"].Record(t.Context(), want.NID, want.SID); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v, %v; want %v", got, err, want)
		}
	}
	for _, none := range [][2]int64{{2, 1 << 40}, {1, 1}} {
		if _, err := all["sqlite"].Record(t.Context(), none[0], none[1]); !errors.Is(err, ErrNoRecord) {
			t.Errorf("node %d, sid %d: %v", none[0], none[1], err)
		}
	}
	if _, err := all["plain"].Record(t.Context(), 2, 1); err == nil || !strings.Contains(err.Error(), "is a dump") || !strings.Contains(err.Error(), "sqlite:FILE") {
		t.Errorf("a dump says %v", err)
	}
}

// Every source of the sample says the same, and as many rows as the truth.
func testSourcesAgree(t *testing.T, all map[string]Source) {
	var truth map[string]json.RawMessage
	if err := json.Unmarshal(site.Truth, &truth); err != nil {
		t.Fatal(err)
	}
	forms, err := all["gzip"].Forms(t.Context())
	if err != nil || len(forms) != 7 {
		t.Fatal(forms, err)
	}
	for _, f := range forms {
		var want struct{ Rows int }
		if err := json.Unmarshal(truth[f.Name], &want); err != nil {
			t.Fatal(f, err)
		}
		first := records(t, all["gzip"], f.Name, 0)
		if len(first) != want.Rows {
			t.Errorf("%s: %d rows, want %d", f.Name, len(first), want.Rows)
		}
		for name, s := range all {
			if other, err := s.Forms(t.Context()); err != nil || !reflect.DeepEqual(other, forms) {
				t.Errorf("%s: forms %v, %v", name, other, err)
			}
			if name == "gzip" || name == "plain" && f.Name != "sign-up" { // the plain dump is read as the other is
				continue
			}
			if got := records(t, s, f.Name, first[9].SID); !reflect.DeepEqual(got, first[10:]) {
				t.Errorf("%s: %s after the tenth row is not what the gzipped dump says", name, f.Name)
			}
			if s.Progress() < 0.9 {
				t.Errorf("%s: progress %v at the end", name, s.Progress())
			}
		}
	}
}

func TestRecordIsWhole(t *testing.T) {
	t.Parallel()
	got := records(t, open(t, write(t, "dump.sql", plain(t))), "donate", 0)[0]
	want := form.Record{Form: "donate", NID: 2, SID: 1, At: time.Unix(1552696933, 0).UTC(), Values: map[string][]string{
		"amount": {"5.00"}, "title": {"Dr"}, "first_name": {"Fatima"}, "last_name": {"St.\u00a0John"},
		"email": {"fatima.st.john6220@example.org"}, "phone": {"+447700900104"}, "address1": {""}, "town": {""},
		"postcode": {""}, "country": {"United Kingdom"}, "gift_aid": {"0"}, "email_consent": {"1"},
		"message": {"<b>bold</b> & co"}, "transaction_id": {"CR-00000001"},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func testComponents(t *testing.T, sources map[string]Source) {
	for name, s := range sources {
		all, err := s.Components(t.Context(), 2)
		if err != nil || len(all) != 14 {
			t.Fatal(name, all, err)
		}
		amount := Component{CID: 1, Key: "amount", Name: "Amount", Type: "textfield", Mandatory: true, Weight: 1,
			Extra: map[string]any{"items": "1|Yes\n0|No", "private": int64(0)}}
		if !reflect.DeepEqual(all[0], amount) {
			t.Errorf("%s: %+v", name, all[0])
		}
		if _, err := s.Components(t.Context(), 1); err == nil {
			t.Errorf("%s: a page passes for a webform", name)
		}
	}
}

// small is a dump of one form, with whatever the test makes of it.
const small = "-- MySQL dump 10.13\n" +
	"/*!40101 SET NAMES utf8mb4 */;\n" +
	"CREATE TABLE `x_node` (`nid` int unsigned NOT NULL AUTO_INCREMENT, `title` varchar(255) NOT NULL DEFAULT '', PRIMARY KEY (`nid`)) ENGINE=InnoDB;\n" +
	"INSERT INTO `x_node` VALUES (7,'Give; (it''s \\'kind\\')');\n" +
	"CREATE TABLE `x_url_alias` (`pid` int, `source` varchar(255), `alias` varchar(255));\n" +
	"INSERT INTO `x_url_alias` VALUES (1,'node/7','old'),(2,'node/7','give'),(3,'node/8','other');\n" +
	"CREATE TABLE `x_webform` (`nid` int NOT NULL);\nINSERT INTO `x_webform` VALUES (7);\n" +
	"CREATE TABLE `x_webform_component` (`nid` int, `cid` int, `pid` int, `form_key` varchar(128), `name` varchar(255), `type` varchar(16), `value` text, `extra` text, `mandatory` tinyint, `weight` int);\n" +
	"INSERT INTO `x_webform_component` (`nid`,`cid`,`pid`,`form_key`,`name`,`type`,`value`,`extra`,`mandatory`,`weight`) VALUES " +
	"(7,1,0,'name','Name','textfield','','',1,2),(7,2,0,'likes','Likes','select','','a:1:{s:21:\\\"conditional_component\\\";s:1:\\\"1\\\";}',0,1),(7,3,2,'name','Name','textfield','','',0,3);\n" +
	"CREATE TABLE `x_webform_submissions` (`sid` int, `nid` int, `is_draft` tinyint, `submitted` int, PRIMARY KEY (`sid`));\n" +
	"INSERT INTO `x_webform_submissions` VALUES (10,7,0,1552696933),(11,7,1,1552696934);\nINSERT INTO `x_webform_submissions` VALUES (12,7,0,1552696935);\n" +
	"CREATE TABLE `x_webform_submitted_data` (`nid` int, `sid` int, `cid` int, `no` varchar(128), `data` mediumtext);\n" +
	"INSERT INTO `x_webform_submitted_data` VALUES (7,9,1,'0','left over'),(7,10,1,'0','Zo\\\"e'),(7,10,2,'10','c'),(7,10,2,'2','b'),(7,10,2,'0',_utf8mb4 'a'),(7,10,3,'0','twin'),(7,10,9,'0','gone'),(7,12,1,'0',0x4F6B);\n" +
	"-- Dump completed on 2019-03-31\n"

func TestPrefixMultipleAndOrphans(t *testing.T) {
	t.Parallel()
	s := open(t, write(t, "dump.sql", []byte(small)))
	forms, _ := s.Forms(t.Context())
	if want := (Form{NID: 7, Name: "give", Title: "Give; (it's 'kind')", Version: 3, pid: 2}); forms[0] != want {
		t.Errorf("the form is %+v, want %+v", forms[0], want)
	}
	components, _ := s.Components(t.Context(), 7)
	if components[0].Key != "likes" || !components[0].Conditional || components[1].Conditional {
		t.Errorf("components %+v", components)
	}
	var got []form.Record
	orphans, err := s.Records(t.Context(), "give", Span{}, func(r form.Record) error { got = append(got, r); return nil })
	if err != nil || orphans != 1 {
		t.Fatal(orphans, err)
	}
	want := []map[string][]string{
		{"name": {"Zo\"e"}, "likes": {"a", "b", "c"}, "name 3": {"twin"}, "component 9": {"gone"}},
		{},
		{"name": {"Ok"}},
	}
	for i, r := range got {
		if !reflect.DeepEqual(r.Values, want[i]) || r.Draft != (i == 1) || r.SID != int64(10+i) {
			t.Errorf("%+v, want %v", r, want[i])
		}
	}
	if len(got) != 3 {
		t.Errorf("%d records", len(got))
	}
}

// A component that an editor adds later, above the one whose key it has, does not take its name; and a time before 1970, which the column may
// hold, is a time.
func TestLaterTwinAndAnOldTime(t *testing.T) {
	t.Parallel()
	later := strings.Replace(small, "(7,3,2,'name','Name','textfield','','',0,3)", "(7,3,2,'name','Name','textfield','','',0,-5)", 1)
	old := strings.Replace(later, "(10,7,0,1552696933)", "(10,7,0,-5)", 1)
	if later == small || old == later {
		t.Fatal("the dump has changed")
	}
	got := smallRows(t, open(t, write(t, "dump.sql", []byte(old))))[0]
	if got.Value("name") != `Zo"e` || got.Value("name 3") != "twin" || got.At.Unix() != -5 {
		t.Errorf("%+v", got)
	}
}

// smallRows are the rows of the small dump, orphans or not.
func smallRows(t testing.TB, s Source) (all []form.Record) {
	t.Helper()
	if _, err := s.Records(t.Context(), "give", Span{}, func(r form.Record) error { all = append(all, r); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// A dump cut anywhere in the middle is never taken for a short one: either Open or Records says where it ends.
func TestCutDump(t *testing.T) {
	t.Parallel()
	for n := 1; n < len(small)-len(" on 2019-03-31\n"); n += 11 {
		file := write(t, "dump.sql", []byte(small[:n]))
		s, err := Open(t.Context(), file)
		if err == nil {
			_, err = s.Records(t.Context(), "give", Span{}, func(form.Record) error { return nil })
		}
		if err == nil {
			t.Fatalf("cut after %q: no error", small[max(0, n-30):n])
		}
	}
	cut := small[:strings.Index(small, "'twin'")]
	s := open(t, write(t, "dump.sql", []byte(cut)))
	_, err := s.Records(t.Context(), "give", Span{}, func(form.Record) error { return nil })
	var d *Damage
	if !errors.As(err, &d) || d.Table != "x_webform_submitted_data" || d.Row != 5 || d.Line != 15 || d.Offset != int64(len(cut)) {
		t.Errorf("%#v", d)
	}
	if want := "line 15, byte"; !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "nothing was lost") {
		t.Errorf("%q does not say %q", err, want)
	}
}

func TestCutGzip(t *testing.T) {
	t.Parallel()
	s := open(t, write(t, "dump.sql.gz", site.Dump[:len(site.Dump)*9/10]))
	_, err := s.Records(t.Context(), "donate", Span{}, func(form.Record) error { return nil })
	var d *Damage
	if !errors.As(err, &d) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v", err)
	}
}

// A gzip that is broken in its head, or anywhere in its middle, is never taken for a short one.
func TestBrokenGzip(t *testing.T) {
	t.Parallel()
	for at, want := range map[int]string{3: "", 8_000: "", len(site.Dump) / 2: "nothing was lost", len(site.Dump) - 6: "nothing was lost"} {
		data := bytes.Clone(site.Dump)
		for i := range 4 {
			data[at+i] ^= 0xFF
		}
		file := write(t, "dump.sql.gz", data)
		s, err := Open(t.Context(), file)
		if err == nil {
			_, err = s.Records(t.Context(), "donate", Span{}, func(form.Record) error { return nil })
		}
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("broken at byte %d: %v", at, err)
		}
	}
}

func TestWrongSources(t *testing.T) {
	t.Parallel()
	var latin bytes.Buffer
	z := gzip.NewWriter(&latin)
	z.Write([]byte(strings.Replace(small, "NAMES utf8mb4", "NAMES latin1", 1)))
	z.Close()
	for source, want := range map[string]string{
		"mysql://reader@db.example":       "mysql://USER:PASSWORD@HOST:PORT/DATABASE",
		"sqlite:/nowhere/legacy.db":       "no such file",
		"/nowhere/dump.sql":               "FILE.sql.gz",
		write(t, "a", []byte("<html>")):   "not how a statement of mysqldump begins",
		write(t, "b", latin.Bytes()):      "--default-character-set=utf8mb4",
		write(t, "c", nil):                "webform_component",
		write(t, "d", []byte(small[:40])): "middle",
		write(t, "e", []byte(strings.Replace(small, "CREATE TABLE `x_webform`", "CREATE TABLE `x_node`", 1))): "twice",
		write(t, "f", []byte("USE `a`;\nUSE `b`;\n")):                                                         "databases a and b",
	} {
		if _, err := Open(t.Context(), source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", source, err, want)
		}
	}
	s := open(t, write(t, "dump.sql", []byte(small)))
	if _, err := s.Records(t.Context(), "nothing", Span{}, nil); err == nil || !strings.Contains(err.Error(), "it has: give") {
		t.Error(err)
	}
}

// A second site that begins after the first one's tables is seen too.
func TestTwoSitesAreRefused(t *testing.T) {
	t.Parallel()
	body := small[strings.Index(small, "CREATE"):strings.Index(small, "-- Dump completed")]
	s := open(t, write(t, "dump.sql", []byte(body+strings.ReplaceAll(body, "`x_", "`y_"))))
	_, err := s.Records(t.Context(), "give", Span{}, func(form.Record) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "x_webform_submitted_data and y_webform_submitted_data") {
		t.Error(err)
	}
}

func TestDisorderIsRefused(t *testing.T) {
	t.Parallel()
	dump := strings.Replace(small, "(7,12,1,'0',0x4F6B)", "(7,8,1,'0','late')", 1)
	s := open(t, write(t, "dump.sql", []byte(dump)))
	_, err := s.Records(t.Context(), "give", Span{}, func(form.Record) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "--order-by-primary") {
		t.Error(err)
	}
}

func testYieldStops(t *testing.T, sources map[string]Source) {
	enough := errors.New("enough")
	for name, s := range sources {
		n := 0
		_, err := s.Records(t.Context(), "donate", Span{}, func(form.Record) error { n++; return enough })
		if err != enough || n != 1 {
			t.Errorf("%s: %v after %d", name, err, n)
		}
	}
}
