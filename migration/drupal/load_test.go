package drupal

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/banyan-migration/banyan/infra/local/site"
)

func sample(t testing.TB) *gzip.Reader {
	z, err := gzip.NewReader(bytes.NewReader(site.Dump))
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func database(t testing.TB) *sql.DB {
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "legacy.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func one[T any](t testing.TB, db *sql.DB, query string, args ...any) (v T) {
	t.Helper()
	if err := db.QueryRow(query, args...).Scan(&v); err != nil {
		t.Fatal(query, err)
	}
	return v
}

func testLoaded(t *testing.T, db *sql.DB) {
	for query, want := range map[string]int64{
		"SELECT count(*) FROM webform_submissions":                                            6000,
		"SELECT count(DISTINCT sid) FROM webform_submitted_data":                              6000,
		"SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'": 93,
		"SELECT seq FROM sqlite_sequence WHERE name = 'webform_submissions'":                  6000,
		"SELECT nid FROM node WHERE title = 'D''Arcy''s sponsored Bake 8'":                    16,
		"SELECT count(*) FROM system WHERE typeof(info) != 'blob'":                            0,
		"SELECT count(*) FROM node WHERE typeof(nid) != 'integer'":                            0,
	} {
		if got := one[int64](t, db, query); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
	if got, want := one[string](t, db, "SELECT data FROM webform_submitted_data WHERE sid = 1 AND cid = 13"), "<b>bold</b> & co"; got != want {
		t.Errorf("a message is %q, want %q", got, want)
	}
	if got := one[string](t, db, "SELECT extra FROM webform_component WHERE nid = 2 AND cid = 11"); got != "a:2:{s:5:\"items\";s:10:\"1|Yes\n0|No\";s:7:\"private\";i:0;}" {
		t.Errorf("an escaped value is %q", got)
	}
}
