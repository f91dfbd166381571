package drupal

import (
	"bytes"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/mariadb"
	"github.com/banyan-migration/banyan/infra/local/site"
)

// when the sample was made; its nodes are of that day.
var when = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)

func census(t testing.TB, source string) Census {
	t.Helper()
	d := content(t, source)
	d.now = func() time.Time { return when }
	c, err := d.Census(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCensusOfTheSample(t *testing.T) {
	t.Parallel()
	c := census(t, write(t, "dump.sql.gz", site.Dump))
	rows := map[string]int64{}
	for _, table := range c.Tables {
		rows[table.Name] = table.Rows
		if table.Use == "" {
			t.Errorf("nobody knows %s", table.Name)
		}
	}
	if len(rows) != 93 || rows["node"] != 145 || rows["webform_submissions"] != 6000 || rows["webform_submitted_data"] != 74200 || rows["registry"] != 397 {
		t.Errorf("%d tables: %v", len(rows), rows)
	}
	if len(c.Oddities) > 0 {
		t.Errorf("a real Drupal's tables are odd: %+v", c.Oddities)
	}
	if live := census(t, loaded(t, plain(t))); !reflect.DeepEqual(live, c) {
		t.Errorf("SQLite says %+v\nthe dump %+v", live, c)
	}
}

// lax is the sample without keys and rules, so that any row fits.
func lax(t testing.TB) string {
	dump := string(plain(t))
	for _, rule := range []string{` NOT NULL`, ` AUTO_INCREMENT(=[0-9]+)?`, ` unsigned`, `(?m),?\n  (PRIMARY |UNIQUE )?KEY .*$`} {
		dump = regexp.MustCompile(rule).ReplaceAllString(dump, "")
	}
	return dump
}

// planted is one oddity of each kind, planted into the sample.
const planted = `
INSERT INTO field_data_field_event_date VALUES ('node','fundraiser',0,10,10,'und',0,'0000-00-00',NULL);
INSERT INTO field_data_field_town VALUES ('node','fundraiser',0,99999,1,'und',0,'Leeds',NULL),('node','fundraiser',1,10,10,'und',1,'Hull',NULL);
INSERT INTO field_data_field_tags VALUES ('node','article',0,1,1,'und',0,77);
INSERT INTO field_data_field_photo VALUES ('node','fundraiser',0,10,10,'und',0,88,NULL,NULL,NULL,NULL),('node','fundraiser',0,12,12,'und',0,7,NULL,NULL,NULL,NULL);
INSERT INTO node VALUES (900,1,'page','und','A',1,1,-1,1795369741,0,0,0,0,0),(901,1,'page','und','B',1,1,1795369741,2147483647,0,0,0,0,0),
 (902,99999,'page','und','C',1,1,1795369741,1795369741,0,0,0,0,0),(903,1,'page','und','CafÃ©',1,1,1795369741,1795369741,0,0,0,0,0),
 (904,1,'page','und','D',55,1,1795369741,1795369741,0,0,0,0,0),(9,9,'giving_page','und','E',1,1,1795369741,1795369741,0,0,0,0,0);
INSERT INTO node_revision VALUES (99998,9001,0,'F','',1795369741,1,0,1,0);
INSERT INTO url_alias VALUES (9001,NULL,'g','und'),(9002,'node/12','About-us','und'),(9003,'node/99997','nowhere','und'),(9004,'node/1','about-us','cy');
INSERT INTO file_managed VALUES (5,1,'a.jpg','public://a.jpg','image/jpeg',3,1,1795369741),(7,1,'b.jpg','public://b.jpg','image/jpeg',3,1,1795369741),(8,1,'c.jpg','public://c.jpg','image/jpeg',3,0,1795369741);
INSERT INTO file_usage VALUES (6,'file','node',1,1),(7,'file','node',12,1);
INSERT INTO variable VALUES ('broken','a:1:{'),('object','O:8:\"stdClass\":0:{}');
INSERT INTO webform_component VALUES (2,90,0,'k1','K1','textfield','','a:1:{',0,90),(2,91,0,'k2','K2','hologram','','',0,91),(3,92,0,'title','Title','textfield','','',0,92),(99994,1,0,'k','K','textfield','','',0,1);
INSERT INTO webform VALUES (99993,'','','',1,0,0,0,0,1,'',-1,-1,-1,-1);
INSERT INTO webform_submissions VALUES (7001,2,0,0,0,'192.0.2.1'),(7002,99996,0,0,1552696933,'192.0.2.1'),(7003,1,0,0,1552696933,'192.0.2.1'),(1,2,0,0,1552696933,'192.0.2.1');
INSERT INTO webform_submitted_data VALUES (2,1,77,'0','x'),(2,999999,1,'0','x'),(2,999999,2,'0','x'),(2,7001,1,'0','1'),(2,7001,1,'0','1'),(2,7001,13,'0','donâ€™t'),(2,7001,14,'0',NULL);
INSERT INTO menu_links VALUES ('main-menu',900,0,'node/99995','node/%','Gone','a:0:{}','menu',0,0,0,0,0,1,0,900,0,0,0,0,0,0,0,0,0);
INSERT INTO comment (cid, nid, uid, subject, hostname, created, changed, status, language) VALUES (1,99992,0,'x','192.0.2.1',1795369741,1795369741,1,'und');
CREATE TABLE redirect (rid int, hash varchar(64), type varchar(64), uid int, source varchar(255), source_options text, redirect varchar(255), redirect_options text, language varchar(12), status_code smallint);
INSERT INTO redirect VALUES (1,'h','redirect',1,'old','a:0:{}','node/99991','a:0:{}','und',0);
CREATE TABLE crm_outbox (id int, body text);
INSERT INTO crm_outbox VALUES (1,'x'),(2,'y');
`

var plantedFound = map[string]string{
	"comment nid: comment on a missing node":                        "cid 1",
	"field_data_field_event_date field_event_date_value: zero date": "entity_type node, entity_id 10, delta 0, language und",
	"field_data_field_photo field_photo_fid: missing file":          "entity_type node, entity_id 10, delta 0, language und",
	"field_data_field_tags field_tags_tid: missing term":            "entity_type node, entity_id 1, delta 0, language und",
	"field_data_field_town : deleted value":                         "entity_type node, entity_id 10, delta 1, language und",
	"field_data_field_town entity_id: value of a missing node":      "entity_type node, entity_id 99999, delta 0, language und",
	"file_managed fid: file without a use":                          "fid 5",
	"file_usage fid: use of a missing file":                         "fid 6, module file, type node, id 1",
	"menu_links link_path: link to nothing":                         "mlid 900",
	"node : duplicate row":                                          "nid 9",
	"node changed: time in the future":                              "nid 901",
	"node created: time before 1970":                                "nid 900",
	"node title: mislabelled charset":                               "nid 903",
	"node uid: missing user":                                        "nid 904",
	"node vid: node without its revision":                           "nid 902",
	"node_revision nid: revision of a missing node":                 "vid 9001",
	"redirect redirect: redirect to nothing":                        "rid 1",
	"url_alias alias: duplicate alias":                              "pid 9002",
	"url_alias source: alias of nothing":                            "pid 9003",
	"url_alias source: null":                                        "pid 9001",
	"variable value: broken serialised value":                       "name broken",
	"variable value: object in a serialised value":                  "name object",
	"webform nid: webform of a missing node":                        "nid 99993",
	"webform_component extra: broken serialised value":              "nid 2, cid 90",
	"webform_component form_key: form key twice":                    "nid 3, cid 92",
	"webform_component nid: component of a missing node":            "nid 99994, cid 1",
	"webform_component type: unknown component type":                "nid 2, cid 91",
	"webform_submissions : duplicate row":                           "sid 1",
	"webform_submissions nid: submission of a missing node":         "sid 7002",
	"webform_submissions nid: submission of no webform":             "sid 7003",
	"webform_submissions submitted: zero date":                      "sid 7001",
	"webform_submitted_data : duplicate row":                        "nid 2, sid 7001, cid 1",
	"webform_submitted_data cid: value of an unknown component":     "nid 2, sid 1, cid 77",
	"webform_submitted_data data: mislabelled charset":              "nid 2, sid 7001, cid 13",
	"webform_submitted_data data: null":                             "nid 2, sid 7001, cid 14",
	"webform_submitted_data sid: values without a submission":       "nid 2, sid 999999",
}

// mangled is the sample with what is planted in it.
func mangled(t testing.TB) []byte {
	return []byte(strings.Replace(lax(t), "-- Dump completed", planted+"-- Dump completed", 1))
}

func plantedIsFound(t *testing.T, source string) {
	t.Helper()
	c := census(t, source)
	found := map[string]string{}
	for _, o := range c.Oddities {
		found[fmt.Sprintf("%s %s: %s", o.Table, o.Column, o.Kind)] = o.Example
		if o.Count != 1 {
			t.Errorf("%s: %d times in %s.%s", o.Kind, o.Count, o.Table, o.Column)
		}
	}
	for what, example := range plantedFound {
		if found[what] != example {
			t.Errorf("%s: found at %q, planted at %q", what, found[what], example)
		}
		delete(found, what)
	}
	for what, example := range found {
		t.Errorf("%s at %s was not planted", what, example)
	}
	for _, table := range c.Tables {
		if table.Name == "crm_outbox" && table != (TableCount{"crm_outbox", 2, ""}) {
			t.Errorf("a table that nobody knows is %+v", table)
		}
	}
}

// Each oddity is planted once and found once, nothing else is found, and it does not depend on where the tables lie.
func TestOddities(t *testing.T) {
	t.Parallel()
	dump := mangled(t)
	file := write(t, "dump.sql", dump)
	plantedIsFound(t, file)
	plantedIsFound(t, loaded(t, dump))
	if n := len(collected(t, content(t, file).Nodes)); n != 150 {
		t.Errorf("%d nodes are left, want 150", n)
	}
}

// latin is the sample whose nodes, aliases and values lie in columns that call themselves latin1 and hold UTF-8, as old sites do: mysqldump then writes Ã© for é.
func latin(t testing.TB) []byte {
	dump := lax(t)
	for table, row := range map[string]string{
		"node":                   "(903,1,'page','und','CafÃ© Â£5',1,1,1795369741,1795369741,0,0,0,0,0),(904,1,'page','und','Plain £5',1,1,1795369741,1795369741,0,0,0,0,0)",
		"webform_component":      `(2,90,0,'k','K','textfield','','a:1:{s:5:\"items\";s:5:\"CafÃ©\";}',0,90)`,
		"webform_submitted_data": "(2,1,90,'0','donâ€™t')",
	} {
		from := strings.Index(dump, "CREATE TABLE `"+table+"`")
		end := from + strings.Index(dump[from:], ";\n")
		definition := strings.NewReplacer("utf8mb3_general_ci", "latin1_swedish_ci", "utf8mb4_general_ci", "latin1_swedish_ci", "utf8mb3", "latin1", "utf8mb4", "latin1").Replace(dump[from:end])
		dump = dump[:from] + definition + ";\nINSERT INTO `" + table + "` VALUES " + row + dump[end:]
	}
	return []byte(dump)
}

func mislabelledIsMended(t *testing.T, source string, counted bool) {
	t.Helper()
	d := content(t, source)
	d.now = func() time.Time { return when }
	for _, n := range collected(t, d.Nodes) {
		if want := map[int64]string{903: "Café £5", 904: "Plain £5"}[n.NID]; want != "" && n.Title != want {
			t.Errorf("%s: node %d is %q, want %q", source, n.NID, n.Title, want)
		}
	}
	want := []Oddity{}
	if counted {
		want = []Oddity{{"mislabelled charset", "node", "title", 1, "nid 903"}, {"mislabelled charset", "webform_component", "extra", 1, "nid 2, cid 90"},
			{"mislabelled charset", "webform_submitted_data", "data", 1, "nid 2, sid 1, cid 90"}}
	}
	for range 2 { // twice: a count does not grow
		if c, err := d.Census(t.Context()); err != nil || !slices.Equal(c.Oddities, want) {
			t.Errorf("%s: %+v, %v", source, c.Oddities, err)
		}
	}
}

// SQLite has no labels: what LoadSQLite made of the dump is mended.
func TestMislabelledTextIsMended(t *testing.T) {
	t.Parallel()
	dump := latin(t)
	mislabelledIsMended(t, write(t, "dump.sql", dump), true)
	mislabelledIsMended(t, loaded(t, dump), false)
}

func TestMislabelledTextOfALiveServer(t *testing.T) {
	t.Parallel()
	server := mariadb.Test(t)
	if err := server.Load(t.Context(), "d7", bytes.NewReader(latin(t))); err != nil {
		t.Fatal(err)
	}
	mislabelledIsMended(t, server.Source("root", "d7"), true)
}

func TestOdditiesOfALiveServer(t *testing.T) {
	t.Parallel()
	server := mariadb.Test(t)
	if err := server.Load(t.Context(), "d7", bytes.NewReader(mangled(t))); err != nil {
		t.Fatal(err)
	}
	plantedIsFound(t, server.Source("root", "d7"))
}
