package command

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	adapter "github.com/banyan-migration/banyan/gateway/drupal"
	legacy "github.com/banyan-migration/banyan/infra/fakes/drupal"
	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
)

// oldSite is the sample site, running, and its database's file.
func oldSite(t *testing.T) (address, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "legacy.db")
	db, err := legacy.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	dump, err := gzip.NewReader(bytes.NewReader(site.Dump))
	if err != nil {
		t.Fatal(err)
	}
	if err := drupal.LoadSQLite(t.Context(), dump, db); err != nil {
		t.Fatal(err)
	}
	s, err := legacy.New(legacy.Options{DB: db})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	t.Cleanup(func() { s.Close(); db.Close() })
	return "http://" + l.Addr().String(), file
}

func banyan(args ...string) (status int, out, errs string) {
	var o, e bytes.Buffer
	status = run(context.Background(), args, nil, strings.NewReader(""), &o, &e)
	return status, o.String(), e.String()
}

// What freeze-forms takes from the sample site is the sample that is embedded, and the adapter reads it.
func TestFreezeForms(t *testing.T) {
	t.Parallel()
	address, file := oldSite(t)
	dir := filepath.Join(t.TempDir(), "pages")
	status, out, errs := banyan("cutover", "freeze-forms", "donate", "--from", "sqlite:"+file, "--site", address, "--out", dir, "--json")
	if status != done {
		t.Fatalf("status %d: %s", status, errs)
	}
	var doc frozenForm
	if err := json.Unmarshal([]byte(out), &doc); err != nil || doc.Node != 2 || doc.Alias != "donate" || doc.Service != "donate" || len(doc.Components) != 14 || len(doc.Files) != 4 {
		t.Errorf("%v: %s", err, out)
	}
	for _, name := range []string{"components.json", "form.html", "done.html", "error.html"} {
		want, err := fs.ReadFile(form.Sample(2), name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s (%v) is not the embedded sample:\n%s", name, err, got)
		}
	}
	if _, err := adapter.New(adapter.Options{Node: 2, Service: "donate", Pages: os.DirFS(dir)}); err != nil {
		t.Error(err)
	}
}

// Each wrong call says what would be right, with its status, and writes nothing.
func TestFreezeFormsRefuses(t *testing.T) {
	t.Parallel()
	address, file := oldSite(t)
	spoilt := func(query string) string {
		broken := filepath.Join(t.TempDir(), "broken.db")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(broken, text, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := legacy.Open(broken)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(query); err != nil {
			t.Fatal(err)
		}
		return "sqlite:" + broken
	}
	whole := "sqlite:" + file
	for name, c := range map[string]struct {
		group, from, site string
		status            int
		want              string
	}{
		"no such form": {"shop", whole, address, wrong, "there are donate, gift-aid"},
		"no source":    {"donate", "nowhere.sql", address, wrong, "nowhere.sql"},
		"no site":      {"donate", whole, "www.example.org", wrong, "write it as https://www.example.org"},
		"site away":    {"donate", whole, "http://127.0.0.1:1", outside, "does not answer"},
		"multi-page": {"donate", spoilt(`UPDATE webform_component SET type = 'pagebreak' WHERE nid = 2 AND form_key = 'town'`), address, wrong,
			"component town begins another page"},
		"file": {"donate", spoilt(`UPDATE webform_component SET type = 'file' WHERE nid = 2 AND form_key = 'town'`), address, wrong,
			"component town is of type file"},
		"conditional": {"donate", spoilt(`UPDATE webform_component SET extra = 'a:1:{s:21:"conditional_component";s:1:"3";}' WHERE nid = 2 AND form_key = 'town'`), address, wrong,
			"component town is shown only where another says so"},
		"unique": {"donate", spoilt(`UPDATE webform_component SET extra = 'a:1:{s:6:"unique";i:1;}' WHERE nid = 2 AND form_key = 'email'`), address, wrong,
			"component email must be unique"},
		"grid": {"donate", spoilt(`UPDATE webform_component SET type = 'grid' WHERE nid = 2 AND form_key = 'town'`), address, wrong,
			"component town is of type grid"},
		"webform 4": {"donate", spoilt(`CREATE TABLE webform_conditional (nid INTEGER, rgid INTEGER)`), address, wrong, "version 4"},
		"nothing mandatory": {"donate", spoilt(`UPDATE webform_component SET mandatory = 0`), address, wrong,
			"an empty post would be stored"},
		"another database": {"donate", spoilt(`UPDATE webform_component SET form_key = 'city' WHERE nid = 2 AND form_key = 'town'`), address, wrong,
			"submitted[town] is on the page and not in the database"},
	} {
		dir := filepath.Join(t.TempDir(), "pages")
		status, _, errs := banyan("cutover", "freeze-forms", c.group, "--from", c.from, "--site", c.site, "--out", dir)
		if status != c.status || !strings.Contains(errs, c.want) {
			t.Errorf("%s: status %d, want %d with %q: %s", name, status, c.status, c.want, errs)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: something was written", name)
		}
	}
}
