package drupal

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/mariadb"
	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/shared/form"
)

func content(t testing.TB, source string) *contentDB {
	t.Helper()
	d, err := openContent(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// collected is all that one of Content's readings gives.
func collected[T any](t testing.TB, read func(context.Context, func(T) error) error) (all []T) {
	t.Helper()
	if err := read(t.Context(), func(v T) error { all = append(all, v); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// loaded is a dump in a SQLite file as LoadSQLite makes it, and the file's name.
func loaded(t testing.TB, dump []byte) string {
	t.Helper()
	db := database(t)
	if err := LoadSQLite(t.Context(), bytes.NewReader(dump), db); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "legacy.db")
	if _, err := db.Exec("VACUUM INTO ?", file); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + file
}

func TestContentOfTheSample(t *testing.T) {
	t.Parallel()
	d := content(t, write(t, "dump.sql.gz", site.Dump))
	bundles := map[string]int{}
	nodes := collected(t, d.Nodes)
	for _, n := range nodes {
		bundles[n.Type]++
	}
	if want := map[string]int{"giving_page": 60, "fundraiser": 60, "page": 18, "webform": 7}; !reflect.DeepEqual(bundles, want) {
		t.Errorf("nodes %v, want %v", bundles, want)
	}
	sing := nodes[8]
	if sing.Title != "Siân's sponsored Sing 1" || sing.Alias != "giving/sing-1" || !sing.Published || sing.Revisions != 1 || sing.Fields["field_target"][0]["value"] != "2477.00" {
		t.Errorf("node 9 is %+v", sing)
	}
	if aliases := collected(t, d.Aliases); len(aliases) != 145 || aliases[1] != (Alias{2, "node/2", "donate", "und"}) {
		t.Errorf("%d aliases, the second %+v", len(aliases), aliases[1])
	}
	if menus := collected(t, d.Menus); menus[0] != (MenuLink{ID: 219, Menu: "main-menu", Title: "Home", Path: "<front>"}) {
		t.Errorf("menus %+v", menus)
	}
	if routes := collected(t, d.Routes); len(routes) != 329 {
		t.Errorf("%d routes", len(routes))
	}
	if name, err := d.Variable(t.Context(), "site_name"); err != nil || name != "Red Nose Fund" {
		t.Error(name, err)
	}
	if nothing, err := d.Variable(t.Context(), "site_frontpage"); err != nil || nothing != nil {
		t.Error(nothing, err)
	}
}

// told0031 is all that a site's content says.
func everything(t testing.TB, d *contentDB) []any {
	fields, err := d.Fields(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return []any{collected(t, d.Nodes), collected(t, d.Aliases), collected(t, d.Redirects), collected(t, d.Menus), collected(t, d.Files), collected(t, d.Routes), fields}
}

func agree(t *testing.T, dump []byte, others ...string) {
	t.Helper()
	want := everything(t, content(t, write(t, "dump.sql", dump)))
	for _, source := range append(others, loaded(t, dump)) {
		for i, got := range everything(t, content(t, source)) {
			if !reflect.DeepEqual(got, want[i]) {
				t.Errorf("%s says\n%+v\nthe dump\n%+v", source, got, want[i])
			}
		}
	}
}

func TestContentIsTheSameWhereverItLies(t *testing.T) {
	t.Parallel()
	agree(t, plain(t))
}

func TestContentOfALiveServer(t *testing.T) {
	t.Parallel()
	server := mariadb.Test(t)
	if err := server.Load(t.Context(), "d7", bytes.NewReader(plain(t))); err != nil {
		t.Fatal(err)
	}
	agree(t, plain(t), server.Source("root", "d7"))
}

func TestADumpsTemporaryFile(t *testing.T) {
	t.Parallel()
	d := content(t, write(t, "dump.sql.gz", site.Dump))
	info, err := os.Stat(filepath.Join(d.dir, "content.db"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(d.dir); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
}

// What a killed run left is removed by the next, what somebody still uses is not. Not parallel: it says where temporary files go.
func TestLeftTemporaryFilesAreRemoved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	used, killed := content(t, write(t, "dump.sql", eight(t))), content(t, write(t, "dump.sql", eight(t)))
	killed.lock.Close() // as a death does
	for _, d := range []*contentDB{used, killed} {
		if err := os.Chtimes(d.dir, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	content(t, write(t, "dump.sql", eight(t)))
	if _, err := os.Stat(used.dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(killed.dir); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
	killed.lock = nil
	if n := len(collected(t, used.Nodes)); n != 2 {
		t.Errorf("%d nodes", n)
	}
}

// A source also gives the rows of form.Contents, each alike in every kind.
func TestRowsOfContents(t *testing.T) {
	t.Parallel()
	dump, sqlite := open(t, write(t, "dump.sql.gz", site.Dump)), open(t, loaded(t, plain(t)))
	for name, last := range map[string]int64{"giving-page": 127, "fundraiser": 128, "file": 0} {
		rows := records(t, dump, name, 0)
		if got := records(t, sqlite, name, 0); !reflect.DeepEqual(got, rows) {
			t.Errorf("%s: SQLite gives %d rows, the dump %d", name, len(got), len(rows))
		}
		if got, err := sqlite.Last(t.Context(), name); err != nil || got != last || name != "file" && len(rows) != 60 {
			t.Errorf("%s: %d rows, the last %d (%v), want %d", name, len(rows), got, err, last)
		}
		if last == 0 {
			continue
		}
		if got, err := sqlite.Record(t.Context(), rows[0].NID, rows[0].SID); err != nil || !reflect.DeepEqual(got, rows[0]) {
			t.Errorf("%s: one row is %+v, %v; want %+v", name, got, err, rows[0])
		}
		sums := int64(0)
		err := sqlite.Sweep(t.Context(), name, Span{After: 100}, 10, func(c Chunk) error { sums += c.Rows; return nil })
		if err != nil || sums != int64(len(records(t, dump, name, 100))) {
			t.Errorf("%s: a sweep counts %d (%v)", name, sums, err)
		}
	}
	want := map[string][]string{"title": {"Siân's sponsored Sing 1"}, "alias": {"giving/sing-1"}, "status": {"1"}, "body.format": {"filtered_html"},
		"body":             {"I am doing a sponsored Sing <em>for</em> Red Nose Day & more. £1 helps — thank you!\n\nPlease give."},
		"field_event_date": {"2019-03-15"}, "field_owner_email": {"owner1@example.org"}, "field_target": {"2477.00"}}
	if got := records(t, dump, "giving-page", 0)[0]; got.SID != 9 || !reflect.DeepEqual(got.Values, want) || got.Form != form.Contents[0].Alias {
		t.Errorf("%+v, want %v", got, want)
	}
	if forms, err := dump.Forms(t.Context()); err != nil || len(forms) != 7 {
		t.Errorf("%d webforms: %v", len(forms), err)
	}
}
