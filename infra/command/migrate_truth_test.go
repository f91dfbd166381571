package command

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"encoding/json"
	"io"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/infra/fakes/mariadb"
	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/migration/drupal"
)

// counted is what a program knows of one form of the sample, since it made the rows.
type counted struct {
	Rows       int64            `json:"rows"`
	Migratable int64            `json:"migratable"`
	Rejected   map[string]int64 `json:"rejected"`
	SumPence   int64            `json:"sum_pence"`
}

func truths(t *testing.T) map[string]counted {
	t.Helper()
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(site.Truth, &raw); err != nil {
		t.Fatal(err)
	}
	delete(raw, "duplicates")
	all := map[string]counted{}
	for name, text := range raw {
		var c counted
		if err := json.Unmarshal(text, &c); err != nil {
			t.Fatal(name, err)
		}
		all[name] = c
	}
	if len(all) != 7 {
		t.Fatalf("the truth knows %d forms", len(all))
	}
	return all
}

// Every form of the sample comes out as its truth says, to the row and the penny, by each of the ways to read it: the
// rows moved, or waiting for their service, the rejected by reason, the sums; and the comparison counts the same.
func TestEveryFormIsTheTruth(t *testing.T) {
	t.Parallel()
	t.Run("dump", func(t *testing.T) {
		t.Parallel()
		isTruth(t, sampleDump(t))
	})
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		isTruth(t, "sqlite:"+sampleSQLite(t))
	})
	t.Run("MariaDB", func(t *testing.T) {
		t.Parallel()
		m := mariadb.Test(t, "--innodb-buffer-pool-size=64M")
		dump, err := gzip.NewReader(bytes.NewReader(site.Dump))
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Load(t.Context(), "site", dump); err != nil {
			t.Fatal(err)
		}
		for _, q := range []string{"CREATE USER reader@localhost", "GRANT SELECT ON site.* TO reader@localhost"} {
			if _, err := m.Query(t.Context(), "", q); err != nil {
				t.Fatal(err)
			}
		}
		isTruth(t, m.Source("reader", "site"))
	})
}

func sampleSQLite(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "legacy.db")
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=journal_mode(off)&_pragma=synchronous(off)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var dump io.Reader
	if dump, err = gzip.NewReader(bytes.NewReader(site.Dump)); err == nil {
		err = drupal.LoadSQLite(t.Context(), dump, db)
	}
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// says runs a verb that must end well.
func says(t *testing.T, doc any, args ...string) {
	t.Helper()
	if status, errw := migrates(t, doc, args...); status != done {
		t.Errorf("%q: status %d, %s", args, status, errw)
	}
}

func isTruth(t *testing.T, from string) {
	t.Helper()
	to := "sqlite:" + filepath.Join(t.TempDir(), "services.db")
	var moved struct {
		Forms map[string]struct {
			Rows, Moved, Waiting int64
			Rejected             map[string]int64
			SumPence             int64 `json:"sum_pence"`
		}
	}
	says(t, &moved, "migrate", "backfill", "--from", from, "--to", to, "--json")
	var verified struct {
		Clean bool
		Forms map[string]struct {
			RowsSource     int64 `json:"rows_source"`
			RowsTarget     int64 `json:"rows_target"`
			Waiting        int64
			SumPenceSource int64 `json:"sum_pence_source"`
			SumPenceTarget int64 `json:"sum_pence_target"`
			Rejected       map[string]int64
		}
	}
	says(t, &verified, "migrate", "verify", "--from", from, "--to", to, "--json")
	if !verified.Clean {
		t.Error("the comparison is not clean")
	}
	for name, want := range truths(t) {
		got, there := moved.Forms[name]
		taken := got.Waiting // those of a form whose service does not exist yet
		if name == "donate" {
			taken = got.Moved
		}
		if !there || got.Rows != want.Rows || taken != want.Migratable || got.SumPence != want.SumPence || !maps.Equal(got.Rejected, want.Rejected) {
			t.Errorf("backfill of %s: %+v, the truth is %+v", name, got, want)
		}
		compared := verified.Forms[name]
		if compared.RowsSource != want.Rows || compared.SumPenceSource != want.SumPence || !maps.Equal(compared.Rejected, want.Rejected) {
			t.Errorf("verify of %s: %+v, the truth is %+v", name, compared, want)
		}
		if name == "donate" && (compared.RowsTarget != want.Migratable || compared.SumPenceTarget != want.SumPence) {
			t.Errorf("verify of %s: %+v, the truth is %+v", name, compared, want)
		}
	}
	for name, rows := range map[string]int64{"giving-page": 60, "fundraiser": 60} {
		if got := moved.Forms[name]; got.Rows != rows || got.Waiting != rows {
			t.Errorf("backfill of %s: %+v, want %d rows waiting", name, got, rows)
		}
	}
}

// A form whose page has another address now is not one that was never there: nothing goes on without it, and no comparison is clean.
func TestARenamedPageIsMissed(t *testing.T) {
	t.Parallel()
	file := sampleSQLite(t)
	to := "sqlite:" + filepath.Join(t.TempDir(), "services.db")
	says(t, nil, "migrate", "backfill", "--from", "sqlite:"+file, "--to", to)
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("UPDATE url_alias SET alias = 'give' WHERE source = 'node/2'"); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"sync", "backfill"} {
		if status, errw := migrates(t, nil, "migrate", verb, "--from", "sqlite:"+file, "--to", to); status != wrong || !strings.Contains(errw, "no longer has the webform donate") || !strings.Contains(errw, "give") {
			t.Errorf("%s: %d, %s", verb, status, errw)
		}
	}
	var doc struct {
		Clean   bool
		Unknown map[string]int64 `json:"unknown_forms"`
	}
	if status, errw := migrates(t, &doc, "migrate", "verify", "--from", "sqlite:"+file, "--to", to, "--patience", "0s", "--json"); status != unheld || doc.Clean || doc.Unknown["give"] != 4000 {
		t.Errorf("verify: %d, %s, %+v", status, errw, doc)
	}
}
