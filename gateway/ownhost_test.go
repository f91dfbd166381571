package gateway

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/shadow"
)

// ownName gives a configuration's new side its own name.
func ownName(yaml string, side *origin) string {
	return strings.Replace(yaml, "{url: http://"+side.addr+"}", "{url: http://"+side.addr+", host: own}", 1)
}

// W-17 the other way: a backend that serves many by their names, as API Gateway does, is asked by its own, whoever asks it: a donor's request,
// the form adapter, a copy. Drupal behind the same gateway gets the visitor's, with his own bytes, after a failover too.
func TestABackendThatKnowsOnlyItsOwnName(t *testing.T) {
	t.Parallel()
	old, fresh := answering(t, ok), answering(t, ok)
	w, _, heard := shadowed(t, ownName(fmt.Sprintf(pagesYAML, old.addr, fresh.addr), fresh), 10000, shadow.Options{}, cutover.Group{Phase: cutover.Shadow})
	w.ask("GET /about HTTP/1.1\r\nhOST: Other.Example \r\nConnection: close\r\n\r\n")
	heard.of(t, 1)
	eventually(t, "the copy", func() bool { return len(fresh.requests()) == 1 })
	if got := old.last(t, 1); !strings.Contains(got, "\r\nhOST: Other.Example \r\n") {
		t.Errorf("Drupal hears\n%s", got)
	}
	if got := fresh.last(t, 1); value(got, "Host") != fresh.addr || strings.Contains(got, "Other.Example") {
		t.Errorf("the copy is\n%s", got)
	}
	w.weigh(map[string]cutover.Group{"pages": {Weight: 10000, Phase: cutover.Full}})
	for i, request := range []string{get("/about"), "GET /about HTTP/1.0\r\n\r\n"} {
		w.ask(request)
		eventually(t, "the request", func() bool { return len(fresh.requests()) == i+2 })
		if got := fresh.last(t, i+2); value(got, "Host") != fresh.addr || strings.Count(got, "Host:") != 1 {
			t.Errorf("a donor's request is\n%s", got)
		}
	}
}

func TestTheAdapterAsksByTheBackendsName(t *testing.T) {
	t.Parallel()
	const made = `{"data":{"id":"g-1"},"message":"success"}`
	service := answering(t, fmt.Sprintf("HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(made), made))
	w := start(t, ownName(fmt.Sprintf(donation, answering(t, ok).addr, service.addr), service), map[string]cutover.Group{"donate": {Weight: 10000, Phase: cutover.Full}})
	gift := url.Values{"form_id": {"webform_client_form_2"}, "form_build_id": {"form-x"}, "submitted[amount]": {"10"}, "submitted[first_name]": {"Ann"},
		"submitted[last_name]": {"Bee"}, "submitted[email]": {"ann@example.org"}, "op": {"Donate"}}.Encode()
	w.ask(post("/donate", gift, "Content-Type: application/x-www-form-urlencoded"))
	if got := service.last(t, 1); value(got, "Host") != service.addr {
		t.Errorf("the service hears\n%s", got)
	}
}

// A page that the services do not give is legacy's after all, under the visitor's name.
func TestAFailoverGivesTheVisitorsNameBack(t *testing.T) {
	t.Parallel()
	legacy, fresh := answering(t, ok), once(t, "")
	w := start(t, ownName(twoSidesOf(legacy, fresh, "    - {match: GET /x, failover: true}\n"), fresh), canary(9999))
	if got := w.ask(get("/x")); status(got) != "200" {
		t.Fatal(got)
	}
	if got := legacy.last(t, 1); value(got, "Host") != "h" || strings.Count(got, "Host:") != 1 {
		t.Errorf("legacy hears\n%s", got)
	}
}

func TestAnOwnNameIsNotForDrupal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{url: http://127.0.0.1:9001, kind: drupal7, host: own}": "host: own changes the names of Drupal's cookies",
		"{url: http://127.0.0.1:9001, host: mine}":               `"mine" is not one of own, visitor`,
		"{dir: pages, host: own}":                                "pages in a dir are files",
	} {
		if _, err := config.Parse("gateway.yaml", []byte(basics+"backends:\n  old: "+text+"\ndefault: old\n"), config.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
