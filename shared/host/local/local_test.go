package local_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/mux"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/host/local"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/web"
)

// sender sends a message to sink with every POST.
func sender(env host.Env) (host.Service, error) {
	if env.Getenv("SENDER_KEY") == "" {
		return host.Service{}, errors.New("SENDER_KEY is not set")
	}
	r := mux.NewRouter()
	r.Handle("/sent/{id}", web.Func(func(w http.ResponseWriter, r *http.Request) error {
		id := mux.Vars(r)["id"]
		m := event.New(id, event.PaymentsSettled, env.Now(), event.For{Service: "sink", ID: id}, id)
		err := env.Store.Commit(r.Context(), kv.Write{Key: kv.Key{Part: "sent", Sort: id}, If: kv.Absent, Messages: []event.Message{m}})
		if err == nil {
			web.Answer(w, 201, nil)
		}
		return err
	})).Methods("POST")
	r.Handle("/both", http.NotFoundHandler()).Methods("PUT")
	return host.Service{HTTP: r}, nil
}

// world is a sender and a sink whose Queue the test decides.
type world struct {
	*local.Host
	stores map[string]*kv.Mem
	ticks  atomic.Int32
}

func start(t *testing.T, stores map[string]*kv.Mem, queue func(context.Context, event.Message) error) *world {
	t.Helper()
	w := &world{stores: stores}
	if stores == nil {
		w.stores = map[string]*kv.Mem{"sender": kv.NewMem(), "sink": kv.NewMem()}
	}
	sink := func(host.Env) (host.Service, error) {
		r := mux.NewRouter()
		r.HandleFunc("/both", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "sink's") }).Methods("GET")
		return host.Service{HTTP: r, Queue: queue, Tick: func(context.Context, time.Time) error { w.ticks.Add(1); return nil }}, nil
	}
	ids := atomic.Int32{}
	h, err := local.Start(local.Options{
		Services: map[string]host.New{"sender": sender, "sink": sink},
		Store:    func(name string) kv.Store { return w.stores[name] },
		Getenv:   func(string) string { return "set" },
		NewID:    func() string { return fmt.Sprint("id-", ids.Add(1)) },
		Log:      slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Host = h
	return w
}

func (w *world) do(method, target string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, httptest.NewRequest(method, target, nil))
	return rec
}

func (w *world) stop(t *testing.T) {
	t.Helper()
	if err := w.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

func waiting(t *testing.T, s kv.Store) (n int) {
	t.Helper()
	for shard := range kv.Shards {
		u, err := s.Unsent(context.Background(), shard, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		n += len(u)
	}
	return n
}

func TestMessagesArriveAndAreConfirmed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		seen := map[string]int{}
		w := start(t, nil, func(_ context.Context, m event.Message) error {
			mu.Lock()
			defer mu.Unlock()
			seen[m.ID]++
			return nil
		})
		for n := range 200 {
			if a := w.do("POST", fmt.Sprint("/sent/m", n)); a.Code != 201 {
				t.Fatal(a.Code, a.Body)
			}
		}
		if err := w.Settle(context.Background()); err != nil {
			t.Fatal(err)
		}
		if left := waiting(t, w.stores["sender"]); len(seen) != 200 || left != 0 {
			t.Errorf("%d of 200 arrived, %d still wait", len(seen), left)
		}
		for id, n := range seen {
			if n != 1 {
				t.Errorf("%s came %d times with nothing wrong", id, n)
			}
		}
		w.stop(t)
	})
}

func TestRefusedMessageComesAgainAndAtLastIsADeadLetter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tried := map[string]int{}
		var mu sync.Mutex
		w := start(t, nil, func(_ context.Context, m event.Message) error {
			mu.Lock()
			defer mu.Unlock()
			tried[m.ID]++
			switch {
			case m.ID == "slow" && tried[m.ID] < 4:
				return errors.New("not yet")
			case m.ID == "bad":
				panic("cannot read it")
			}
			return nil
		})
		w.do("POST", "/sent/slow")
		w.do("POST", "/sent/bad")
		if err := w.Settle(context.Background()); err != nil {
			t.Fatal(err)
		}
		if tried["slow"] != 4 || tried["bad"] != 10 || waiting(t, w.stores["sender"]) != 0 {
			t.Errorf("tried: %v", tried)
		}
		dead, _, err := local.DeadLetters(w.Store("sink")).List(context.Background(), "", 9)
		if err != nil || len(dead) != 1 || dead[0].Value.Message.ID != "bad" || !strings.Contains(dead[0].Value.Error, "cannot read it") {
			t.Errorf("%+v, %v", dead, err)
		}
		w.stop(t)
	})
}

func TestWhatACrashLeftIsDeliveredAtTheNextStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := func(context.Context, event.Message) error { return errors.New("down") }
		w := start(t, nil, down)
		w.do("POST", "/sent/m1")
		synctest.Wait()
		w.stop(t) // its message waits between two tries
		if waiting(t, w.stores["sender"]) != 1 {
			t.Fatal("the message is gone")
		}
		var arrived atomic.Int32
		w = start(t, w.stores, func(context.Context, event.Message) error { arrived.Add(1); return nil })
		synctest.Wait()
		if err := w.Settle(context.Background()); err != nil || arrived.Load() != 1 {
			t.Errorf("arrived %d times, %v", arrived.Load(), err)
		}
		w.stop(t)
	})
}

func TestSettleSaysHowManyAreOnTheirWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		w := start(t, nil, func(context.Context, event.Message) error { <-release; return nil })
		w.do("POST", "/sent/m1")
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := w.Settle(ctx); err == nil || !strings.Contains(err.Error(), "1 messages are still on their way") {
			t.Error(err)
		}
		close(release)
		w.stop(t)
		if waiting(t, w.stores["sender"]) != 0 {
			t.Error("what was in hand at Close was not confirmed")
		}
	})
}

func TestTicksComeEveryMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := start(t, nil, nil)
		time.Sleep(3*time.Minute + time.Second) // the bubble's clock
		if n := w.ticks.Load(); n != 4 {
			t.Errorf("%d ticks, want one at once and one a minute", n)
		}
		w.stop(t)
	})
}

func TestRequestsGoToWhoOwnsThePath(t *testing.T) {
	t.Parallel()
	w := start(t, nil, nil)
	defer w.stop(t)
	for _, c := range []struct {
		method, target string
		status         int
		body           string
	}{
		{"GET", "/both", 200, "sink's"}, {"PUT", "/both", 404, ""}, {"DELETE", "/both", 405, "does not take DELETE"}, {"GET", "/sent/m", 405, "does not take GET"},
		{"GET", "/sink/health", 200, `{"data":{"state":"OK"},"message":"success"}`}, {"GET", "/sender/state", 200, "OK"}, {"GET", "/sink/nothing", 404, "nothing here"},
		{"GET", "/nowhere", 404, `{"data":{},"message":"There is nothing here"}`},
	} {
		if a := w.do(c.method, c.target); a.Code != c.status || !strings.Contains(a.Body.String(), c.body) {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.target, a.Code, a.Body, c.status, c.body)
		}
	}
	if w.Store("unheard") != nil {
		t.Error("a store for nobody")
	}
}

func TestEveryServiceThatWillNotStartIsNamed(t *testing.T) {
	t.Parallel()
	broken := func(host.Env) (host.Service, error) { return host.Service{}, errors.New("no bucket") }
	h, err := local.Start(local.Options{
		Services: map[string]host.New{"sender": sender, "images": broken},
		Store:    func(string) kv.Store { return kv.NewMem() }, Getenv: func(string) string { return "" }, NewID: func() string { return "x" }, Log: slog.New(slog.DiscardHandler),
	})
	if h != nil || err == nil || !strings.Contains(err.Error(), "sender does not start: SENDER_KEY is not set") || !strings.Contains(err.Error(), "images does not start: no bucket") {
		t.Errorf("%v, %v", h, err)
	}
}
