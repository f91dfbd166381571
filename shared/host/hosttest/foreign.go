package hosttest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/shared/mark"
)

// WorldFile names the file that says where a running world is: the line that `banyan up --json` prints. Where it is set, NewWorld
// drives that world by its addresses. Only scenarios can: a test that moves the clock, reads a store or hands over a message fails.
const WorldFile = "BANYAN_WORLD"

// foreign is a world that runs elsewhere. Its clock is the clock, and what earlier runs did is still there.
type foreign struct {
	Services    string `json:"services"` // the address of all of them
	PSP         string `json:"psp"`      // of the acquirers' fake
	MarksKey    string `json:"marks_key"`
	OperatorKey string `json:"operator_key"`

	keys   mark.Keys
	client *http.Client
}

// patience bounds one request to a foreign world: a function may have to start first.
const patience = 60 * time.Second

// elsewhere is the world of WorldFile; nil without one.
func elsewhere(t *testing.T) *foreign {
	t.Helper()
	file := os.Getenv(WorldFile)
	if file == "" {
		return nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%s: %v", WorldFile, err)
	}
	f := &foreign{client: &http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if err := json.Unmarshal(raw, f); err != nil {
		t.Fatalf("%s: %s is not what `banyan up --json` prints: %v", WorldFile, file, err)
	}
	if f.keys, err = mark.ParseKeys(f.MarksKey); err != nil || len(f.keys) == 0 || f.Services == "" || f.PSP == "" || f.OperatorKey == "" {
		t.Fatalf("%s: %s must say services, psp, marks_key and operator_key (%v)", WorldFile, file, err)
	}
	f.Services = strings.TrimSuffix(f.Services, "/")
	return f
}

// do asks over the network. A service that another scenario has just paused answers a little later: in AWS each of its
// environments looks at the switch only now and then.
func (f *foreign) do(t *testing.T, method, target, body string, headers []string) Answer {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		a := f.once(t, method, target, body, headers)
		if !a.paused() || time.Now().After(end) {
			return a
		}
		select {
		case <-time.After(10 * glance):
		case <-t.Context().Done():
			return a
		}
	}
}

// paused says that the answer is the pause switch's.
func (a Answer) paused() bool {
	return a.Status == http.StatusConflict && strings.Contains(a.Body, "This service is paused")
}

func (f *foreign) once(t *testing.T, method, target, body string, headers []string) Answer {
	t.Helper()
	// Also after the test's end, for what puts the world right again: the client's own patience bounds it.
	r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, f.Services+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	dress(r, headers)
	res, err := f.client.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return Answer{res.StatusCode, res.Header, string(raw)}
}

// memoryOnly fails a test that asks a foreign world for what only this process can give.
func (w *World) memoryOnly(what string) {
	w.t.Helper()
	if w.foreign != nil {
		w.t.Fatalf("%s is not to be had in a foreign world: unset %s, or run scenarios only (-run TestScenario)", what, WorldFile)
	}
}

// within is how long Until waits: in memory for what comes over real sockets, elsewhere for queues, polls and cold starts.
const (
	withinMemory  = 20 * time.Second
	withinForeign = 90 * time.Second
	glance        = 20 * time.Millisecond // between two looks
)

// Until lets the world go on until done says so, and fails the test if that does not come: messages are delivered here,
// and waited for elsewhere. what says what was waited for.
func (w *World) Until(what string, done func() bool) {
	w.t.Helper()
	within := withinMemory
	if w.foreign != nil {
		within = withinForeign
	}
	end := time.NewTimer(within)
	defer end.Stop()
	look := time.NewTicker(glance)
	defer look.Stop()
	for {
		var refused error
		if w.foreign == nil {
			refused = w.TryDeliver() // a webhook may come between: the message comes again
		}
		if done() {
			return
		}
		select {
		case <-look.C:
		case <-end.C:
			w.t.Fatalf("%s: not within %v (%v)", what, within, refused)
		case <-w.t.Context().Done():
			w.t.Fatal(fmt.Errorf("%s: %w", what, w.t.Context().Err()))
		}
	}
}
