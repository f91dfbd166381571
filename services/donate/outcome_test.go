package donate_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/banyan-migration/banyan/services/donate"
	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/host/hosttest"
	"github.com/banyan-migration/banyan/shared/mark"
)

// asker is a gateway that hears outcomes, or refuses to.
type asker struct {
	mu    sync.Mutex
	heard []map[string]any
	posts int
	down  bool
}

func (a *asker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []map[string]any
	switch err := json.NewDecoder(r.Body).Decode(&all); {
	case a.down:
		http.Error(w, "not now", http.StatusServiceUnavailable)
	case err != nil || r.Method != "POST" || r.URL.Path != "/v1/outcomes" || r.Header.Get("Authorization") != "Bearer key-1":
		http.Error(w, fmt.Sprint(r.Method, r.URL, r.Header, err), http.StatusBadRequest)
	default:
		a.heard = append(a.heard, all...)
		a.posts++
	}
}

// take is what was heard since the last call, as "request ok".
func (a *asker) take() (said []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, o := range a.heard {
		said = append(said, fmt.Sprint(o["request"], " ", o["ok"]))
	}
	a.heard = nil
	return said
}

func asked(t *testing.T) (*asker, *hosttest.World, *hosttest.Service) {
	a := &asker{}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	w := hosttest.NewWorld(t)
	w.Setenv("OUTCOMES_URL", server.URL+"/v1/outcomes")
	w.Setenv("OUTCOMES_KEY", "key-1")
	return a, w, w.Start(t, donate.New)
}

// from is a gift that the gateway sent on from a post with that request id.
func from(t *testing.T, s *hosttest.Service, request string) string {
	t.Helper()
	return give(t, s, sian, append(byGateway(request), "Idempotency-Key", request)...).ID
}

// byGateway is what the gateway signs.
func byGateway(request string) []string {
	return []string{mark.ClientHeader, hosttest.Keys.SignClient("k1", mark.Client{Address: "192.0.2.1", Request: request}, hosttest.Noon)}
}

func tick(t *testing.T, w *hosttest.World, s *hosttest.Service) error {
	t.Helper()
	return s.Tick(t.Context(), w.Now())
}

// The gateway's judge hears, once, what became of each post: by the post's request id, settled or refused.
func TestOutcomesAreTold(t *testing.T) {
	t.Parallel()
	a, w, s := asked(t)
	settled, refused, both, again := from(t, s, "r-settled"), from(t, s, "r-refused"), from(t, s, "r-both"), from(t, s, "r-again")
	from(t, s, "r-pending")
	give(t, s, sian, append(byGateway("r-twice"), "Idempotency-Key", "r-settled")...) // a double click
	told(t, s, settled, event.PaymentsSettled, taken)
	told(t, s, settled, event.PaymentsSettled, taken)
	told(t, s, refused, event.PaymentsRefused, event.Refused{Text: "No", Retry: true})
	told(t, s, both, event.PaymentsRefused, event.Refused{Text: "No", Retry: true})
	told(t, s, both, event.PaymentsSettled, taken)
	told(t, s, again, event.PaymentsSettled, taken)
	told(t, s, again, event.PaymentsRefused, event.Refused{Text: "No"}) // late
	if err := tick(t, w, s); err != nil {
		t.Fatal(err)
	}
	if got := a.take(); !reflect.DeepEqual(got, []string{"r-again true", "r-both true", "r-refused false", "r-settled true", "r-twice true"}) {
		t.Errorf("told %q", got)
	}
	give(t, s, sian, append(byGateway("r-late"), "Idempotency-Key", "r-settled")...)
	give(t, s, sian, append(byGateway("r-late"), "Idempotency-Key", "r-settled")...)
	if err := tick(t, w, s); err != nil {
		t.Fatal(err)
	}
	if got := a.take(); !reflect.DeepEqual(got, []string{"r-late true"}) {
		t.Errorf("of a repetition after the end: %q", got)
	}
	told(t, s, settled, event.PaymentsRefunded, back("x", 100))
	if err := tick(t, w, s); err != nil || len(a.take()) != 0 || a.posts != 2 {
		t.Errorf("told again, in %d posts: %v", a.posts, err)
	}
	told(t, s, refused, event.PaymentsSettled, taken)
	if err := tick(t, w, s); err != nil {
		t.Fatal(err)
	}
	if got := a.take(); !reflect.DeepEqual(got, []string{"r-refused true"}) {
		t.Errorf("after a second try: %q", got)
	}
}

// A gateway that is away, or does not know us, is told with a later tick; a tick collects all the same.
func TestOutcomesWaitForTheGateway(t *testing.T) {
	t.Parallel()
	a, w, s := asked(t)
	a.down = true
	for i := range 250 {
		told(t, s, from(t, s, fmt.Sprintf("r-%03d", i)), event.PaymentsSettled, taken)
	}
	if err := tick(t, w, s); err == nil || !strings.Contains(err.Error(), "100 outcomes wait for the next tick: OUTCOMES_URL answers 503") {
		t.Errorf("the tick said %v", err)
	}
	a.down = false
	if err := tick(t, w, s); err != nil {
		t.Fatal(err)
	}
	if got := a.take(); len(got) != 250 || a.posts != 3 {
		t.Errorf("told %d outcomes in %d posts", len(got), a.posts)
	}
}

// Test gifts, collections of mandates and worlds without a judge tell nothing.
func TestOutcomesThatNobodyAsksFor(t *testing.T) {
	t.Parallel()
	a, w, s := asked(t)
	id := give(t, s, sian, mark.Header, hosttest.Keys.Sign("k1", mark.Test, hosttest.Noon, "POST", "/donations", []byte(sian))).ID
	told(t, s, id, event.PaymentsSettled, taken)
	if err := tick(t, w, s); err != nil || len(a.take()) != 0 {
		t.Errorf("a test gift was told: %v", err)
	}
	quiet, q := start(t)
	told(t, q, give(t, q, sian).ID, event.PaymentsSettled, taken)
	if items, err := q.Store.List(t.Context(), "outcome", "", "", 10); err != nil || len(items) != 0 {
		t.Errorf("outcomes gather that nobody asks for: %v %v", items, err)
	}
	if err := tick(t, quiet, q); err != nil {
		t.Error(err)
	}
	for url, key := range map[string]string{"gateway:9090": "k", "https://gateway.example/v1/outcomes": ""} {
		env := quiet.Env("donate")
		was := env.Getenv
		env.Getenv = func(name string) string {
			return map[string]string{"OUTCOMES_URL": url, "OUTCOMES_KEY": key}[name] + was(name)
		}
		if _, err := donate.New(env); err == nil || !strings.Contains(err.Error(), "OUTCOMES_") {
			t.Errorf("%q with the key %q: %v", url, key, err)
		}
	}
}
