package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/judge"
)

const judged = `
listen: 0.0.0.0:8080
hosts: ["*"]
data: {from: mysql://db.example/drupal, to: sqlite:.banyan/services.db}
admin:
  listen: 0.0.0.0:8081
  tokens:
    ada: {role: approve, sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
    grace: {role: operate, sha256: 60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752}
notify:
  webhooks: [https://hooks.example/banyan]
  mail: {server: 127.0.0.1:25, from: banyan@rednosefund.example, to: [night@rednosefund.example]}
  link: https://banyan.rednosefund.example
calendar:
  zone: Europe/London
  hours: [{from: 09:30, to: 16:00}, {days: [sat], from: 00:00, to: 24:00}]
  freeze: [{from: 2027-03-15, to: 2027-03-21, why: the week of the appeal}]
  lock: [{from: 2027-03-25 18:00, to: 2027-03-26 06:00, why: the night itself}]
backends:
  drupal: {url: http://127.0.0.1:9001, kind: drupal7}
  services: {url: http://127.0.0.1:9002, shadow_auth: Bearer of-the-shadow}
default: drupal
groups:
  donate:
    from: drupal
    to: services
    phase: shadow
    policy: {from: default, steps: [50, {weight: 10000, sample: 9}], dwell: 12h, sample: 400, alpha: 0.005, margin: 80ms, breaker: {row: 10, window: 30s}}
    routes:
      - {match: POST /donate, form: {node: 2, service: donate}, shadow: 2500, ignore: [html title]}
  late:
    from: drupal
    to: services
    policy: demo
    conflict: new
    routes:
      - {match: POST /late, form: {node: 9, service: donate}}
`

// What the judge, the differ, the dashboard and the plan are told by a file.
func TestTheJudgesKeysAreRead(t *testing.T) {
	t.Parallel()
	c := mustParse(t, judged)
	if len(c.Admin.Tokens) != 2 || c.Admin.Tokens[0].Role != "approve" || c.Admin.Tokens[0].SHA256[0] != 0x9f || c.Admin.Tokens[1].Name != "grace" {
		t.Errorf("tokens %+v", c.Admin.Tokens)
	}
	if c.Notify.Webhooks[0] != "https://hooks.example/banyan" || c.Notify.Mail.To[0] != "night@rednosefund.example" || c.Notify.Link == "" {
		t.Errorf("notify %+v", c.Notify)
	}
	if c.Backends["services"].ShadowAuth != "Bearer of-the-shadow" {
		t.Errorf("shadow_auth %q", c.Backends["services"].ShadowAuth)
	}
	donate, late := c.Groups[0], c.Groups[1]
	p := donate.Policy
	if p.Name != "donate" || p.Sample != 400 || p.Alpha != 0.005 || p.Margin != 80*time.Millisecond || p.Breaker.Row != 10 || p.Breaker.Over != 40 || !p.Calendar {
		t.Errorf("policy %+v", p)
	}
	if want := []judge.Step{{Weight: 50, Dwell: 12 * time.Hour}, {Weight: 10000, Dwell: 12 * time.Hour, Sample: 9}}; len(p.Steps) != 2 || p.Steps[0] != want[0] || p.Steps[1] != want[1] {
		t.Errorf("steps %+v", p.Steps)
	}
	if judge.Default.Steps[0].Dwell != 24*time.Hour {
		t.Error("a file has changed the policy default itself")
	}
	if o := donate.Routes[0].Options; o.Shadow != 2500 || len(o.Ignore) != 1 || donate.Phase != "shadow" {
		t.Errorf("options %+v, phase %s", o, donate.Phase)
	}
	seed := c.Seeds()["late"]
	if late.Policy.Name != "demo" || seed.Conflict != "new" || !seed.Writes || !seed.AppendOnly || !seed.Data || seed.Calendar != c.Calendar ||
		strings.Join(seed.Tables, ", ") != "node 9, service donate" {
		t.Errorf("late: %+v", seed)
	}
	if len(c.Notes) != 2 || !strings.Contains(c.Notes[1].Text, "demo looks at seconds") || c.Notes[1].Line != 34 || !strings.Contains(c.Notes[0].Text, "store:") {
		t.Errorf("notes %+v", c.Notes)
	}
}

// J-12: the file's calendar is that of its zone; a day that a window ends on is within it.
func TestTheCalendarIsThatOfItsZone(t *testing.T) {
	t.Parallel()
	calendar := mustParse(t, judged).Calendar
	for at, want := range map[string]string{
		"2027-03-11T12:00:00Z": "", // a Thursday
		"2027-03-13T23:59:00Z": "", // a Saturday, whole
		"2027-03-14T12:00:00Z": "outside the hours",
		"2027-03-15T12:00:00Z": "the week of the appeal",
		"2027-03-21T23:59:59Z": "the week of the appeal; open again from Mon 22 Mar 2027 09:30 GMT",
		"2027-03-22T12:00:00Z": "",
		"2027-03-25T18:00:00Z": "only reductions",
		"2027-03-29T08:29:00Z": "outside the hours in which somebody is there; open again from Mon 29 Mar 2027 09:30 BST", // the clock was put forward
		"2027-03-29T08:30:00Z": "",
	} {
		moment, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := calendar.Closed(moment); got != want && (want == "" || !strings.Contains(got, want)) {
			t.Errorf("%s: %q, want %q", at, got, want)
		}
	}
}

// T-2: --check says which groups write the same tables, before a step is refused for it; and which steps nothing will guard.
func TestNotesOfWhatWillNotBeGuarded(t *testing.T) {
	t.Parallel()
	src := strings.NewReplacer("    conflict: new\n", "", "data: {from: mysql://db.example/drupal, to: sqlite:.banyan/services.db}\n", "").Replace(judged) +
		"      - {match: PUT /late/terms}\n"
	c := mustParse(t, src)
	var said []string
	for _, n := range c.Notes {
		said = append(said, n.Text)
	}
	for _, want := range []string{"groups.late: writes to service donate as donate does", "groups.late: writes, and no data: is named"} {
		if all := strings.Join(said, "\n"); !strings.Contains(all, want) {
			t.Errorf("%s\nwant %s", all, want)
		}
	}
}

// A secret that stands where its hash belongs is not repeated in the message.
func TestASecretIsNotRepeated(t *testing.T) {
	t.Parallel()
	_, err := parse(t, least+"admin: {listen: 127.0.0.1:1, tokens: {ada: {role: view, sha256: open-sesame}}}\nnotify: {webhooks: [open-sesame]}\n")
	mistakes, ok := err.(config.Mistakes)
	if !ok || len(mistakes) != 2 || strings.Contains(err.Error(), "open-sesame") {
		t.Errorf("%v", err)
	}
}

// --check says where the store stands otherwise than the file, in weight or in phase alone: the store wins.
func TestReportSaysWhereTheStoreStandsOtherwise(t *testing.T) {
	t.Parallel()
	c := mustParse(t, judged)
	plan := cutover.Fixed(9, map[string]cutover.Group{"donate": {Phase: cutover.Backfill, Why: "CHG-3"}, "late": {Weight: 0, Phase: cutover.Off}})
	var out strings.Builder
	config.Report(c, nil, plan).Print(&out, "gateway.yaml")
	if want := `groups.donate: the store has weight 0 (backfill, "CHG-3"), the file 0 (shadow): the store wins`; !strings.Contains(out.String(), want) {
		t.Errorf("%s\nwant %s", out.String(), want)
	}
	if strings.Contains(out.String(), "groups.late: the store") {
		t.Errorf("where both agree: %s", out.String())
	}
}
