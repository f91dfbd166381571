package dash_test

import (
	"net/url"
	"strings"
	"testing"
)

const (
	unmeasured = "measured: nothing measures whether the data behind the group is there"
	unseen     = "sample: 0 of 1,827 visitors an arm have been seen (J-9)"
)

// J-9, T-1: whoever goes on in spite of a check reads so in the answer; nobody else does.
func TestAChangeAnswersWithItsWarnings(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	want := `"warnings":["` + unmeasured + `","` + unseen + `"]`
	if status, _, body := d.call("PATCH", "/v1/groups/donate", `{"weight":10000,"actor":"ada","reason":"CHG-1"}`, "If-Match", `"1"`); status != 200 || !strings.Contains(body, want) {
		t.Errorf("%d %s", status, body)
	}
	if _, _, body := d.call("GET", "/v1/groups/donate", ""); strings.Contains(body, "warnings") {
		t.Errorf("the group as it stands: %s", body)
	}
	if status, _, body := d.call("POST", "/v1/groups/donate:rollback", `{"actor":"ada","reason":"CHG-2"}`); status != 200 || strings.Contains(body, "warnings") {
		t.Errorf("a rollback: %d %s", status, body)
	}
	if status, _, body := d.call("PATCH", "/v1/groups/payments", `{"weight":100,"actor":"ada","reason":"CHG-3"}`, "If-Match", `"1"`); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	lost := `"lost":"unknown: a route writes without a form, and nothing measures what the old side lacks"`
	if status, _, body := d.call("POST", "/v1/groups/payments:rollback", `{"actor":"ada","reason":"CHG-4","lose":true}`); status != 200 || !strings.Contains(body, lost) {
		t.Errorf("what was lost: %d %s", status, body)
	}
}

// A button says before it is pressed what it would go on in spite of, and the page after it what it did.
func TestAButtonWarnsBeforeAndAfter(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.weigh("donate", 5000)
	p := o.person("token of ada")
	_, page := p.get("/groups/donate")
	for verb, wants := range map[string][]string{"promote": {"warning</span> " + unmeasured, "warning</span> " + unseen}, "set": {"warning</span> " + unmeasured, "warning</span> in full: " + unseen}, "hold": nil} {
		_, form, _ := strings.Cut(page, `id="do-`+verb+`"`)
		form, _, _ = strings.Cut(form, "</form>")
		for _, want := range wants {
			if !strings.Contains(form, want) {
				t.Errorf("%s does not say %q over its button: %s", verb, want, form)
			}
		}
		if wants == nil && strings.Contains(form, "warning") {
			t.Errorf("%s warns: %s", verb, form)
		}
	}
	status, to := p.press("donate", "set", url.Values{"percent": {"100"}})
	if status != 303 {
		t.Fatalf("%d %s", status, to)
	}
	done := "It went on in spite of"
	if _, page := p.get(to); !strings.Contains(page, done) || !strings.Contains(page, unseen) {
		t.Errorf("after the button nothing is said at %s", to)
	}
	if _, page := p.get("/groups/donate"); strings.Contains(page, done) {
		t.Error("the page goes on saying it")
	}
	if _, page := p.get("/journal"); !strings.Contains(page, "warning</span> "+unseen) {
		t.Error("the journal does not say it")
	}
}

// A phase that only looks ahead warns of what it is entered without.
func TestEnteringWarns(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p := o.person("token of ada")
	_, page := p.get("/groups/donate")
	_, form, _ := strings.Cut(page, `id="do-enter"`)
	form, _, _ = strings.Cut(form, "</form>")
	if !strings.Contains(form, "warning</span> in shadow: "+unmeasured) {
		t.Error(form)
	}
}
