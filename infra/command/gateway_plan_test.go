package command

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	fake "github.com/banyan-migration/banyan/infra/fakes/dynamo"
	"github.com/banyan-migration/banyan/infra/fakes/moto"
)

// table is a DynamoDB that can be away.
type table struct {
	*httptest.Server
	away atomic.Bool
}

func newTable(t *testing.T, answers http.Handler) *table {
	d := &table{}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.away.Load() {
			panic(http.ErrAbortHandler)
		}
		answers.ServeHTTP(w, r)
	}))
	t.Cleanup(d.Close)
	return d
}

// replicas are yards of gateways over one plan in DynamoDB and the same two sides, each with a folder of its own.
func (d *table) replicas(t *testing.T, n int) (all []*yard) {
	t.Helper()
	first := newYard(t)
	for i := range n {
		y := &yard{t: t, dir: t.TempDir()}
		y.conf = filepath.Join(y.dir, "gateway.yaml")
		y.env = []string{"AWS_ENDPOINT_URL_DYNAMODB=" + d.URL, "AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_EC2_METADATA_DISABLED=true"}
		text := strings.ReplaceAll(first.text(), "sqlite:"+first.dir+"/state/plan.db", "dynamodb:banyan-test")
		y.write(strings.ReplaceAll(text, first.dir, y.dir) + fmt.Sprintf("keys: {k1: a-key-of-this-test-alone}\ngateway_id: gw-%d\n", i+1))
		all = append(all, y)
	}
	return all
}

func (y *yard) door() string { return "--dir=" + filepath.Join(y.dir, ".banyan") }

// side says which side answers at a gateway.
func (p *process) side(t *testing.T) string {
	t.Helper()
	side, _, _ := strings.Cut(get(t, "http://"+p.line.Listen+"/postcode/N1"), " ")
	return side
}

func (p *process) turnsTo(t *testing.T, side string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); p.side(t) != side; {
		if time.Now().After(end) {
			t.Fatalf("a gateway does not turn to the %s side:\n%s", side, strings.Join(p.log.seen, "\n"))
		}
	}
}

func TestTwoGatewaysShareAPlanInDynamoDB(t *testing.T) {
	t.Parallel()
	share(t, newTable(t, &fake.Server{}))
}

func TestTwoGatewaysShareAPlanOnMoto(t *testing.T) {
	t.Parallel()
	to, err := url.Parse(moto.Test(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	share(t, newTable(t, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}))
}

// T-8: what is changed at one gateway is obeyed by the other. With the table away both serve on by the plan that they know, over a restart
// too; a rollback is in force where it is asked for, and everywhere once the table is back.
func share(t *testing.T, d *table) {
	yards := d.replicas(t, 2)
	a, b := yards[0].start(), yards[1].start()
	must(t, "cutover", "set", "postcode", "--weight", "10000", "--who", "ada", "--why", "all of it", yards[0].door())
	a.turnsTo(t, "new")
	b.turnsTo(t, "new")
	if out := must(t, "cutover", "status", yards[1].door()); !strings.Contains(out, "100 %") {
		t.Error(out)
	}
	d.away.Store(true)
	b.log.until(t, "going on with the last plan")
	if b.end(t) != done {
		t.Error("a gateway without its table did not end well")
	}
	began := time.Now()
	b = yards[1].start()
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("a start without the table took %s", took)
	}
	if a.side(t) != "new" || b.side(t) != "new" {
		t.Error("with the table away the plan is forgotten")
	}
	if status, _, errs := call(t, "cutover", "rollback", "postcode", "--who", "ada", "--why", "declines doubled", yards[1].door()); status != outside || b.side(t) != "old" {
		t.Errorf("a rollback without the table: %d %s, and visitors are answered by the %s side", status, errs, b.side(t))
	}
	if a.side(t) != "new" {
		t.Error("a gateway knows of a rollback that nobody can have told it")
	}
	d.away.Store(false)
	a.turnsTo(t, "old")
	if out := must(t, "cutover", "history", "postcode", yards[0].door()); !strings.Contains(out, "rollback by ada: declines doubled (asked at ") {
		t.Error(out)
	}
	a.end(t)
	b.end(t)
}

// A gateway that never had a plan does not guess one; what its table's absence means is said, and where it would look.
func TestASharedPlanThatIsAway(t *testing.T) {
	t.Parallel()
	d := newTable(t, &fake.Server{})
	d.away.Store(true)
	y := d.replicas(t, 1)[0]
	for _, c := range []struct {
		args   string
		status int
		says   []string
	}{
		{"gateway", outside, []string{"there is no last plan on disk", filepath.Join(".banyan", "banyan-test-plan.json"), "nothing was changed"}},
		{"gateway --check", done, []string{"store: dynamodb:banyan-test cannot be read here, so where it differs from this file is not known", "is right"}},
	} {
		said, status := y.run(t, strings.Fields(c.args)...)
		for _, part := range c.says {
			if status != c.status || !strings.Contains(said, part) {
				t.Errorf("%s: status %d, want %d and %q:\n%s", c.args, status, c.status, part, said)
			}
		}
	}
	d.away.Store(false)
	if out, status := y.run(t, "gateway", "--check"); status != done || strings.Contains(out, "cannot be read") {
		t.Errorf("a table that is not made yet is no trouble to a check: %d\n%s", status, out)
	}
	if _, err := os.Stat(filepath.Join(y.dir, ".banyan", "banyan-test-plan.json")); err == nil {
		t.Error("a check has kept a plan")
	}
}
