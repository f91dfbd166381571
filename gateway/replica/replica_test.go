package replica_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/dash"
	"github.com/banyan-migration/banyan/gateway/replica"
	"github.com/banyan-migration/banyan/shared/kv"
)

// site is two sides and as many gateways over one store as a test wants.
type site struct {
	t      *testing.T
	store  kv.Store
	broken atomic.Bool // the new side answers 500
	legacy *httptest.Server
	fresh  *httptest.Server
}

func newSite(t *testing.T) *site {
	s := &site{t: t, store: kv.NewMem()}
	side := func(name string) *httptest.Server {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if name == "new" && s.broken.Load() {
				http.Error(w, "broken", http.StatusInternalServerError)
				return
			}
			fmt.Fprint(w, name)
		}))
		t.Cleanup(server.Close)
		return server
	}
	s.legacy, s.fresh = side("legacy"), side("new")
	return s
}

const yaml = `
listen: 127.0.0.1:0
gateway_id: %s
hosts: ["*"]
trusted: [127.0.0.0/8]
keys: {k1: a-secret-of-a-test-alone}
backends:
  drupal: {url: %s, kind: drupal7}
  services: {url: %s}
default: drupal
groups:
  pages:
    from: drupal
    to: services
    weight: 0
    key: address
    salt: pages-1
    policy: {from: demo, cell: 200ms, stale: 30s, steps: [{weight: 5000, dwell: 100ms, sample: 3}, {weight: 10000, dwell: 100ms, sample: 3}]}
    routes:
      - {match: GET /about%s}
`

func (s *site) config(id, more string) *config.Config {
	s.t.Helper()
	c, err := config.Parse("gateway.yaml", fmt.Appendf(nil, yaml, id, s.legacy.URL, s.fresh.URL, more), config.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// gate is one gateway as donors and operators see it.
type gate struct {
	*replica.Replica
	address string
	door    dash.Door
	stop    func()
}

func (s *site) open(id string) *gate {
	s.t.Helper()
	r, err := replica.Open(s.t.Context(), replica.Options{Config: s.config(id, ""), Open: func() (kv.Store, error) { return s.store, nil }, Token: "a-token"})
	if err != nil {
		s.t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran, served := make(chan struct{}), make(chan error, 1)
	go func() { defer close(ran); r.Run(ctx) }()
	go func() { served <- r.Serve(l) }()
	admin := httptest.NewServer(r.Admin)
	g := &gate{Replica: r, address: "http://" + l.Addr().String(), door: dash.Door{Admin: admin.URL, Token: "a-token"}}
	var once atomic.Bool
	g.stop = func() {
		if once.Swap(true) {
			return
		}
		cancel()
		<-ran
		admin.Close()
		if err := r.Shutdown(context.Background()); err != nil {
			s.t.Error(err)
		}
		if err := <-served; err != nil {
			s.t.Error(err)
		}
	}
	s.t.Cleanup(g.stop)
	return g
}

// ask is the side that answers a donor of an address.
func (g *gate) ask(t *testing.T, donor int) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.address+"/about", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Forwarded-For", fmt.Sprintf("192.0.2.%d", donor%250))
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		return answer.Status
	}
	return string(body)
}

func (g *gate) tell(t *testing.T, verb string, body map[string]any) {
	t.Helper()
	var now dash.Group
	if err := g.door.Call(t.Context(), http.MethodGet, "/v1/groups/pages", 0, nil, &now); err != nil {
		t.Fatal(err)
	}
	body["actor"], body["reason"] = "ada", "a test"
	if err := g.door.Call(t.Context(), http.MethodPost, "/v1/groups/pages:"+verb, now.Revision, body, &now); err != nil {
		t.Fatal(verb, err)
	}
}

// donors ask all gateways in turn until the group stands somewhere, and fail the test if it never does.
func donors(t *testing.T, gates []*gate, what string, there func(weight int) bool) {
	t.Helper()
	end := time.Now().Add(20 * time.Second)
	for i := 0; ; i++ {
		gates[i%len(gates)].ask(t, i)
		if at := gates[0].Plan.Now().Group("pages"); there(at.Weight) {
			return
		} else if time.Now().After(end) {
			v, _ := gates[0].Analysis.Latest("pages")
			t.Fatalf("%s: the group is at %d (%s), and the judge says %s: %s", what, at.Weight, at.Why, v.Verdict.Kind, v.Verdict.Why)
		}
	}
}

// J-10, J-15, T-8: five gateways over one store are one to the donors: an approval told to one of them is stepped along by the counts of all, a
// failure that each sees a fifth of rolls all of them back, and two that are gone are missed by nobody.
func TestFiveGatewaysAreOne(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var gates []*gate
	for i := range 5 {
		gates = append(gates, s.open(fmt.Sprint("gw-", i+1)))
	}
	gates[3].tell(t, "approve", map[string]any{})
	donors(t, gates, "the first step", func(w int) bool { return w >= 5000 })
	gates[4].stop()
	gates = gates[:4]
	donors(t, gates, "the last step", func(w int) bool { return w == 10000 })
	gates[0].tell(t, "rollback", map[string]any{})
	gates[0].tell(t, "approve", map[string]any{})
	donors(t, gates, "the second ramp", func(w int) bool { return w >= 5000 })
	s.broken.Store(true)
	donors(t, gates, "the judge's rollback", func(w int) bool { return w == 0 })
	for i, g := range gates {
		end := time.Now().Add(time.Second)
		for donor := 0; donor < 50; donor++ {
			if got := g.ask(t, donor); got != "legacy" {
				if time.Now().After(end) {
					t.Fatalf("gateway %d: donor %d is answered by %s a second after the rollback", i+1, donor, got)
				}
				donor = -1
			}
		}
	}
	if n, err := gates[0].Plan.Verify(t.Context()); err != nil || n < 6 {
		t.Errorf("%d entries of the journal hold, %v", n, err)
	}
}

// A reload changes what is asked and compared, and no weight; a bad one changes nothing.
func TestReload(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	g := s.open("gw-1")
	g.tell(t, "promote", map[string]any{})
	if err := g.Reload(t.Context(), s.config("gw-1", `, ignore: [html title]}
      - {match: GET /new`)); err != nil {
		t.Fatal(err)
	}
	var at dash.Status
	if err := g.door.Call(t.Context(), http.MethodGet, "/v1/status", 0, nil, &at); err != nil || at.Groups["pages"].Weight != 5000 {
		t.Errorf("after a reload: %+v, %v", at, err)
	}
	broken := s.config("gw-1", "")
	broken.TLS.Cert, broken.TLS.Key = "gone.pem", "gone.key"
	if err := g.Reload(t.Context(), broken); err == nil || !strings.Contains(err.Error(), "gone.pem") {
		t.Errorf("a certificate that is not there: %v", err)
	}
	raw, err := json.Marshal(g.Config().Groups[0].Routes[0].Options.Ignore)
	if err != nil || string(raw) != `["html title"]` {
		t.Errorf("after a bad reload the routes ignore %s, %v", raw, err)
	}
}
