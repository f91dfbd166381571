package host_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/gorilla/mux"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/host/hosttest"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/mark"
	"github.com/banyan-migration/banyan/shared/web"
)

// outside is what stands around a service: it counts what is really done.
type outside struct {
	mu    sync.Mutex
	acts  int
	blobs map[string][]byte
}

func (o *outside) act() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.acts++
}

func (o *outside) Put(_ context.Context, name string, data []byte) error {
	o.act()
	o.blobs[name] = bytes.Clone(data)
	return nil
}

func (o *outside) Get(_ context.Context, name string) ([]byte, error) {
	if data, ok := o.blobs[name]; ok {
		return data, nil
	}
	return nil, errors.New("no such blob")
}

func (o *outside) Sign(_ context.Context, name string, _ time.Duration) (string, error) {
	o.act()
	return "https://bucket.example/" + name + "?signature=1", nil
}

func (o *outside) Send(context.Context, string, []byte) (string, error) {
	o.act()
	return "mail-1", nil
}

// studio does with one request all that an Env lets it do outside of its store.
func studio(env host.Env) host.Service {
	r := mux.NewRouter()
	r.Handle("/portraits", web.Func(func(w http.ResponseWriter, r *http.Request) error {
		ctx := r.Context()
		if err := env.Blobs.Put(ctx, "portraits/1", []byte("a nose")); err != nil {
			return err
		}
		seen, err := env.Blobs.Get(ctx, "portraits/1")
		if err != nil {
			return err
		}
		frame, err := env.Blobs.Get(ctx, "frame")
		if err != nil {
			return err
		}
		url, err := env.Blobs.Sign(ctx, "portraits/1", time.Minute)
		if err != nil {
			return err
		}
		mail, err := env.Mail.Send(ctx, "thanks/1", []byte("Thank you"))
		if err != nil {
			return err
		}
		if err := env.Start(ctx, "develop", "1", map[string]int{"size": 6}); err != nil {
			return err
		}
		web.Answer(w, 201, []string{string(seen), string(frame), url, mail})
		return nil
	}))
	return host.Service{HTTP: r}
}

func ask(env host.Env, headers ...string) *httptest.ResponseRecorder {
	env = host.Contained(env)
	r := httptest.NewRequest("POST", "/portraits", strings.NewReader(""))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	host.Front{Name: "studio", Keys: hosttest.Keys}.Handler(env, studio(env)).ServeHTTP(w, r)
	return w
}

func TestShadowTellsOfMailBlobsAndMachinesAndActsOnNone(t *testing.T) {
	t.Parallel()
	o := &outside{blobs: map[string][]byte{"frame": []byte("gilt")}}
	env := hosttest.NewWorld(t).Env("studio")
	env.Blobs, env.Mail = o, o
	env.Start = func(context.Context, string, string, any) error { o.act(); return nil }

	w := ask(env, mark.Header, signed(mark.Shadow, "POST", "/portraits", ""))
	var told struct {
		Data   []string
		Shadow json.RawMessage
	}
	if err := json.Unmarshal(w.Body.Bytes(), &told); err != nil || w.Code != 201 {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	want := `{"blobs":[{"name":"portraits/1","size":6,"sha256":"d1e24047dd5b90f297eba4a40d3042bdfdc6e5751b27c10efdffe2e2b4a74ae3"}],` +
		`"mails":[{"key":"thanks/1","size":9}],"messages":[],"starts":[{"machine":"develop","id":"1","input":{"size":6}}],"writes":[]}`
	if string(told.Shadow) != want {
		t.Errorf("told\n%s\nwant\n%s", told.Shadow, want)
	}
	if told.Data[0] != "a nose" || told.Data[1] != "gilt" || told.Data[2] != "https://shadow.invalid/portraits/1" {
		t.Errorf("the shadow does not see its own blob beside the live ones, or has a real address: %v", told.Data)
	}
	if o.acts != 0 || len(o.blobs) != 1 {
		t.Errorf("the shadow acted %d times", o.acts)
	}
	if w := ask(env); w.Code != 201 || strings.Contains(w.Body.String(), "shadow") || o.acts != 4 {
		t.Errorf("a live request: %d %s, %d acts, want 4", w.Code, w.Body, o.acts)
	}
}

func TestMessageOfAShadowIsNotTakenAsLive(t *testing.T) {
	t.Parallel()
	_, _, sink := start(t)
	m := event.New("m-1", event.PaymentsSettled, hosttest.Noon, event.For{Service: "sink", ID: "1"}, jar{})
	m.Mark = mark.Shadow
	if err := sink.Take(m); err == nil || !strings.Contains(err.Error(), "nothing was done") {
		t.Errorf("%v", err)
	}
	if _, err := sink.Store.Get(t.Context(), (kv.Table[jar]{Name: "seen"}).Key("m-1")); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("it was written: %v", err)
	}
}

// whoAsks is the box's answer to /who for a request in ctx.
func whoAsks(t *testing.T, ctx context.Context, headers ...string) string {
	t.Helper()
	env := hosttest.NewWorld(t).Env("box")
	service, err := box(env)
	if err != nil {
		t.Fatal(err)
	}
	operators := map[string]host.Operator{"c9736463f555cdb7d2a78cfd7aa8b8c4f09d906d78f8dab9228eda30a28c2818": {Name: "Olive Operator"}}
	r := httptest.NewRequest("GET", "/who", nil).WithContext(ctx)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	host.Front{Name: "box", Keys: hosttest.Keys, Operators: operators}.Handler(env, service).ServeHTTP(w, r)
	return w.Body.String()
}

func TestHostMayKnowWhoAsksAndTheRequestsID(t *testing.T) {
	t.Parallel()
	ctx := host.As(web.With(t.Context(), web.Caller{Request: "lambda-1"}), host.Operator{Name: "sub-7", Roles: []string{"view"}})
	if got := whoAsks(t, ctx); !strings.Contains(got, `["","lambda-1","","/who","sub-7"]`) {
		t.Errorf("by the host: %s", got)
	}
	if got := whoAsks(t, ctx, "Authorization", "Bearer "+hosttest.OperatorKey); !strings.Contains(got, `"Olive Operator"`) {
		t.Errorf("a key of ours counts before the host's word: %s", got)
	}
	if got := whoAsks(t, ctx, "Authorization", "Bearer a.token.checked.before"); !strings.Contains(got, `"sub-7"`) {
		t.Errorf("a token that is no key of ours: %s", got)
	}
	gateways := hosttest.Keys.SignClient("k1", mark.Client{Address: "192.0.2.7", Request: "req-7"}, hosttest.Noon)
	if got := whoAsks(t, ctx, mark.ClientHeader, gateways); !strings.Contains(got, `"req-7"`) {
		t.Errorf("the gateway's id counts before the host's: %s", got)
	}
}

// brittle is a store whose reads fail while it is told so.
type brittle struct {
	kv.Store
	broken bool
	reads  int
}

func (b *brittle) Get(ctx context.Context, key kv.Key) (kv.Item, error) {
	b.reads++
	if b.broken {
		return kv.Item{}, errors.New("throttled")
	}
	return b.Store.Get(ctx, key)
}

func TestSwitchIsReadAgainWhenItIsOld(t *testing.T) {
	t.Parallel()
	store := &brittle{Store: kv.NewMem(), broken: true}
	ours, now := host.UnreadState(store), hosttest.Noon
	refresh := func(want string, fails bool) {
		t.Helper()
		if err := ours.Refresh(t.Context(), now, 5*time.Second); (err != nil) != fails || ours.Now() != want {
			t.Fatalf("%s, %v: want %s", ours.Now(), err, want)
		}
	}
	refresh(host.Unknown, true)
	store.broken = false
	refresh(host.OK, false)
	elsewhere, err := host.ReadState(t.Context(), store.Store)
	if err != nil {
		t.Fatal(err)
	}
	if err := elsewhere.Set(t.Context(), host.IndefinitelyPaused); err != nil {
		t.Fatal(err)
	}
	now = now.Add(4999 * time.Millisecond)
	reads := store.reads
	refresh(host.OK, false)
	if store.reads != reads {
		t.Error("a young reading was read again")
	}
	now = now.Add(time.Millisecond)
	refresh(host.IndefinitelyPaused, false)
	now, store.broken = now.Add(time.Hour), true
	refresh(host.IndefinitelyPaused, true)
}

func TestServiceWhoseSwitchCannotBeReadAsksToTryAgain(t *testing.T) {
	t.Parallel()
	env := hosttest.NewWorld(t).Env("box")
	service, err := box(env)
	if err != nil {
		t.Fatal(err)
	}
	front := host.Front{Name: "box", Keys: hosttest.Keys, State: host.UnreadState(env.Store)}.Handler(env, service)
	for target, want := range map[string]int{"/who": 503, "/box/health": 200} {
		w := httptest.NewRecorder()
		front.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		if w.Code != want {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}

func TestServiceWithoutAddressesSaysThatNothingIsThere(t *testing.T) {
	t.Parallel()
	_, _, sink := start(t)
	status(t, sink.Do("GET", "/coins", ""), 404, "There is nothing here")
	status(t, sink.Do("GET", "/sink/health", ""), 200, "OK")
}

// paused is a switch that was read at a time, and that somebody else has turned since.
func paused(t *testing.T, read time.Time) *host.State {
	t.Helper()
	store := kv.NewMem()
	ours := host.UnreadState(store)
	if err := ours.Refresh(t.Context(), read, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	if err := host.UnreadState(store).Set(t.Context(), host.IndefinitelyPaused); err != nil {
		t.Fatal(err)
	}
	return ours
}

func TestSwitchIsReadAgainWhenTheClockWasPutBack(t *testing.T) {
	t.Parallel()
	ours := paused(t, hosttest.Noon.Add(10*time.Minute))
	if err := ours.Refresh(t.Context(), hosttest.Noon, 5*time.Second); err != nil || ours.Now() != host.IndefinitelyPaused {
		t.Errorf("%s, %v", ours.Now(), err)
	}
}

// Lambda freezes an environment between two events; the machine's monotonic clock may stand still meanwhile, and time.Time has both.
func TestSwitchIsReadAgainAfterAFreeze(t *testing.T) {
	t.Parallel()
	before := time.Now()
	thawed := before.Add(time.Hour)
	clocks := func(at *time.Time) *[2]uint64 { return (*[2]uint64)(unsafe.Pointer(at)) } // package time's own two fields
	clocks(&thawed)[1] = clocks(&before)[1]
	if thawed.Sub(before) != 0 || thawed.Round(0).Sub(before.Round(0)) != time.Hour {
		t.Fatalf("%v and %v are no freeze of an hour", before, thawed)
	}
	ours := paused(t, before)
	if err := ours.Refresh(t.Context(), thawed, 5*time.Second); err != nil || ours.Now() != host.IndefinitelyPaused {
		t.Errorf("%s, %v", ours.Now(), err)
	}
}
