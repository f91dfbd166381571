package config_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/route"
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
	if len(c.Notes) != 0 {
		t.Errorf("notes %v: nothing here is worth one", c.Notes)
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

const hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

const least = `
hosts: ["*"]
backends:
  drupal: {url: http://127.0.0.1:9001, kind: drupal7}
  services: {url: https://services.example}
default: drupal
`

func TestTheLeastThatIsRight(t *testing.T) {
	t.Parallel()
	c := mustParse(t, least)
	if c.Listen != "127.0.0.1:8080" || c.Health != "/.banyan/health" || c.Log != (config.Log{Access: "-", Format: "json"}) ||
		c.Limits != (config.Limits{Head: 32768, Body: 10485760}) || c.Timeouts.Idle != 75*time.Second || c.Deny.Refuses([]byte("/update.php"), nil) {
		t.Errorf("defaults: %+v", c)
	}
	if b := c.Backends["services"]; b.Scheme != "https" || b.Address != "services.example:443" || b.Host != "services.example" || b.Drupal() {
		t.Errorf("backend: %+v", b)
	}
}

// What an operator may get wrong, one at a time: each is refused in its line with what would be right.
func TestMistakesOneByOne(t *testing.T) {
	t.Parallel()
	group := func(text string) string {
		return least + "groups:\n  g:\n    from: drupal\n    to: services\n" + text
	}
	routes := func(text string) string { return group("    routes:\n      - " + text + "\n") }
	for _, c := range []struct {
		src  string
		line int
		says string
	}{
		{"", 1, "is empty"},
		{"a: [", 1, "not YAML"},
		{"a: 1\n---\nb: 1\n", 3, "second document"},
		{strings.Repeat("[", 100), 1, "brackets deep"},
		{least + "# " + strings.Repeat("x", 5000) + "\n", 7, "at most"},
		{least + "via: true\nvia: false\n", 8, "twice, first in line 7"},
		{least + "via: yes\n", 7, "neither true nor false"},
		{least + "via:\n", 7, "is empty"},
		{least + "via: [true]\n", 7, "one value belongs here"},
		{least + "strip: X-A\n", 7, "a list belongs here"},
		{least + "log: json\n", 7, "a mapping belongs here"},
		{least + "log: {format: xml}\n", 7, "json, combined"},
		{least + "via: &x true\n", 7, "anchors"},
		{least + "listen: 8080\n", 7, "write 127.0.0.1:8080"},
		{least + "listen: 127.0.0.1:70000\n", 7, "not an address"},
		{least + "listen: 127.0.0.1:9001\n", 4, "own listen address"},
		{least + "admin: {token: abc}\n", 7, "listen is missing"},
		{least + "admin: {listen: 127.0.0.1:1, tokens: {ada: {role: god, sha256: x}}}\n", 7, "view, operate, approve, report"},
		{least + "admin: {listen: 127.0.0.1:1, tokens: {ada: {role: view, sha256: secret}}}\n", 7, "not a SHA-256: 64 hex digits"},
		{least + "admin: {listen: 127.0.0.1:1, tokens: {ada: {role: view}}}\n", 7, "both needed"},
		{least + "admin: {listen: 127.0.0.1:1, tokens: {judge: {role: approve, sha256: " + hash + "}}}\n", 7, "nobody's name"},
		{least + "admin: {listen: 127.0.0.1:1, tokens: {a.da: {role: view, sha256: " + hash + "}}}\n", 7, "not a name"},
		{least + "admin: {listen: 127.0.0.1:1, tokens: {ada: {role: view, sha256: " + hash + "}, bob: {role: approve, sha256: " + hash + "}}}\n", 7, "the token of ada too"},
		{least + "keys: {k1: ${NOPE}}\n", 7, "${NOPE} is not set"},
		{least + "keys: {\"k.1\": sixteen letters!}\n", 7, "not a key's id"},
		{least + "gateway_id: a b\n", 7, "not a name"},
		{least + "trusted: [10.0.0.0/99]\n", 7, "write 10.0.0.0/8"},
		{least + "store: plan.db\n", 7, "sqlite:FILE"},
		{least + "health: health\n", 7, "does not begin with a slash"},
		{least + "health: /x/*\n", 7, "one path belongs here"},
		{least + "deny: [/]\n", 7, "write a path"},
		{least + "tls: {cert: a.pem}\n", 7, "both cert and key"},
		{least + "strip: [\"X A\"]\n", 7, "not a header's name"},
		{least + "origins: [http://10.0.0.1:9001/]\n", 7, "not an origin"},
		{least + "limits: {head: 1}\n", 7, "from 1024 to 1048576"},
		{least + "timeouts: {connect: 0s}\n", 7, "from 1ms to 1h"},
		{least + "notify: {}\n", 7, "nobody is named"},
		{least + "notify: {webhooks: [hooks.example]}\n", 7, "not an address"},
		{least + "notify: {mail: {server: 127.0.0.1:25}}\n", 7, "server, from and to are all needed"},
		{least + "notify: {mail: {server: 127.0.0.1:25, from: a@x.example, to: [nobody]}}\n", 7, "not a mail address"},
		{least + "notify: {mail: {server: 127.0.0.1:25, from: a@x.example, to: [b@x.example], user: a}}\n", 7, "go together"},
		{least + "notify: {webhooks: [https://a.example/x], link: dash}\n", 7, "not an address"},
		{least + "calendar: {hours: []}\n", 7, "zone is missing"},
		{least + "calendar: {zone: Europe/Londn}\n", 7, "not a zone"},
		{least + "calendar: {zone: UTC, hours: [{from: 9, to: 17}]}\n", 7, "not a clock's time"},
		{least + "calendar: {zone: UTC, hours: [{from: 17:00, to: 09:00}]}\n", 7, "no hours"},
		{least + "calendar: {zone: UTC, hours: [{days: [someday], from: 09:00, to: 17:00}]}\n", 7, "not a day"},
		{least + "calendar: {zone: UTC, freeze: [{from: 2027-03-15, to: 2027-03-14, why: x}]}\n", 7, "to not before from"},
		{least + "calendar: {zone: UTC, freeze: [{from: 2027-03-15, to: 2027-03-16}]}\n", 7, "why is missing"},
		{least + "calendar: {zone: UTC, lock: [{from: 2027-02-30, to: 2027-03-16, why: x}]}\n", 7, "not a moment"},
		{least + "data: {from: mysql://h/d}\n", 7, "both from and to"},
		{least + "data: {from: mysql://h/d, to: services.db}\n", 7, "sqlite:FILE or dynamodb:PREFIX"},
		{least + "default_host: x.example\ngroups: {}\nhosts: [y.example]\n", 9, "twice"},
		{strings.Replace(least, `["*"]`, "[y.example]", 1) + "default_host: x.example\n", 7, "not among hosts"},
		{strings.Replace(least, `["*"]`, "[]", 1), 2, "hosts: missing"},
		{strings.Replace(least, "default: drupal", "", 1), 1, "default: missing"},
		{strings.Replace(least, "kind: drupal7", "kind: drupal6", 1), 4, "drupal7, drupal8"},
		{strings.Replace(least, "kind: drupal7", "dir: pages", 1), 4, "leave one out"},
		{strings.Replace(least, "url: http://127.0.0.1:9001", "dir: pages", 1), 4, "are files: leave it out"},
		{strings.Replace(least, "{url: http://127.0.0.1:9001, kind: drupal7}", `{dir: ""}`, 1), 4, "is empty"},
		{strings.Replace(least, "http://127.0.0.1:9001", "ftp://127.0.0.1", 1), 4, "not a backend's url"},
		{strings.Replace(least, "http://127.0.0.1:9001", "http://127.0.0.1:0", 1), 4, "no port from 1"},
		{strings.Replace(least, "{url: http://127.0.0.1:9001, kind: drupal7}", "{kind: drupal7}", 1), 4, "url is missing"},
		{group("    weight: 0\n"), 8, "routes: missing"},
		{group("    routes: []\n"), 11, "is empty"},
		{group("    weight: 100\n    phase: off\n    routes: [{match: /a}]\n"), 12, "does not go with weight 100"},
		{group("    weight: 1\n    phase: shadow\n    routes: [{match: /a}]\n"), 12, "does not go with weight 1"},
		{group("    phase: drain\n    routes: [{match: /a}]\n"), 11, "does not go with weight 0"},
		{group("    phase: on\n    routes: [{match: /a}]\n"), 11, "not a phase: off, backfill, shadow, canary"},
		{group("    key: cookie\n    routes: [{match: /a}]\n"), 11, "not a key"},
		{group("    policy: brave\n    routes: [{match: /a}]\n"), 11, "not a policy: default, demo"},
		{group("    policy: {from: brave}\n    routes: [{match: /a}]\n"), 11, "not a policy"},
		{group("    policy: {steps: [100, 100]}\n    routes: [{match: /a}]\n"), 11, "must be above 100"},
		{group("    policy: {steps: []}\n    routes: [{match: /a}]\n"), 11, "is empty"},
		{group("    policy: {steps: [10001]}\n    routes: [{match: /a}]\n"), 11, "from 1 to 10000"},
		{group("    policy: {steps: [{dwell: 1h}]}\n    routes: [{match: /a}]\n"), 11, "weight is missing"},
		{group("    policy: {alpha: NaN}\n    routes: [{match: /a}]\n"), 11, "alpha must be"},
		{group("    policy: {alpha: much}\n    routes: [{match: /a}]\n"), 11, "not a number"},
		{group("    policy: {breaker: {row: 0}}\n    routes: [{match: /a}]\n"), 11, "breaker.row must be"},
		{group("    policy: {patience: 1}\n    routes: [{match: /a}]\n"), 11, "unknown key"},
		{group("    conflict: both\n    routes: [{match: /a}]\n"), 11, "legacy, new"},
		{strings.Replace(group("    routes: [{match: /a}]\n"), "to: services", "to: drupal", 1), 8, "both drupal"},
		{routes("{form: {node: 2, service: donate}}"), 12, "match is missing"},
		{routes("{match: /a, wait: 1}"), 12, "unknown key"},
		{routes("{match: {path: /a, query: {\"q[]\": 1}}}"), 12, "not a name"},
		{routes("{match: {method: GET}}"), 12, "path is missing"},
		{routes("{match: POST /donate, form: {service: donate}}"), 12, "node is missing"},
		{routes("{match: POST /donate, form: {node: 2}}"), 12, "service is missing"},
		{routes("{match: \"POST /{x}\", form: {node: 2, service: donate}}"), 12, "cannot have a form"},
		{routes("{match: POST /donate, form: {node: 2, service: donate, pay: live}}"), 12, "leave pay out"},
		{routes("{match: POST /donate, form: {node: 2, service: donate, pay: }}"), 12, "is empty"},
		{routes("{match: PUT /donate, form: {node: 2, service: donate}}"), 12, "cannot have a form"},
		{routes("{match: POST /node/3, form: {node: 2, service: donate}}"), 12, "not a name of node 2"},
		{routes("{match: /a, max_rate: 0}"), 12, "posts a minute"},
		{routes("{match: /a, ignore: [status]}"), 12, "always compared"},
		{routes("{match: /a, shadow: 10001}"), 12, "from 0 to 10000"},
		{routes("{match: /a, allow_underscore: [X_Forwarded_For]}"), 12, "would pass for x-forwarded-for"},
		{routes("{match: /a, allow_underscore: [X-Foo]}"), 12, "not a header's name with '_'"},
	} {
		_, err := parse(t, c.src)
		mistakes, ok := err.(config.Mistakes)
		if !ok || mistakes[0].Line != c.line || !strings.Contains(mistakes[0].Text, c.says) {
			t.Errorf("%.300q\n got %v\nwant line %d: %s", c.src, err, c.line, c.says)
		}
	}
}

// An unset ${NAME} is a mistake with its line, but a check on another machine only notes it.
func TestUnsetVariableUnderCheck(t *testing.T) {
	t.Parallel()
	src := []byte(strings.Replace(least, "http://127.0.0.1:9001", "${OLD_SITE}", 1) +
		"admin: {listen: 0.0.0.0:8081, token: ${NOPE}}\nstore: ${STORE}\nkeys: {k1: ${KEY}}\nlisten: ${LISTEN}\ntrusted: [${LB}]\n")
	unset := func(string) (string, bool) { return "", false }
	c, err := config.Parse("gateway.yaml", src, config.Options{Getenv: unset, Check: true})
	if err != nil || len(c.Notes) != 6 || c.Notes[1].Line != 7 || !strings.Contains(c.Notes[1].Text, "${NOPE}") {
		t.Errorf("%+v %v", c, err)
	}
	_, err = config.Parse("gateway.yaml", src, config.Options{Getenv: unset})
	if mistakes, ok := err.(config.Mistakes); !ok || len(mistakes) != 6 {
		t.Errorf("unset variables: %v", err)
	}
}

// A value from the environment is text: it cannot become YAML.
func TestEnvironmentIsNotParsed(t *testing.T) {
	t.Parallel()
	c, err := config.Parse("gateway.yaml", []byte(least+"kill: ${FILE}\n"), config.Options{Getenv: func(string) (string, bool) { return "a, listen: {", true }})
	if err != nil || c.Kill != "a, listen: {" {
		t.Errorf("%+v %v", c, err)
	}
}

// What the file names must be there when it is read, and not when its text alone is validated.
func TestNamedFilesAreOpened(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	src := least + "tls: {cert: " + dir + "/c.pem, key: " + dir + "/k.pem}\ngroups:\n  g:\n    from: drupal\n    to: services\n    routes:\n" +
		"      - {match: POST /donate, form: {node: 2, service: donate, pages: " + dir + "/pages}}\n"
	file := filepath.Join(dir, "gateway.yaml")
	if err := os.WriteFile(file, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	mustParse(t, src)
	_, err := config.Read(file, config.Options{})
	mistakes, ok := err.(config.Mistakes)
	if !ok || len(mistakes) != 2 || mistakes[0].Line != 7 || mistakes[1].Line != 13 {
		t.Errorf("%v", err)
	}
}

// Read tries each form once, beside all else that is wrong; one that is not known whole is not tried.
func TestFormsAreTried(t *testing.T) {
	t.Parallel()
	const routes = "groups:\n  g:\n    from: drupal\n    to: services\n    routes:\n      - {match: POST /donate, form: {node: 2, service: donate, pay: x}}\n"
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	tried := 0
	o := config.Options{Check: true, Getenv: func(string) (string, bool) { return "", false }, Form: func(f *route.Form) error {
		tried += f.Node
		return errors.New("one\nand another")
	}}
	for src, want := range map[string]string{
		least + routes: "12: groups.g.routes[0].form.pay: ; 12: one; and another",
		least + strings.Replace(routes, "donate, pay: x", "${UNSET}", 1): "",
	} {
		if err := os.WriteFile(file, []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := config.Read(file, o)
		var said []string
		mistakes, _ := err.(config.Mistakes)
		for _, m := range mistakes {
			text, _, _ := strings.Cut(m.Text, `"x"`)
			said = append(said, fmt.Sprint(m.Line, ": ", text))
		}
		if got := strings.Join(said, "; "); got != want {
			t.Errorf("%s\n%s\nwant %s", src, got, want)
		}
	}
	if tried != 2 {
		t.Errorf("tried nodes that sum up to %d, want node 2 once", tried)
	}
}
