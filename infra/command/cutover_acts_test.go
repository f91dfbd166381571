package command

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// A schedule is approved and walked by hand, held, released, frozen and rolled back; each needs a reason and stands in the journal.
func TestWalkASchedule(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	p := y.start()
	defer p.end(t)
	door := "--dir=" + filepath.Join(y.dir, "state")
	act := func(args ...string) string {
		t.Helper()
		return must(t, append(append([]string{"cutover"}, args...), door, "--who", "ada")...)
	}
	if out := must(t, "cutover", "plan", "postcode", door); !strings.Contains(out, "nobody has approved it") || !strings.Contains(out, "1 %") ||
		!strings.Contains(out, "24 h") || !strings.Contains(out, "1,827") { // as the dashboard writes them
		t.Error(out)
	}
	if out := act("plan", "postcode", "--approve", "--why", "the trustees agree", "--ticket", "CHG-7"); !strings.Contains(out, "approved by ada: the trustees agree") {
		t.Error(out)
	}
	if out := act("promote", "postcode", "--why", "first step"); !strings.Contains(out, "off 0 % -> canary 1 %") {
		t.Error(out)
	}
	if out := act("hold", "postcode", "--why", "the acquirer works tonight"); !strings.Contains(out, "canary, held 1 %") {
		t.Error(out)
	}
	if status, _, errs := call(t, "cutover", "promote", "postcode", door, "--why", "still"); status != wrong || !strings.Contains(errs, "409") || !strings.Contains(errs, "the acquirer works tonight") {
		t.Errorf("promoted while held: %d %s", status, errs)
	}
	act("release", "postcode", "--why", "it is done")
	act("freeze", "postcode", "--why", "the week of the appeal")
	for line := range strings.Lines(must(t, "cutover", "status", door)) {
		if n := utf8.RuneCountInString(line); n > 121 && !strings.HasPrefix(line, "  ") {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
	if out := act("rollback", "postcode", "--why", "enough"); !strings.Contains(out, "postcode is back on drupal") {
		t.Error(out)
	}
	history := must(t, "cutover", "history", "postcode", door)
	for _, want := range []string{"approve by ada: the trustees agree", "promote by ada: first step  postcode 0 % -> 1 % (off -> canary)", "hold by ada", "release by ada", "freeze by ada", "rollback by ada"} {
		if !strings.Contains(history, want) {
			t.Errorf("no %q in\n%s", want, history)
		}
	}
}

// The exported journal can be checked without a gateway, and a changed line is found.
func TestJournalIsExportedAndChecked(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	p := y.start()
	defer p.end(t)
	door, file := "--dir="+filepath.Join(y.dir, "state"), filepath.Join(y.dir, "journal.jsonl")
	must(t, "cutover", "set", "postcode", "--weight", "100", "--why", "first", door)
	if out := must(t, "cutover", "history", "--verify", door); !strings.HasPrefix(out, "2 entries hold") {
		t.Error(out)
	}
	must(t, "cutover", "history", "--export", file, door)
	if out := must(t, "cutover", "history", "--verify", "--file", file); !strings.HasPrefix(out, "2 entries hold") {
		t.Error(out)
	}
	if status, _, errs := call(t, "cutover", "history", "--export", file, door); status != wrong || !strings.Contains(errs, "was not touched") {
		t.Errorf("a second export: %d %s", status, errs)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(raw), "first", "worst", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, out, errs := call(t, "cutover", "history", "--verify", "--file", file); status != unheld || !strings.Contains(out+errs, "changed") {
		t.Errorf("a changed line: %d %s %s", status, out, errs)
	}
}

// Where nothing refuses it a person goes on in spite of what is not so, and is told before, at once and in the journal (T-1, J-9).
func TestWhatAChangeGoesOnInSpiteOf(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.write(strings.Replace(y.text(), "GET /postcode/{pc}}", "GET /postcode/{pc}}\n      - {match: POST /postcode}", 1))
	p := y.start()
	defer p.end(t)
	door := "--dir=" + filepath.Join(y.dir, "state")
	unmeasured, unseen := "warning: measured: nothing measures whether the data behind the group is there\n", "warning: sample: 0 of 1,827 visitors an arm have been seen (J-9)\n"
	if out := must(t, "cutover", "plan", "postcode", door); !strings.Contains(out, "warning  measured: nothing measures") {
		t.Error(out)
	}
	status, out, errs := call(t, "cutover", "set", "postcode", "--weight", "100", "--why", "first", door)
	if status != done || strings.Contains(out, "warning") || errs != unmeasured {
		t.Errorf("%d %s%s", status, out, errs)
	}
	status, out, errs = call(t, "cutover", "set", "postcode", "--weight", "10000", "--why", "all", door, "--json")
	if status != done || !strings.Contains(out, `"sample: 0 of 1,827`) || errs != unmeasured+unseen {
		t.Errorf("%d %s%s", status, out, errs)
	}
	status, _, errs = call(t, "cutover", "set", "postcode", "--weight", "100", "--lose", "--why", "too many", door)
	lost := "lost: unknown: a route writes without a form, and nothing measures what the old side lacks\n"
	if status != done || errs != lost {
		t.Errorf("%d %s", status, errs)
	}
	if history := must(t, "cutover", "history", door); !strings.Contains(history, "   "+unmeasured+"   "+unseen) || !strings.Contains(history, "   "+lost) {
		t.Error(history)
	}
}

// A drill moves nobody and is recorded; a page that the old side does not answer is status 1 and records nothing (T-3).
func TestDrill(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.write(strings.Replace(y.text(), "GET /postcode/{pc}}", "GET /postcode/{pc}}\n      - {match: GET /schools}", 1))
	p := y.start()
	defer p.end(t)
	door := "--dir=" + filepath.Join(y.dir, "state")
	must(t, "cutover", "set", "postcode", "--weight", "5000", "--why", "half", door)
	var d struct {
		Weight  int
		TookMS  int64 `json:"took_ms"`
		Held    bool
		Drilled string
		Asked   []struct {
			Request string
			Status  int
		}
	}
	out := must(t, "cutover", "drill", "postcode", "--through", "http://"+p.line.Listen, "--why", "before the appeal", "--json", door)
	if err := json.Unmarshal([]byte(out), &d); err != nil || !d.Held || d.Weight != 5000 || d.Drilled == "" || len(d.Asked) != 1 || d.Asked[0].Request != "GET /schools" || d.Asked[0].Status != 200 {
		t.Errorf("%s %v", out, err)
	}
	if history := must(t, "cutover", "history", door); !strings.Contains(history, "drilled by") || !strings.Contains(history, "override by") {
		t.Error(history)
	}
	status, out, errs := call(t, "cutover", "drill", "postcode", "--through", "http://127.0.0.1:1", "--why", "again", door)
	if status != unheld || !strings.Contains(errs, "nothing was recorded") {
		t.Errorf("nobody answers: %d %s %s", status, out, errs)
	}
}

// J-14: a verdict is made again here from its inputs, and comes out the same.
func TestExplainAVerdict(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.write(strings.Replace(y.text(), "key: url", "key: url\n    policy: demo", 1))
	p := y.start()
	defer p.end(t)
	door := "--dir=" + filepath.Join(y.dir, "state")
	must(t, "cutover", "set", "postcode", "--weight", "5000", "--why", "half", door)
	var said string
	for deadline := time.Now().Add(20 * time.Second); ; {
		get(t, "http://"+p.line.Listen+"/postcode/N1")
		status, out, errs := call(t, "cutover", "explain", "postcode", door)
		if said = out; status == done && strings.Contains(said, "canary, 50 % since") { // not one from before the change
			break
		}
		if status != done && !strings.Contains(errs, "has not looked at postcode yet") || time.Now().After(deadline) {
			t.Fatalf("%d %s %s", status, out, errs)
		}
	}
	for _, want := range []string{"made again here from these inputs: the same", "TEST", "policy", "demo, version", "canary, 50 % since"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in\n%s", want, said)
		}
	}
	var w struct {
		Same     bool
		Decision struct{ ID string }
	}
	id, _, _ := strings.Cut(said, ":")
	if err := json.Unmarshal([]byte(must(t, "cutover", "explain", "--verdict", id, "--json", door)), &w); err != nil || !w.Same || w.Decision.ID != id {
		t.Errorf("%+v %v", w, err)
	}
}

// A person's own token says who asks: operators lower and stop, and do not raise.
func TestAPersonsOwnToken(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	sum := sha256.Sum256([]byte("graces-own-token"))
	y.write(strings.Replace(y.text(), "admin: {listen: 127.0.0.1:0}", fmt.Sprintf("admin: {listen: 127.0.0.1:0, tokens: {grace: {role: operate, sha256: %x}}}", sum), 1))
	p := y.start()
	defer p.end(t)
	grace := func(args ...string) (string, error) {
		c := exec.Command(os.Args[0], append([]string{"cutover"}, append(args, "--admin", p.line.Admin)...)...)
		c.Env = append(os.Environ(), "BANYAN_TEST_AS_COMMAND=1", "BANYAN_ADMIN_TOKEN=graces-own-token")
		out, err := c.CombinedOutput()
		return string(out), err
	}
	if out, err := grace("hold", "postcode", "--why", "maintenance"); err != nil || !strings.Contains(out, "off, held") {
		t.Errorf("%s %v", out, err)
	}
	if out, err := grace("promote", "postcode", "--why", "go on"); err == nil || !strings.Contains(out, "403") {
		t.Errorf("an operator raised: %s", out)
	}
	if out, err := grace("hold", "postcode", "--who", "ada", "--why", "in her name"); err == nil || !strings.Contains(out, "grace's") {
		t.Errorf("in another's name: %s", out)
	}
	if out, err := grace("history"); err != nil || !strings.Contains(out, "hold by grace: maintenance") {
		t.Errorf("%s %v", out, err)
	}
}

func TestWhatTheVerbsRefuse(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	p := y.start()
	defer p.end(t)
	door := "--dir=" + filepath.Join(y.dir, "state")
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"promote", "postcode"}, wrong, "--why is missing"},
		{[]string{"hold", "postcode"}, wrong, "--why is missing"},
		{[]string{"drill", "postcode"}, wrong, "--why is missing"},
		{[]string{"plan", "postcode", "--approve"}, wrong, "--why is missing"},
		{[]string{"enter", "postcode", "--why", "x"}, wrong, "--phase is missing"},
		{[]string{"enter", "postcode", "--why", "x", "--phase", "nowhere"}, wrong, "nowhere"},
		{[]string{"promote", "--why", "x"}, wrong, "name one group"},
		{[]string{"promote", "postcode", "--why", "x", "--if", "99"}, wrong, "412"},
		{[]string{"explain", "postcode", "--request", "GET /"}, wrong, "one at a time"},
		{[]string{"explain"}, wrong, "name a group"},
		{[]string{"history", "--file", filepath.Join(y.dir, "none")}, wrong, "no such file"},
	} {
		if status, _, errs := call(t, append(append([]string{"cutover"}, c.args...), door)...); status != c.status || !strings.Contains(errs, c.says) {
			t.Errorf("banyan cutover %s: status %d, %s\nwant %d, %s", strings.Join(c.args, " "), status, errs, c.status, c.says)
		}
	}
}
