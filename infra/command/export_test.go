package command

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is imported checks, and what is exported has the weights that hold: of the file, of the store, of a running gateway.
func TestImportAndExport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "gateway.yaml")
	template := filepath.Join("..", "..", "gateway", "interchange", "testdata", "app.yaml")
	status, out, errs := call(t, "import", "refactor-spaces", template, "--out", file)
	if status != done || !strings.Contains(out, "is written") || !strings.Contains(errs, "not said: line 35: service postcode: a Lambda") {
		t.Fatalf("%d %s %s", status, out, errs)
	}
	must(t, "gateway", "--check", "--config", file)
	var imported struct {
		Routes    int
		CannotSay []struct{ What, Why string } `json:"cannot_say"`
	}
	if err := json.Unmarshal([]byte(must(t, "import", "refactor-spaces", template, "--json")), &imported); err != nil || imported.Routes == 0 || len(imported.CannotSay) == 0 {
		t.Errorf("%+v %v", imported, err)
	}
	for _, target := range []string{"alb", "apigateway", "envoy", "nginx"} {
		var exported struct {
			Target, Text string
			Rules        int
		}
		if err := json.Unmarshal([]byte(must(t, "export", target, "--config", file, "--json")), &exported); err != nil || exported.Target != target || exported.Rules == 0 ||
			!strings.Contains(exported.Text, "/donations") {
			t.Errorf("%s: %+v %v", target, exported, err)
		}
	}
}

func TestExportTakesTheWeightsThatHold(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.write(strings.Replace(y.text(), "key: url", "key: url\n    weight: 100", 1))
	share := func(args ...string) string {
		t.Helper()
		out := must(t, append([]string{"export", "nginx", "--config", y.conf}, args...)...)
		_, after, _ := strings.Cut(out, "split_clients")
		for line := range strings.Lines(after) {
			if s, _, ok := strings.Cut(strings.TrimSpace(line), "% "); ok {
				return s
			}
		}
		return ""
	}
	if got := share(); got != "1.00" {
		t.Errorf("of the file: %q", got)
	}
	p := y.start()
	door := "--dir=" + filepath.Join(y.dir, "state")
	must(t, "cutover", "set", "postcode", "--weight", "2500", "--why", "a quarter", door)
	if got := share(door); got != "25.00" {
		t.Errorf("of the running gateway: %q", got)
	}
	p.end(t)
	if got := share(); got != "25.00" {
		t.Errorf("of the store: %q", got)
	}
}

func TestImportAndExportRefuse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.json")
	if err := os.WriteFile(bad, []byte("{\n\"RouteSummaryList\": ["), 0o600); err != nil {
		t.Fatal(err)
	}
	template := filepath.Join("..", "..", "gateway", "interchange", "testdata", "app.yaml")
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"import", "refactor-spaces"}, wrong, "name one file"},
		{[]string{"import", "refactor-spaces", filepath.Join(dir, "none")}, wrong, "no such file"},
		{[]string{"import", "refactor-spaces", bad}, wrong, "bad.json:2: is cut"},
		{[]string{"import", "refactor-spaces", template, "--out", bad}, wrong, "is there already and was not touched"},
		{[]string{"import", "refactor-spaces", template, "--out", filepath.Join(bad, "x")}, outside, "nothing was written"},
		{[]string{"import", "traefik", bad}, wrong, "is not a verb"},
		{[]string{"export", "alb", "--config", bad}, wrong, "cannot be used"},
		{[]string{"export", "alb", "--config", filepath.Join(dir, "none.yaml")}, wrong, "no such file"},
		{[]string{"export", "haproxy"}, wrong, "is not a verb"},
	} {
		if status, _, errs := call(t, c.args...); status != c.status || !strings.Contains(errs, c.says) {
			t.Errorf("banyan %s: status %d, %s\nwant %d, %s", strings.Join(c.args, " "), status, errs, c.status, c.says)
		}
	}
}
