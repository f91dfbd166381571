package config_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/config"
)

var update = flag.Bool("update", false, "write the golden files anew")

func parse(t *testing.T, src string) (*config.Config, error) {
	t.Helper()
	return config.Parse("gateway.yaml", []byte(src), config.Options{Getenv: func(name string) (string, bool) {
		v, ok := map[string]string{"BANYAN_ADMIN_TOKEN": "a-token-of-some-length", "BANYAN_KEY": "sixteen letters!"}[name]
		return v, ok
	}})
}

func mustParse(t *testing.T, src string) *config.Config {
	t.Helper()
	c, err := parse(t, src)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The example that design promises to accept, whole.
const example = `
listen: 127.0.0.1:8080
admin: {listen: 127.0.0.1:8081, token: ${BANYAN_ADMIN_TOKEN}}
gateway_id: gw-1
hosts: [www.rednosefund.example]      # compared without the port; "*" accepts any Host
default_host: www.rednosefund.example # for HTTP/1.0 without Host
trusted: [10.0.0.0/8]                 # peers whose forwarded headers count
store: sqlite:.banyan/plan.db
keys: {k1: ${BANYAN_KEY}}
log: {access: "-", format: json}
limits: {head: 32768, body: 10485760} # bytes
timeouts: {head: 10s, body: 30s, idle: 75s, connect: 2s, first_byte: 35s}
health: /.banyan/health
deny: [/update.php, /install.php]
data: {from: mysql://db.example/drupal, to: sqlite:.banyan/services.db}
backends:
  drupal:   {url: http://127.0.0.1:9001, kind: drupal7}
  drupal8:  {url: http://127.0.0.1:9003, kind: drupal8}
  services: {url: http://127.0.0.1:9002}
default: drupal
groups:
  donate:
    from: drupal
    to: services
    weight: 0
    phase: off
    key: visitor
    salt: donate-2026
    routes:
      - {match: POST /donate, form: {node: 2, service: donate, pay: test}}
      - {match: GET /node/2/done}
  gallery:
    from: drupal
    to: drupal8
    key: header:X-Team
    routes:
      - {match: GET /gallery/{id}, upgrade: true}
`

func TestTheExampleIsAccepted(t *testing.T) {
	t.Parallel()
	c := mustParse(t, example)
	if c.Admin.Token != "a-token-of-some-length" || c.Keys[0].Value != "sixteen letters!" {
		t.Errorf("environment: token %q, key %q", c.Admin.Token, c.Keys[0].Value)
	}
	if c.Timeouts.FirstByte != 35*time.Second || c.Limits.Body != 10485760 || c.Trusted[0].String() != "10.0.0.0/8" {
		t.Errorf("got %+v %+v %v", c.Timeouts, c.Limits, c.Trusted)
	}
	if !c.Deny.Refuses([]byte("/update.php"), nil) {
		t.Error("/update.php is not denied")
	}
	if len(c.Groups) != 2 || c.Groups[1].Name != "gallery" || c.Groups[1].Salt != "gallery" || c.Groups[1].Key.String() != "header:X-Team" {
		t.Errorf("groups %+v", c.Groups)
	}
	if len(c.Notes) != 1 || !strings.HasPrefix(c.Notes[0].Text, "data:") {
		t.Errorf("notes %v: data alone is worth one", c.Notes)
	}
}

func TestTheShippedFileIsAtWeightZero(t *testing.T) {
	t.Parallel()
	c, err := config.Read(filepath.Join("..", "..", "gateway.yaml"), config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range c.Groups {
		if g.Weight != 0 || g.Phase != "off" {
			t.Errorf("%s begins at %d, %s", g.Name, g.Weight, g.Phase)
		}
	}
}

// D-8: a group lists every name of its page, or a post slips past under another one.
func TestFormTakesEveryNameOfItsPage(t *testing.T) {
	t.Parallel()
	c := mustParse(t, example)
	var got []string
	for _, r := range c.Groups[0].Routes {
		got = append(got, r.ID)
		if r.Form == nil || r.Form.Alias != "donate" || r.Done != strings.HasSuffix(strings.SplitAfter(r.ID, "done")[0], "done") {
			t.Errorf("%s: form %+v, done %v", r.ID, r.Form, r.Done)
		}
	}
	slices.Sort(got)
	want := []string{
		"GET /?q=donate", "GET /?q=node/2", "GET /?q=node/2/done",
		"GET /donate?!q",
		"GET /index.php?q=donate", "GET /index.php?q=node/2", "GET /index.php?q=node/2/done",
		"GET /node/2/done?!q", "GET /node/2?!q",
		"POST /?q=donate", "POST /?q=node/2", "POST /donate?!q",
		"POST /index.php?q=donate", "POST /index.php?q=node/2", "POST /node/2?!q",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestEveryMistakeAtOnce(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata", err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = parse(t, string(src))
		if err == nil {
			t.Errorf("%s was accepted", file)
			continue
		}
		golden := strings.TrimSuffix(file, ".yaml") + ".golden"
		got := err.Error() + "\n"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil || got != string(want) {
			t.Errorf("%s:\n%s\nwant:\n%s", file, got, want)
		}
	}
}
