package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/shadow"
)

// hears asks, and counts what is compared, as the Copier's Report does.
func (w *world) hears(t *testing.T, heard *hearing, requests ...string) judge.Pairs {
	t.Helper()
	for _, r := range requests {
		w.ask(r)
	}
	eventually(t, "the pairs", func() bool { return heard.sides() == len(requests) })
	for _, p := range heard.of(t, len(requests)) {
		w.g.Pair(p)
	}
	return w.tallied("pages").Pairs
}

// sides is how many pairs there are of the two sides, without replays.
func (p *hearing) sides() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.all {
		if !one.Replay {
			n++
		}
	}
	return n
}

// J-6: a robot's request is compared for people, and is no evidence; one visitor's are one a minute.
func TestACopyIsEvidenceOfAVisitorOnceAMinute(t *testing.T) {
	t.Parallel()
	world := func() (*world, *hearing) {
		old, fresh := answering(t, ok), answering(t, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-Side: new\r\n\r\nnew")
		w, _, heard := shadowed(t, fmt.Sprintf(pagesYAML, old.addr, fresh.addr), 10000, shadow.Options{}, cutover.Group{Phase: cutover.Shadow})
		return w, heard
	}
	w, heard := world()
	robot := get("/about", "User-Agent: Mozilla/5.0 (compatible; Googlebot/2.1)")
	if got := w.hears(t, heard, robot, robot, get("/about")); got != (judge.Pairs{}) {
		t.Errorf("a robot is evidence: %+v", got)
	}
	w, heard = world()
	var asked []string
	for n := range 20 {
		asked = append(asked, get(fmt.Sprintf("/about-%d", n), browser))
	}
	got := w.hears(t, heard, asked...)
	if got.Compared < 1 || got.Compared > 2 || got.Differing != got.Compared || got.Replays > 2 { // two where a minute began meanwhile
		t.Errorf("twenty requests of a visitor: %+v", got)
	}
	for _, p := range heard.of(t, 20) {
		if !p.Replay && p.Result.Outcome != diff.Differs {
			t.Errorf("the ledger is told %+v", p.Result)
		}
	}
}

// A comparison belongs to where its group stood when the request was drawn, however late it ends: what a rollback leaves in flight is no
// evidence of the next try.
func TestAComparisonBelongsToItsRequestsRevision(t *testing.T) {
	t.Parallel()
	let := make(chan struct{})
	fresh := newOrigin(t, func(o *origin, r *bufio.Reader, c net.Conn) {
		for o.hear(r) {
			<-let
			io.WriteString(c, ok)
		}
	})
	at := func(weight int, phase string, revision int64) map[string]cutover.Group {
		return map[string]cutover.Group{"pages": {Weight: weight, Phase: phase, Revision: revision}}
	}
	w, _, heard := shadowed(t, fmt.Sprintf(pagesYAML, answering(t, ok).addr, fresh.addr), 10000, shadow.Options{}, cutover.Group{})
	w.weigh(at(0, cutover.Shadow, 7))
	w.ask(get("/about", browser))
	w.weigh(at(100, cutover.Canary, 8))
	close(let)
	w.g.Pair(heard.first(t))
	var compared int
	for _, c := range w.g.Cells(time.Now().Add(time.Hour))["pages"] {
		if c.Pairs.Compared == 1 && c.Revision == 7 && c.Weight == 0 {
			compared++
		}
	}
	if compared != 1 {
		t.Errorf("it does not count once at revision 7 and weight 0, but %d times", compared)
	}
}
