package drupal

import (
	"bytes"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/mariadb"
)

// eight is a small Drupal 8 site, its tables as Drupal's own schema has them but for columns that say nothing here.
func eight(t testing.TB) []byte {
	dump, err := os.ReadFile("testdata/drupal8.sql")
	if err != nil {
		t.Fatal(err)
	}
	return dump
}

func unix(at int64) time.Time { return time.Unix(at, 0).UTC() }

func TestDrupal8(t *testing.T) {
	t.Parallel()
	d := content(t, write(t, "dump.sql", eight(t)))
	if d.Version() != 8 || d.prefix != "d8_" {
		t.Fatal(d.version, d.prefix)
	}
	want := []Node{
		{NID: 1, VID: 3, Type: "page", Language: "en", Title: "About us", Alias: "about-us", Published: true, Author: 1, Created: unix(1552600000), Changed: unix(1552600009), Revisions: 2,
			Fields: map[string][]map[string]string{
				"body":             {{"value": "<p>Hello</p>", "summary": "Short", "format": "basic_html"}, {"value": "<p>Helo</p>", "format": "basic_html", "language": "cy"}},
				"field_files":      {{"target_id": "2", "display": "1", "description": "The report", "uri": "public://report.pdf"}},
				"field_media":      {{"target_id": "1", "name": "A nose", "uri": "public://2019-03/nose.jpg"}},
				"field_tags":       {{"target_id": "1", "name": "Baking"}, {"target_id": "2", "name": "Schools"}},
				"translated_title": {{"value": "Amdanom ni", "language": "cy"}},
				"field_a_name_that_is_longer_than_a_table_may_be": {{"value": "long"}},
			}},
		{NID: 2, VID: 2, Type: "giving_page", Language: "en", Title: "Siân’s bake", Alias: "giving/bake", Promoted: true, Author: 1, Created: unix(1552600005), Changed: unix(1552600006), Revisions: 1,
			Fields: map[string][]map[string]string{
				"field_amount": {{"value": "250.50"}},
				"field_photo":  {{"target_id": "1", "alt": "A nose", "width": "640", "height": "480", "uri": "public://2019-03/nose.jpg"}},
			}},
	}
	if got := collected(t, d.Nodes); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	links := []MenuLink{
		{ID: 5, Menu: "account", Title: "My account", Path: "user", Weight: -10},
		{ID: 3, Menu: "main", Title: "Home", Path: "<front>", Weight: -1},
		{ID: 1, Menu: "main", Title: "About", Path: "node/1", Weight: 1},
		{ID: 2, Parent: 1, Menu: "main", Title: "Report", Path: "reports?year=2019#top"},
	}
	if got := collected(t, d.Menus); !reflect.DeepEqual(got, links) {
		t.Errorf("menus %+v", got)
	}
	redirects := []Redirect{{From: "old", To: "node/1", Status: 301}, {From: "shop?sku=7", To: "https://shop.example/", Status: 302}}
	if got := collected(t, d.Redirects); !reflect.DeepEqual(got, redirects) {
		t.Errorf("redirects %+v", got)
	}
	files := collected(t, d.Files)
	if len(files) != 3 || files[0] != (File{1, "public://2019-03/nose.jpg", "nose.jpg", "image/jpeg", 1234, unix(1552600001), 2, false}) || !files[2].Temporary {
		t.Errorf("files %+v", files)
	}
	if routes := collected(t, d.Routes); len(routes) != 3 || routes[0] != (Route{Path: "node/%", Call: "entity.node.canonical"}) {
		t.Errorf("routes %+v", routes)
	}
	for name, want := range map[string]any{"site_frontpage": "node/1", "site_name": "New Nose Fund", "site_slogan": nil} {
		if got, err := d.Variable(t.Context(), name); err != nil || got != want {
			t.Errorf("%s is %v, %v", name, got, err)
		}
	}
}

func TestCensusOfDrupal8(t *testing.T) {
	t.Parallel()
	c := census(t, write(t, "dump.sql", eight(t)))
	for _, table := range c.Tables {
		if table.Use == "" || table.Rows == 0 {
			t.Errorf("%+v", table)
		}
	}
	if len(c.Oddities) != 0 {
		t.Errorf("%+v", c.Oddities)
	}
}

// Before 8.8 aliases lay in url_alias.
func TestDrupal80KeepsItsAliasesOtherwise(t *testing.T) {
	t.Parallel()
	dump := string(eight(t))
	from, to := strings.Index(dump, "CREATE TABLE `d8_path_alias`"), strings.Index(dump, "CREATE TABLE `d8_redirect`")
	old := "CREATE TABLE `d8_url_alias` (`pid` int, `source` varchar(255), `alias` varchar(255), `langcode` varchar(12));\nINSERT INTO `d8_url_alias` VALUES (1,'/node/1','/old','en'),(2,'/node/1','/about-us','en'),(3,'/node/2','/giving/bake','und');\n"
	d := content(t, write(t, "dump.sql", []byte(dump[:from]+old+dump[to:])))
	want := []Alias{{1, "node/1", "old", "en"}, {2, "node/1", "about-us", "en"}, {3, "node/2", "giving/bake", "und"}}
	if got := collected(t, d.Aliases); !reflect.DeepEqual(got, want) {
		t.Errorf("aliases %+v", got)
	}
	if nodes := collected(t, d.Nodes); nodes[0].Alias != "about-us" || nodes[1].Alias != "giving/bake" {
		t.Errorf("nodes %+v", nodes)
	}
}

func TestDrupal8IsTheSameWhereverItLies(t *testing.T) {
	t.Parallel()
	agree(t, eight(t))
}

func TestDrupal8OfALiveServer(t *testing.T) {
	t.Parallel()
	server := mariadb.Test(t)
	if err := server.Load(t.Context(), "d8", bytes.NewReader(eight(t))); err != nil {
		t.Fatal(err)
	}
	agree(t, eight(t), server.Source("root", "d8"))
}
