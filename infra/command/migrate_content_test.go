package command

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/migration/content"
)

// The pages are frozen by one command, and gateway.yaml takes the folder as a backend, or says with its line why not.
func TestMigrateContent(t *testing.T) {
	t.Parallel()
	address, file := oldSite(t)
	dir := t.TempDir()
	out, log := filepath.Join(dir, "frozen"), filepath.Join(dir, "access.log")
	line := `203.0.113.9 - - [01/Mar/2019:00:06:55 +0000] "GET /sites/default/files/styles/large/public/photo-1.jpg HTTP/1.1" 200 1764 "-" "Mozilla/5.0" 0.073` + "\n"
	if err := os.WriteFile(log, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"migrate", "content", "--from", "sqlite:" + file, "--site", address, "--out", out, "--log", log}
	status, text, errs := banyan(append(args, "--json")...)
	var r content.Report
	if err := json.Unmarshal([]byte(text), &r); status != done || err != nil {
		t.Fatalf("%d %v %s", status, err, errs)
	}
	if r.Pages < 290 || !r.Clean() || len(r.Forms) != 7 || !r.Forms[0].Live || r.Forms[1].Live || r.Drupal8.Nodes != 145 {
		t.Errorf("%d pages, forms %+v, %+v, %+v", r.Pages, r.Forms, r.Compared, r.Drupal8)
	}
	if status, text, errs = banyan(args...); status != done || !strings.Contains(text, "closed form: node 3 (/gift-aid)") || !strings.Contains(text, "0 new, 0 changed") {
		t.Errorf("again: %d %s %s", status, text, errs)
	}
	yaml := filepath.Join(dir, "gateway.yaml")
	check := func(folder string) (int, string) {
		t.Helper()
		if err := os.WriteFile(yaml, []byte("hosts: [www.rednosefund.example]\nbackends:\n  pages: {dir: "+folder+"}\ndefault: pages\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		status, text, errs := banyan("gateway", "--config", yaml, "--check")
		return status, text + errs
	}
	if status, says := check(out); status != done {
		t.Errorf("the folder as a backend: %d %s", status, says)
	}
	if status, says := check(dir); status != wrong || !strings.Contains(says, "gateway.yaml:3: ") || !strings.Contains(says, "holds no manifest.json") {
		t.Errorf("another folder: %d %s", status, says)
	}
	for says, change := range map[string][]string{
		"--rate is -1": {"--rate", "-1"}, "--removed is -1": {"--removed", "-1"}, "--log": {"--log", filepath.Join(dir, "none.log")}, "scheme and host": {"--site", "old.example"}, "--from": {"--from", filepath.Join(dir, "none.sql")},
	} {
		if status, _, errs := banyan(append(args, change...)...); status != wrong || !strings.Contains(errs, says) {
			t.Errorf("%v: %d %s", change, status, errs)
		}
	}
	closed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer closed.Close()
	if status, _, errs := banyan(append(args, "--site", closed.URL)...); status != outside || !strings.Contains(errs, "accept that many with --removed ") {
		t.Errorf("a site that is closed: %d %s", status, errs)
	}
	if status, _, errs := banyan(append(args, "--site", closed.URL, "--removed", "100000")...); status != unheld || !strings.Contains(errs, "the home page is no page") {
		t.Errorf("a closed site that is accepted: %d %s", status, errs)
	}
	turning := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.RequestURI, http.StatusFound) }))
	defer turning.Close()
	if status, text, errs := banyan(append(args, "--site", turning.URL)...); status != unheld || !strings.Contains(text, "redirects to itself; the page stays") || !strings.Contains(text, "0 changed") {
		t.Errorf("a site of redirects to themselves: %d %s %s", status, text, errs)
	}
	if status, _, errs := banyan(append(args, "--site", "http://127.0.0.1:1")...); status != outside || !strings.Contains(errs, "nothing was changed") {
		t.Errorf("no site: %d %s", status, errs)
	}
}
