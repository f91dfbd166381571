package hosttest

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/mark"
)

// What every world has. A scenario is written with these and Do, so that it plays in memory and anywhere else.

// Fresh is a lower-case word that no other call of any run was given: a foreign world remembers what earlier runs did.
func (w *World) Fresh() string { return strings.ToLower(rand.Text()) }

// Operator is the header of somebody of the charity's staff who has every role.
func (w *World) Operator() []string {
	key := OperatorKey
	if w.foreign != nil {
		key = w.foreign.OperatorKey
	}
	return []string{"Authorization", "Bearer " + key}
}

// Marked is the header that marks a request, mark.Shadow or mark.Test, as the gateway or a load test would sign it.
func (w *World) Marked(kind, method, target, body string) []string {
	keys := Keys
	if w.foreign != nil {
		keys = w.foreign.keys
	}
	return []string{mark.Header, keys.Sign(keys.First(), kind, w.Now(), method, target, []byte(body))}
}

// Address is where every service of the world answers, as http://host:port. In memory it is opened by the first call and
// answers for the services that are started by then or later.
func (w *World) Address() string {
	if w.foreign != nil {
		return w.foreign.Services
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.server == nil {
		w.server = httptest.NewServer(http.HandlerFunc(w.serve))
		w.t.Cleanup(w.server.Close)
	}
	return w.server.URL
}

func (w *World) serve(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	var owner *Service
	for name, s := range w.services {
		if s.HTTP == nil {
			continue
		}
		if _, found, _ := host.Match(s.HTTP, r); found || strings.HasPrefix(r.URL.Path, "/"+name+"/") && owner == nil {
			owner = s
		}
	}
	w.mu.Unlock()
	if owner == nil {
		http.NotFound(out, r)
		return
	}
	owner.ServeHTTP(out, r)
}

// PSP is the address of the foreign world's acquirers; empty in memory, where a test brings its own.
func (w *World) PSP() string {
	if w.foreign == nil {
		return ""
	}
	return w.foreign.PSP
}

// Pauses plays the pause switch of the service: strangers may not turn it, an operator may, and while it is off the service
// answers 409 to everything but its health. The request is one that is otherwise answered with the status.
func (s *Service) Pauses(t *testing.T, method, target, body string, status int) {
	t.Helper()
	w := s.world
	now := func(method, target, body string, headers ...string) Answer { // as the service is at this moment
		if w.foreign != nil {
			return w.foreign.once(t, method, target, body, headers)
		}
		return s.Do(method, target, body, headers...)
	}
	set := func(state string, headers ...string) Answer {
		return now("PUT", "/"+s.Name+"/state", `{"state":"`+state+`"}`, headers...)
	}
	if a := set(host.TemporarilyPaused); a.Status != http.StatusUnauthorized {
		t.Fatalf("a stranger at the switch: %d %s", a.Status, a.Body)
	}
	if a := set("ASLEEP", w.Operator()...); a.Status != http.StatusBadRequest {
		t.Errorf("no state: %d %s", a.Status, a.Body)
	}
	shadow := w.Marked(mark.Shadow, "PUT", "/"+s.Name+"/state", `{"state":"`+host.TemporarilyPaused+`"}`)
	if a := set(host.TemporarilyPaused, append(shadow, w.Operator()...)...); a.Status != http.StatusConflict || a.paused() {
		t.Errorf("a shadow at the switch: %d %s", a.Status, a.Body)
	}
	t.Cleanup(func() { // whatever fails: others need the service
		if a := set(host.OK, w.Operator()...); a.Status != http.StatusOK {
			t.Errorf("the service stays paused: %d %s", a.Status, a.Body)
		}
	})
	for _, state := range []string{host.TemporarilyPaused, host.IndefinitelyPaused} {
		if a := set(state, w.Operator()...); a.Status != http.StatusOK {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		w.Until("409 while it is paused", func() bool { return now(method, target, body).paused() })
		w.Until("health says so", func() bool {
			a := now("GET", "/"+s.Name+"/health", "")
			return a.Status == http.StatusOK && strings.Contains(a.Body, state)
		})
	}
	if a := set(host.OK, w.Operator()...); a.Status != http.StatusOK {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	w.Until("the service answers again", func() bool { return now(method, target, body).Status == status })
}
