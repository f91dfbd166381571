package loadtest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/loadtest"
	"github.com/banyan-migration/banyan/shared/mark"
)

func TestDonorsGiveAsBrowsersDo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	res := run(t, s, plan(t, "kind: drip\nrate: 100\nhold: 200ms\n"))
	if res.Accepted() != 20 || res.Legacy.Accepted != 10 || res.Services.Accepted != 10 || len(res.Errors) != 0 {
		t.Fatalf("accepted %d by Drupal and %d by services, %v", res.Legacy.Accepted, res.Services.Accepted, res.Errors)
	}
	if res.Sent != 60 || s.requests.Load() != 60 {
		t.Errorf("%d requests sent, %d came: a donation is a form, its post and the page after", res.Sent, s.requests.Load())
	}
	post := s.posts[0]
	want := map[string]string{"form_id": "webform_client_form_2", "op": "Donate", "details[page_num]": "1", "details[finished]": "0", "submitted[country]": "GB"}
	for name, value := range want {
		if got := post.PostForm.Get(name); got != value {
			t.Errorf("%s = %q, want %q", name, got, value)
		}
	}
	if post.Host != "www.rednosefund.example" || post.Header.Get("Cookie") != "__banyan=v1" ||
		!strings.HasPrefix(post.Header.Get("Content-Type"), "multipart/form-data") {
		t.Errorf("host %q, headers %v", post.Host, post.Header)
	}
	ids := map[string]bool{}
	for _, p := range s.posts {
		ids[p.PostForm.Get("form_build_id")] = true
	}
	if len(ids) != 20 || ids[""] {
		t.Errorf("20 donors sent the build ids %v: each has its own page's", ids)
	}
	if post.PostForm.Has("name") || post.PostForm.Has("pass") {
		t.Error("the login block's form was filled in too")
	}
}

func TestReconcileFindsWhatIsMissingDoubledOrWrong(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	res := run(t, s, plan(t, "kind: drip\nrate: 100\nhold: 100ms\n"))
	if err := res.Reconcile(strings.NewReader(s.lines())); err != nil || !res.Reconciled.Clean() || res.Reconciled.Stored != 10 {
		t.Fatalf("%+v, %v", res.Reconciled, err)
	}
	s.stored[0].Ref = "somebody else's"
	s.stored[1].Amount = "0.01"
	s.stored = append(s.stored, s.stored[2])
	if err := res.Reconcile(strings.NewReader(s.lines())); err != nil {
		t.Fatal(err)
	}
	r := res.Reconciled
	if r.Clean() || len(r.Missing) != 1 || len(r.WrongAmount) != 1 || len(r.Doubled) != 1 || r.Stored != 10 {
		t.Errorf("%+v", r)
	}
	if err := res.Reconcile(strings.NewReader("{}\n<html>")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("an unreadable line gave %v", err)
	}
}

func TestFailuresAreCountedByKindAndKnownApart(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var n atomic.Int64
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != "POST" {
			return false
		}
		switch n.Add(1) {
		case 1: // taken, and the answer is lost
			s.post(quiet{w}, r)
			panic(http.ErrAbortHandler)
		case 2:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 3: // refused: the form again
			_, _ = io.WriteString(w, s.page)
		case 4:
			http.Redirect(w, r, "http://elsewhere.example/", http.StatusFound)
		default:
			return false
		}
		return true
	}
	res := run(t, s, plan(t, "kind: drip\nrate: 100\nhold: 100ms\n"))
	want := map[string]int64{"cut_off": 1, "status_503": 1, "refused": 1, "redirect": 1}
	for kind, n := range want {
		if res.Errors[kind] != n {
			t.Errorf("%s: %d, want %d", kind, res.Errors[kind], n)
		}
	}
	if res.Accepted() != 6 || len(res.Unanswered) != 3 || len(res.Refused) != 1 {
		t.Errorf("%d accepted, unanswered %v, refused %v", res.Accepted(), res.Unanswered, res.Refused)
	}
	if err := res.Reconcile(strings.NewReader(s.lines())); err != nil {
		t.Fatal(err)
	}
	if r := res.Reconciled; !r.Clean() || len(r.Unconfirmed) != 1 {
		t.Errorf("%+v", r)
	}
}

// quiet hides the answer of a handler whose connection is about to be cut.
type quiet struct{ http.ResponseWriter }

func (quiet) Write(b []byte) (int, error) { return len(b), nil }
func (quiet) WriteHeader(int)             {}

// The loop is open: a site that hangs does not slow the sends, and the wait counts from the time that was wanted.
func TestSendsNeverWaitForAnswers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	release := make(chan struct{})
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if s.requests.Load() == 50 {
			close(release)
		}
		<-release
		return false
	}
	res := run(t, s, plan(t, "kind: drip\nrate: 500\nhold: 100ms\n"))
	if res.Accepted() != 50 {
		t.Errorf("%d of 50 accepted: the sends waited for answers", res.Accepted())
	}
	if res.Latency.Max < 90 || res.Visit.P90 < 10 {
		t.Errorf("latency %+v leaves out the time that visitors hung", res.Latency)
	}
}

func TestTooManyInFlightAreNotSent(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	release := make(chan struct{})
	s.before = func(http.ResponseWriter, *http.Request) bool { <-release; return false }
	var once sync.Once
	o := loadtest.Options{Target: s.URL, InFlight: 3, Progress: func(now loadtest.Snapshot) {
		if now.NotSent == 17 {
			once.Do(func() { close(release) })
		}
	}}
	res, err := loadtest.Run(t.Context(), plan(t, "kind: drip\nrate: 100\nhold: 200ms\n"), o)
	if err != nil || res.NotSent != 17 || res.Accepted() != 3 {
		t.Errorf("%v: %d not sent, %d accepted; want 17 and 3", err, res.NotSent, res.Accepted())
	}
}

func TestStoppedRunGivesUpAndSaysWhatItHas(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method != "POST" {
			return false
		}
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the visitor has gone
		cancel()
		<-r.Context().Done()
		return true
	}
	res, err := loadtest.Run(ctx, plan(t, "kind: drip\nrate: 10\nhold: 1h\n"), loadtest.Options{Target: s.URL})
	if !errors.Is(err, context.Canceled) || res == nil || res.Errors["cancelled"] == 0 || len(res.Unanswered) == 0 {
		t.Errorf("%v: %+v", err, res)
	}
}

func TestNightIsReplayedFromTheLog(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := plan(t, "kind: night\nlog: sample\nstart: 2019-03-15T21:00:00Z\nend: 2019-03-15T21:01:00Z\nspeed: 100\n")
	o := loadtest.Options{Target: s.URL, Open: func(string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(site.AccessLog)), nil
	}}
	var told atomic.Int64
	o.OnAccept = func(loadtest.Donation) { told.Add(1) }
	res, err := loadtest.Run(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	// 598 lines of the peak minute: 522 pages, 76 posts, 51 of them donations; each donation has two pages of its own.
	if res.Accepted() != 51 || told.Load() != 51 || res.Sent != 598+2*51 || res.Unposted != 25 || len(res.Errors) != 0 {
		t.Errorf("%d accepted, %d told, %d sent, %d unposted, %v", res.Accepted(), told.Load(), res.Sent, res.Unposted, res.Errors)
	}
}

// A site may close connections that lie idle; no visitor is lost by it.
func TestIdleConnectionsMayBeClosed(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *http.Server) { c.IdleTimeout = 50 * time.Millisecond })
	res := run(t, s, plan(t, "kind: drip\nrate: 5\nhold: 800ms\n"))
	if res.Accepted() != 4 || len(res.Errors) != 0 {
		t.Errorf("%d accepted, %v", res.Accepted(), res.Errors)
	}
}

func TestUnreachableTargetIsCountedNotHidden(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Close()
	res := run(t, s, plan(t, "kind: drip\nrate: 100\nhold: 50ms\n"))
	if res.Errors["connect"] != 5 || res.OK != 0 {
		t.Errorf("%+v", res.Errors)
	}
}

func TestTestPlansNeedAKey(t *testing.T) {
	t.Parallel()
	p, err := loadtest.Load("slam")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = loadtest.Run(t.Context(), p, loadtest.Options{Target: "http://127.0.0.1:1"}); err == nil || !strings.Contains(err.Error(), "BANYAN_KEY") {
		t.Errorf("a plan of mark test ran without a key: %v", err)
	}
}

func TestTestPlansSignEveryRequest(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	keys := mark.Keys{"k1": "a secret of sixteen bytes"}
	var unsigned atomic.Int64
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if kind, err := keys.Check(r.Header.Get(mark.Header), r.Method, r.RequestURI, body, time.Now()); kind != mark.Test || err != nil {
			unsigned.Add(1)
		}
		return false
	}
	p := plan(t, "kind: drip\nrate: 100\nhold: 50ms\n")
	p.Mark = "test"
	if _, err := loadtest.Run(t.Context(), p, loadtest.Options{Target: s.URL, Keys: keys}); err != nil || unsigned.Load() != 0 || s.requests.Load() != 15 {
		t.Errorf("%v; %d of %d requests carry no good mark", err, unsigned.Load(), s.requests.Load())
	}
}
