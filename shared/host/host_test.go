package host_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/host/hosttest"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/mark"
	"github.com/banyan-migration/banyan/shared/web"
)

type jar struct {
	Coins  int    `json:"coins"`
	Marked string `json:"marked,omitempty"`
	Traced string `json:"traced,omitempty"`
}

// box is a service of two routes: it counts coins, and tells payments of each.
func box(env host.Env) (host.Service, error) {
	jars := kv.Table[jar]{Store: env.Store, Name: "jar"}
	put := func(ctx context.Context, in jar) (jar, error) {
		m := event.New(env.NewID(), event.PaymentsSettled, env.Now(), event.For{Service: "sink", ID: "1"}, in)
		if err := env.Store.Commit(ctx, jars.Put("1", in, kv.Always, m)); err != nil {
			return in, err
		}
		got, _, err := jars.Get(ctx, "1")
		return got, err
	}
	r := mux.NewRouter()
	r.Handle("/jars", web.JSON(201, put)).Methods("POST")
	r.Handle("/jars/{id}", web.Func(func(w http.ResponseWriter, r *http.Request) error {
		got, _, err := jars.Get(r.Context(), mux.Vars(r)["id"])
		if err == nil {
			web.Answer(w, 200, got)
		}
		return err
	})).Methods("GET")
	r.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("the jar broke") })
	r.Handle("/who", web.Func(func(w http.ResponseWriter, r *http.Request) error {
		c := web.From(r.Context())
		web.Answer(w, 200, []string{c.Address, c.Request, c.Mark, c.Route, c.Operator})
		return nil
	}))
	r.Handle("/webhooks", http.NotFoundHandler())
	r.Handle("/outside", web.Func(func(w http.ResponseWriter, r *http.Request) error {
		out, err := http.NewRequestWithContext(r.Context(), "GET", "http://127.0.0.1:1/", nil)
		if err != nil {
			return err
		}
		_, err = env.Client.Do(out)
		return err
	}))
	return host.Service{HTTP: r}, nil
}

// sink remembers the marks and traces of what it takes.
func sink(env host.Env) (host.Service, error) {
	return host.Service{Queue: func(ctx context.Context, m event.Message) error {
		if web.From(ctx).Mark != m.Mark {
			return errors.New("the mark is not in the context")
		}
		seen := kv.Table[jar]{Store: env.Store, Name: "seen"}
		return env.Store.Commit(ctx, seen.Put(m.ID, jar{Marked: m.Mark, Traced: m.Trace}, kv.Always))
	}}, nil
}

func start(t *testing.T) (*hosttest.World, *hosttest.Service, *hosttest.Service) {
	w := hosttest.NewWorld(t)
	return w, w.StartAs(t, "box", box), w.StartAs(t, "sink", sink)
}

func status(t *testing.T, a hosttest.Answer, want int, contains string) {
	t.Helper()
	if a.Status != want || !strings.Contains(a.Body, contains) {
		t.Errorf("%d %s, want %d with %s", a.Status, a.Body, want, contains)
	}
}

func signed(kind, method, target, body string) string {
	return hosttest.Keys.Sign("k1", kind, hosttest.Noon, method, target, []byte(body))
}

func TestMarkAndTraceTravelInEveryMessage(t *testing.T) {
	t.Parallel()
	w, box, sink := start(t)
	status(t, box.Do("POST", "/jars", `{"coins":3}`, mark.Header, signed(mark.Test, "POST", "/jars", `{"coins":3}`), "Traceparent", "00-a-b-01"), 201, `"coins":3`)
	w.Deliver()
	seen, _, err := (kv.Table[jar]{Store: sink.Store, Name: "seen"}).List(t.Context(), "", 9)
	if err != nil || len(seen) != 1 || seen[0].Value.Marked != mark.Test || seen[0].Value.Traced != "00-a-b-01" {
		t.Errorf("%+v, %v", seen, err)
	}
}

func TestWrongMarkIsRefusedAndNeverLive(t *testing.T) {
	t.Parallel()
	_, box, _ := start(t)
	old := hosttest.Keys.Sign("k1", mark.Test, hosttest.Noon.Add(-time.Hour), "POST", "/jars", []byte(`{"coins":3}`))
	for _, value := range []string{"", "nonsense", old, signed(mark.Test, "POST", "/jars", `{"coins":4}`), signed(mark.Test, "PUT", "/jars", `{"coins":3}`)} {
		status(t, box.Do("POST", "/jars", `{"coins":3}`, mark.Header, value), 403, "signature does not hold")
	}
	status(t, box.Do("GET", "/jars/1", ""), 404, "")
	if u := box.Unsent(); len(u) != 0 {
		t.Errorf("a refused request caused %v", u)
	}
}

func TestShadowKeepsNothingAndTellsWhatItWouldHave(t *testing.T) {
	t.Parallel()
	_, box, _ := start(t)
	a := box.Do("POST", "/jars", `{"coins":3}`, mark.Header, signed(mark.Shadow, "POST", "/jars", `{"coins":3}`))
	status(t, a, 201, `"data":{"coins":3}`) // its own read saw its own write
	var told struct {
		Shadow struct {
			Writes []struct {
				Part, Sort string
				Data       jar
			}
			Messages []event.Message
		}
	}
	if err := json.Unmarshal([]byte(a.Body), &told); err != nil || len(told.Shadow.Writes) != 1 || told.Shadow.Writes[0].Data.Coins != 3 ||
		len(told.Shadow.Messages) != 1 || told.Shadow.Messages[0].Mark != mark.Shadow || a.Header.Get(host.AckHeader) == "" {
		t.Errorf("%s: %+v, %v", a.Body, told, err)
	}
	status(t, box.Do("GET", "/jars/1", ""), 404, "")
	if u := box.Unsent(); len(u) != 0 {
		t.Errorf("a shadow sent %v", u)
	}
	status(t, box.Do("GET", "/outside", "", mark.Header, signed(mark.Shadow, "GET", "/outside", "")), 403, "acts on nothing outside")
	status(t, box.Do("POST", "/webhooks", "", mark.Header, signed(mark.Shadow, "POST", "/webhooks", "")), 409, "takes no shadow")
}

func TestVisitorIsWhomTheGatewaySigned(t *testing.T) {
	t.Parallel()
	_, box, _ := start(t)
	value := hosttest.Keys.SignClient("k1", mark.Client{Address: "192.0.2.7", Request: "req-7"}, hosttest.Noon)
	status(t, box.Do("GET", "/who", "", mark.ClientHeader, value), 200, `["192.0.2.7","req-7","","/who",""]`)
	status(t, box.Do("GET", "/who", "", mark.ClientHeader, value+"0"), 403, "signature does not hold")
	status(t, box.Do("GET", "/who", "", mark.ClientHeader, ""), 403, "signature does not hold")
	status(t, box.Do("GET", "/who", "", "Authorization", "Bearer "+hosttest.OperatorKey), 200, `"/who","Olive Operator"]`)
	status(t, box.Do("GET", "/who", "", "Authorization", "Bearer guess"), 200, `"/who",""]`)
}

func TestKeyOfAFrontEndStandsBesideOtherAuthorizations(t *testing.T) {
	t.Parallel()
	_, box, _ := start(t)
	const olive, nobody = `"/who","Olive Operator"]`, `"/who",""]`
	status(t, box.Do("GET", "/who", "", "X-Api-Key", hosttest.OperatorKey), 200, olive)
	status(t, box.Do("GET", "/who", "", "Authorization", "Basic c3RhZ2luZzpwYXNz", "X-Api-Key", hosttest.OperatorKey), 200, olive) // a browser's, of a site behind a password
	status(t, box.Do("GET", "/who", "", "Authorization", "bearer "+hosttest.OperatorKey), 200, olive)
	status(t, box.Do("GET", "/who", "", "Authorization", "Basic "+hosttest.OperatorKey), 200, nobody)
	status(t, box.Do("GET", "/who", "", "Authorization", hosttest.OperatorKey), 200, nobody)
}

func TestPausedServiceRefusesUntilSomebodyResumesIt(t *testing.T) {
	t.Parallel()
	w, front, _ := start(t)
	operator := []string{"Authorization", "Bearer " + hosttest.OperatorKey}
	status(t, front.Do("PUT", "/box/state", `{"state":"TEMPORARILY_PAUSED"}`), 401, "log in")
	status(t, front.Do("PUT", "/box/state", `{"state":"ASLEEP"}`, operator...), 400, "must be OK")
	for _, state := range []string{host.TemporarilyPaused, host.IndefinitelyPaused} {
		status(t, front.Do("PUT", "/box/state", `{"state":"`+state+`"}`, operator...), 200, state)
		status(t, front.Do("POST", "/jars", `{"coins":3}`), 409, "paused")
		status(t, front.Do("GET", "/box/health", ""), 200, state)
		front = w.StartAs(t, "box", box)
		status(t, front.Do("POST", "/jars", `{"coins":3}`), 409, "paused")
	}
	status(t, front.Do("PUT", "/box/state", `{"state":"OK"}`, operator...), 200, "OK")
	status(t, front.Do("POST", "/jars", `{"coins":3}`), 201, "")
}

func TestAddressesThatAreNotThereSaySo(t *testing.T) {
	t.Parallel()
	_, box, _ := start(t)
	status(t, box.Do("GET", "/nowhere", ""), 404, `{"data":{},"message":"There is nothing here"}`)
	status(t, box.Do("DELETE", "/jars", ""), 405, "does not take DELETE")
	status(t, box.Do("GET", "/panic", ""), 500, `"message":"internal error","request_id":"id-`)
}

func TestBrowsersOfOtherOriginsMayRead(t *testing.T) {
	t.Parallel()
	_, box, _ := start(t)
	a := box.Do("OPTIONS", "/jars", "", "Origin", "https://www.example.org", "Access-Control-Request-Method", "POST")
	if a.Status != 204 || a.Header.Get("Access-Control-Allow-Origin") != "https://www.example.org" {
		t.Errorf("%+v", a)
	}
	if a := box.Do("POST", "/jars", `{"coins":1}`, "Origin", "https://www.example.org"); a.Header.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("%+v", a)
	}
}
