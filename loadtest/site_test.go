package loadtest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/loadtest"
)

// fakeSite is a site with the recorded donate page. It stores what is posted, and half of the posts are taken by the side
// whose sids begin at 2^31.
type fakeSite struct {
	*httptest.Server
	page   string
	before func(w http.ResponseWriter, r *http.Request) bool // true: answered

	mu       sync.Mutex
	stored   []loadtest.Stored
	posts    []http.Request
	requests atomic.Int64
}

func newSite(t testing.TB, settings ...func(*http.Server)) *fakeSite {
	t.Helper()
	s := &fakeSite{page: recorded(t, "donate form")}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	for _, set := range settings {
		set(s.Config)
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// recorded is the page of one of the recorded exchanges.
func recorded(t testing.TB, name string) string {
	t.Helper()
	var all struct {
		Exchanges []struct {
			Name     string
			Response struct{ Text string }
		}
	}
	if err := json.Unmarshal(site.Captures, &all); err != nil {
		t.Fatal(err)
	}
	for _, e := range all.Exchanges {
		if e.Name == name {
			return e.Response.Text
		}
	}
	t.Fatalf("no exchange is called %q", name)
	return ""
}

func (s *fakeSite) serve(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	if s.before != nil && s.before(w, r) {
		return
	}
	switch {
	case r.Method == "POST":
		s.post(w, r)
	case r.URL.Path == "/donate":
		http.SetCookie(w, &http.Cookie{Name: "__banyan", Value: "v1", Path: "/"})
		id := fmt.Sprintf("form-%d", s.requests.Load())
		_, _ = io.WriteString(w, strings.Replace(s.page, "form-B3JDxgX_DYTPZTlTxCG-XkXZASzNLbTedQiLewAFj30", id, 1))
	default:
		_, _ = io.WriteString(w, "a page")
	}
}

func (s *fakeSite) post(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseMultipartForm(1 << 20); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.stored)
	s.stored = append(s.stored, loadtest.Stored{
		Ref: r.PostFormValue("submitted[transaction_id]"), ID: fmt.Sprint(n), Amount: r.PostFormValue("submitted[amount]"),
	})
	s.posts = append(s.posts, *r)
	sid := n + 1 + (n%2)<<31
	http.Redirect(w, r, fmt.Sprintf("http://www.rednosefund.example/node/2/done?sid=%d", sid), http.StatusFound)
}

// lines is what the site says that it stored.
func (s *fakeSite) lines() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, x := range s.stored {
		_ = json.NewEncoder(&b).Encode(x)
	}
	return b.String()
}

func run(t *testing.T, s *fakeSite, p loadtest.Plan) *loadtest.Result {
	t.Helper()
	res, err := loadtest.Run(t.Context(), p, loadtest.Options{Target: s.URL, Run: "t"})
	if err != nil {
		t.Fatal(err)
	}
	var bad int64
	for _, n := range res.Errors {
		bad += n
	}
	if res.Sent != res.OK+bad {
		t.Errorf("sent %d is not ok %d and errors %v", res.Sent, res.OK, res.Errors)
	}
	return res
}

// plan is the YAML of a plan for www.rednosefund.example without a mark.
func plan(t *testing.T, text string) loadtest.Plan {
	t.Helper()
	p, err := loadtest.Parse("plan.yaml", []byte("host: www.rednosefund.example\nmark: none\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}
