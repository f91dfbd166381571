package content

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// The package's shape is migrate_plus's: each migration reads a file of the package by a column that every row has, each process reads columns of its source,
// and every migration that one waits for is there. No Drupal 8 has run it.
func TestThePackageForDrupal8HoldsTogether(t *testing.T) {
	t.Parallel()
	o, e := small(t)
	opt := o.options(filepath.Join(t.TempDir(), "out"), e)
	h := freeze(t, opt).Drupal8
	if h.Nodes != 4 || h.Types["webform"] != 2 || h.Aliases != 4 || h.Redirects != 1 || h.Menus != 1 || h.Files != 1 || len(h.Absent) != 1 || h.Absent[0].At != "private://p.pdf" {
		t.Errorf("%+v", h)
	}
	dir := filepath.Join(opt.Out, "drupal8")
	if photo, err := os.ReadFile(filepath.Join(dir, "files", "a.jpg")); err != nil || string(photo) != "\xff\xd8a" {
		t.Errorf("%q, %v", photo, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "migrations", "migrate_plus.migration.*.yml"))
	if err != nil || len(files) != 6 {
		t.Fatalf("%v, %v", files, err)
	}
	there := map[string]bool{}
	for _, file := range files {
		there[strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "migrate_plus.migration."), ".yml")] = true
	}
	for _, file := range files {
		checkMigration(t, dir, file, there)
	}
	text, err := os.ReadFile(filepath.Join(dir, "data", "node_page.json"))
	if want := `"field.body":[{"format":"filtered_html","value":"\u003cp\u003ex\u003c/p\u003e"}]`; err != nil || !strings.Contains(string(text), want) {
		t.Errorf("%s, %v", text, err)
	}
}

type migrationYAML struct {
	ID     string
	Group  string `yaml:"migration_group"`
	Source struct {
		Plugin   string
		Selector string `yaml:"item_selector"`
		URLs     []string
		IDs      map[string]any
		Fields   []struct{ Name, Selector string }
	}
	Process      map[string]any
	Destination  struct{ Plugin string }
	Dependencies struct{ Required []string } `yaml:"migration_dependencies"`
}

func checkMigration(t *testing.T, dir, file string, there map[string]bool) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var m migrationYAML
	if err := yaml.Unmarshal(text, &m); err != nil {
		t.Fatalf("%s: %v\n%s", file, err, text)
	}
	if m.Group != "banyan" || m.Source.Plugin != "url" || m.Source.Selector != "data" || len(m.Source.URLs) != 1 || !strings.HasPrefix(m.Destination.Plugin, "entity:") {
		t.Errorf("%s: %+v", file, m)
	}
	data, err := os.ReadFile(filepath.Join(dir, strings.TrimPrefix(m.Source.URLs[0], "banyan/")))
	if err != nil {
		t.Fatal(err)
	}
	var rows struct{ Data []map[string]any }
	if err := json.Unmarshal(data, &rows); err != nil || len(rows.Data) == 0 {
		t.Fatalf("%s: %v: %s", m.Source.URLs[0], err, data)
	}
	columns := map[string]bool{"constants/package": true}
	for _, f := range m.Source.Fields {
		columns[f.Name] = true
		met := false
		for _, row := range rows.Data {
			_, has := row[f.Selector]
			met = met || has
		}
		if !met {
			t.Errorf("%s: no row has %s", m.ID, f.Selector)
		}
	}
	for id := range m.Source.IDs {
		for _, row := range rows.Data {
			if _, has := row[id]; !has {
				t.Errorf("%s: a row without its id %s", m.ID, id)
			}
		}
	}
	for to, how := range m.Process {
		for _, from := range sources(how) {
			if made := strings.TrimPrefix(from, "@"); made != from {
				if m.Process[made] == nil {
					t.Errorf("%s: %s reads %s, which nothing makes", m.ID, to, from)
				}
			} else if !columns[from] {
				t.Errorf("%s: %s reads %s, which is no column", m.ID, to, from)
			}
		}
	}
	for _, other := range m.Dependencies.Required {
		if !there[other] {
			t.Errorf("%s waits for %s, which is not there", m.ID, other)
		}
	}
}

// sources are the columns that a process reads; those within a sub_process are its own.
func sources(how any) (all []string) {
	switch how := how.(type) {
	case string:
		return []string{how}
	case []any:
		for _, step := range how {
			all = append(all, sources(step)...)
		}
	case map[string]any:
		switch from := how["source"].(type) {
		case string:
			all = append(all, from)
		case []any:
			for _, one := range from {
				all = append(all, one.(string))
			}
		}
	}
	return all
}
