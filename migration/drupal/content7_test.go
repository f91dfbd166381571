package drupal

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/infra/fakes/mariadb"
	"github.com/banyan-migration/banyan/shared/form"
)

// rich is what the sample has none of: files, images, terms, references, several values and languages, redirects, a menu with children.
const rich = `
INSERT INTO node VALUES (300,301,'giving_page','en','Bake for noses',1,0,1552696933,1552696999,0,1,0,0,0);
INSERT INTO node_revision VALUES (300,300,1,'Bake','',1552696933,1,0,1,0),(300,301,1,'Bake for noses','',1552696999,1,0,1,0);
INSERT INTO url_alias VALUES (300,'node/300','giving/bake','en'),(301,'node/300','giving/bake-new','en'),(302,'node/300','cy/pobi','cy'),(303,'node/300','bake','und');
INSERT INTO taxonomy_term_data VALUES (4,1,'Cakes',NULL,NULL,0),(5,1,'Schools',NULL,NULL,0);
INSERT INTO file_managed VALUES (20,1,'cake.jpg','public://cake.jpg','image/jpeg',2048,1,1552696933),(21,1,'half.jpg','temporary://half.jpg','image/jpeg',1,0,1552696934);
INSERT INTO file_usage VALUES (20,'file','node',300,1);
INSERT INTO field_data_field_photo VALUES ('node','giving_page',0,300,301,'und',0,20,'A cake',NULL,640,480);
INSERT INTO field_data_field_tags VALUES ('node','giving_page',0,300,301,'und',1,4),('node','giving_page',0,300,301,'und',0,5),('node','giving_page',1,300,301,'und',2,4),('node','giving_page',0,300,301,'und',3,99);
INSERT INTO field_data_body VALUES ('node','giving_page',0,300,301,'cy',0,'<p>Pobi</p>',NULL,'full_html'),('node','giving_page',0,300,301,'en',0,'<p>Bake</p>','Short','full_html');
INSERT INTO field_config VALUES (30,'field_doc','entityreference','entityreference',1,'field_sql_storage','field_sql_storage',1,0,'a:1:{s:8:\"settings\";a:1:{s:11:\"target_type\";s:4:\"file\";}}',1,0,0);
CREATE TABLE field_data_field_doc (entity_type varchar(128), bundle varchar(128), deleted tinyint, entity_id int, revision_id int, language varchar(32), delta int, field_doc_target_id int);
INSERT INTO field_data_field_doc VALUES ('node','giving_page',0,300,301,'und',0,20),('user','user',0,300,301,'und',0,21);
CREATE TABLE field_data_field_when (entity_type varchar(128), bundle varchar(128), deleted tinyint, entity_id int, revision_id int, language varchar(32), delta int, field_when_value datetime, field_when_value2 datetime);
INSERT INTO field_data_field_when VALUES ('node','giving_page',0,300,301,'und',0,'2019-03-15 19:00:00','2019-03-15 23:00:00');
CREATE TABLE redirect (rid int, hash varchar(64), type varchar(64), uid int, source varchar(255), source_options text, redirect varchar(255), redirect_options text, language varchar(12), status_code smallint, count int, access int, status smallint);
INSERT INTO redirect VALUES (1,'h','redirect',1,'bake','a:1:{s:5:\"query\";a:1:{s:1:\"a\";a:2:{i:0;s:1:\"1\";i:1;s:1:\"2\";}}}','node/300','a:1:{s:8:\"fragment\";s:3:\"top\";}','und',0,0,0,1),
 (2,'i','redirect',1,'shop','a:0:{}','https://shop.example/?x=1','a:0:{}','und',302,0,0,1),(3,'j','redirect',1,'off','a:0:{}','node/1','a:0:{}','und',0,0,0,0);
INSERT INTO menu_links VALUES ('main-menu',301,302,'node/300','node/%','Bake','a:0:{}','menu',0,0,0,0,-9,2,0,302,301,0,0,0,0,0,0,0,0),('main-menu',302,0,'https://shop.example/100%','','Shop','a:0:{}','menu',0,1,1,0,5,1,0,302,0,0,0,0,0,0,0,0,0),
 ('main-menu',303,304,'node/1','node/%','Ring','a:0:{}','menu',1,0,0,0,9,2,0,0,0,0,0,0,0,0,0,0,0),('main-menu',304,303,'node/2','node/%','Ring 2','a:0:{}','menu',0,0,0,0,9,2,0,0,0,0,0,0,0,0,0,0,0);
REPLACE INTO variable VALUES ('redirect_default_status_code','i:307;');
`

func enriched(t testing.TB) []byte {
	return []byte(strings.Replace(lax(t), "-- Dump completed", rich+"-- Dump completed", 1))
}

func TestAllThatANodeMayHold(t *testing.T) {
	t.Parallel()
	d := content(t, write(t, "dump.sql", enriched(t)))
	var got Node
	for _, n := range collected(t, d.Nodes) {
		if n.NID == 300 {
			got = n
		}
	}
	want := Node{NID: 300, VID: 301, Type: "giving_page", Language: "en", Title: "Bake for noses", Alias: "giving/bake-new", Promoted: true, Author: 1, Created: unix(1552696933), Changed: unix(1552696999), Revisions: 2,
		Fields: map[string][]map[string]string{
			"body":        {{"value": "<p>Bake</p>", "summary": "Short", "format": "full_html"}, {"value": "<p>Pobi</p>", "format": "full_html", "language": "cy"}},
			"field_photo": {{"fid": "20", "alt": "A cake", "width": "640", "height": "480", "uri": "public://cake.jpg"}},
			"field_tags":  {{"tid": "5", "name": "Schools"}, {"tid": "4", "name": "Cakes"}, {"tid": "99"}},
			"field_doc":   {{"target_id": "20", "uri": "public://cake.jpg"}},
			"field_when":  {{"value": "2019-03-15 19:00:00", "value2": "2019-03-15 23:00:00"}},
		}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	record := form.Record{Form: "giving-page", NID: 300, SID: 300, At: unix(1552696933), Values: map[string][]string{
		"title": {"Bake for noses"}, "alias": {"giving/bake-new"}, "status": {"0"},
		"body": {"<p>Bake</p>", "<p>Pobi</p>"}, "body.summary": {"Short", ""}, "body.format": {"full_html", "full_html"}, "body.language": {"", "cy"},
		"field_photo": {"public://cake.jpg"}, "field_photo.fid": {"20"}, "field_photo.alt": {"A cake"}, "field_photo.width": {"640"}, "field_photo.height": {"480"},
		"field_tags": {"Schools", "Cakes", ""}, "field_tags.tid": {"5", "4", "99"}, "field_doc": {"public://cake.jpg"}, "field_doc.target_id": {"20"},
		"field_when": {"2019-03-15 19:00:00"}, "field_when.value2": {"2019-03-15 23:00:00"},
	}}
	if r := got.Record(form.Contents[0]); !reflect.DeepEqual(r, record) {
		t.Errorf("got\n%+v\nwant\n%+v", r, record)
	}
}

func TestAddressesOfAllKinds(t *testing.T) {
	t.Parallel()
	d := content(t, write(t, "dump.sql", enriched(t)))
	redirects := []Redirect{{"bake?a%5B0%5D=1&a%5B1%5D=2", "node/300#top", 307}, {"shop", "https://shop.example/?x=1", 302}}
	if got := collected(t, d.Redirects); !reflect.DeepEqual(got, redirects) {
		t.Errorf("redirects %+v", got)
	}
	links := []MenuLink{{219, 0, "main-menu", "Home", "<front>", 0, false}, {302, 0, "main-menu", "Shop", "https://shop.example/100%", 5, false}, {301, 302, "main-menu", "Bake", "node/300", -9, false},
		{303, 0, "main-menu", "Ring", "node/1", 9, true}, {304, 303, "main-menu", "Ring 2", "node/2", 9, false}}
	if got := collected(t, d.Menus)[:5]; !reflect.DeepEqual(got, links) {
		t.Errorf("menus %+v", got)
	}
}

func TestFilesAreRows(t *testing.T) {
	t.Parallel()
	s := open(t, loaded(t, enriched(t)))
	got := records(t, s, "file", 0)
	want := []form.Record{
		{Form: "file", SID: 20, At: unix(1552696933), Values: map[string][]string{"uri": {"public://cake.jpg"}, "name": {"cake.jpg"}, "type": {"image/jpeg"}, "size": {"2048"}, "uses": {"1"}}},
		{Form: "file", SID: 21, At: unix(1552696934), Draft: true, Values: map[string][]string{"uri": {"temporary://half.jpg"}, "name": {"half.jpg"}, "type": {"image/jpeg"}, "size": {"1"}, "uses": {"0"}}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	if one, err := s.Record(t.Context(), 0, 20); err != nil || !reflect.DeepEqual(one, want[0]) {
		t.Error(one, err)
	}
	if last, err := s.Last(t.Context(), "file"); err != nil || last != 21 {
		t.Error(last, err)
	}
}

func TestRichContentIsTheSameWhereverItLies(t *testing.T) {
	t.Parallel()
	agree(t, enriched(t))
}

func TestRichContentOfALiveServer(t *testing.T) {
	t.Parallel()
	server := mariadb.Test(t)
	if err := server.Load(t.Context(), "d7", bytes.NewReader(enriched(t))); err != nil {
		t.Fatal(err)
	}
	agree(t, enriched(t), server.Source("root", "d7"))
}
