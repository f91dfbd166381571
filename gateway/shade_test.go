package gateway

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/shadow"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/shared/mark"
)

const pagesYAML = basics + `
backends:
  old: {url: http://%s, kind: drupal7}
  new: {url: http://%s}
default: old
groups:
  pages:
    from: old
    to: new
    key: visitor
    salt: pages-1
    routes: [{match: GET /*}, {match: POST /*}]
`

// hearing gathers what a Copier reports.
type hearing struct {
	mu  sync.Mutex
	all []shadow.Pair
}

func (p *hearing) add(one shadow.Pair) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one.Legacy.Body, one.New.Body = append([]byte(nil), one.Legacy.Body...), append([]byte(nil), one.New.Body...)
	p.all = append(p.all, one)
}

func (p *hearing) of(t testing.TB, n int) []shadow.Pair {
	t.Helper()
	eventually(t, fmt.Sprintf("%d pairs", n), func() bool { p.mu.Lock(); defer p.mu.Unlock(); return len(p.all) >= n })
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]shadow.Pair(nil), p.all...)
}

// first is the first pair of the two sides, past a replay.
func (p *hearing) first(t testing.TB) shadow.Pair {
	t.Helper()
	one := p.of(t, 1)[0]
	if one.Replay {
		one = p.of(t, 2)[1]
	}
	return one
}

var testKeys = []split.Secret{{ID: "k1", Value: "sixteen bytes and more"}}

// shadowed is a world whose routes are all copied.
func shadowed(t testing.TB, yaml string, share int, o shadow.Options, at cutover.Group) (*world, *shadow.Copier, *hearing) {
	t.Helper()
	heard := new(hearing)
	comparer, err := diff.New(diff.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o.Keys, o.Diff, o.Report = testKeys, comparer, heard.add
	c, err := shadow.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	w := startWith(t, yaml, func(g *Gateway) {
		g.o.Shadow = c
		for _, r := range g.Config().Table.Routes() {
			r.Options.Shadow = share
		}
		if err := g.Reload(g.Config()); err != nil {
			t.Fatal(err)
		}
	}, map[string]cutover.Group{"pages": at, "donate": at})
	return w, c, heard
}

// H-4, H-5: a copy is the donor's request with the mark, and without what is the visitor's or one side's own.
func TestACopyIsMarkedAndPrivate(t *testing.T) {
	t.Parallel()
	old, fresh := answering(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=b\r\n\r\nok"), answering(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: evil=1\r\n\r\nno")
	w, _, heard := shadowed(t, fmt.Sprintf(pagesYAML, old.addr, fresh.addr), 10000, shadow.Options{}, cutover.Group{Phase: cutover.Shadow})
	got := w.ask(get("/about?a=1", "X-Thing: 1", "If-None-Match: \"x\"", "Accept-Encoding: gzip", "Authorization: Bearer mine", "Range: bytes=0-1",
		"Cookie: has_js=1; SESS72139d7bcf51a856ac0a29ac979d0cb0=secret; __banyan=x"))
	if !strings.HasSuffix(got, "ok") || strings.Contains(got, "evil") {
		t.Errorf("the donor got %q", got)
	}
	p := heard.of(t, 1)[0]
	eventually(t, "the copy", func() bool { return len(fresh.requests()) == 1 })
	copied := fresh.last(t, 1)
	for _, name := range []string{"If-None-Match", "Authorization", "Range"} {
		if value(copied, name) != "" {
			t.Errorf("the copy has %s:\n%s", name, copied)
		}
	}
	for name, want := range map[string]string{"Host": "h", "Cookie": "has_js=1", "Accept-Encoding": "gzip", "X-Thing": "1", "X-Request-Id": value(old.last(t, 1), "X-Request-Id")} {
		if got := value(copied, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	keys := mark.Keys{"k1": testKeys[0].Value}
	if kind, err := keys.Check(value(copied, mark.Header), "GET", "/about?a=1", nil, time.Now()); kind != mark.Shadow || err != nil {
		t.Errorf("the mark is %q: %v", kind, err)
	}
	if c, err := keys.CheckClient(value(copied, mark.ClientHeader), time.Now()); err != nil || c.Request != value(copied, "X-Request-Id") {
		t.Errorf("the client is %+v: %v", c, err)
	}
	if p.Request.Target != "/about?a=1" || p.Legacy.Status != 200 || p.Result.Outcome != diff.Uncomparable || p.Request.Group != "pages" || !p.Request.Own {
		t.Errorf("the pair is %+v", p)
	}
	if log := w.stop(); !strings.Contains(log, `"shadow":"sampled"`) {
		t.Errorf("the log says %s", log)
	}
}

// collected is a counter of the Copier's, labels in their order joined by commas.
func collected(t testing.TB, c *shadow.Copier, name, labels string) float64 {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	if err := reg.Register(c); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var values []string
			for _, l := range m.GetLabel() {
				values = append(values, l.GetValue())
			}
			if f.GetName() == name && strings.Join(values, ",") == labels {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}
