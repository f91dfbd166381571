package shadow

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/drupal"
	"github.com/banyan-migration/banyan/gateway/wire"
)

// Backend is a place that gets copies. Equal ones share their connections.
type Backend struct {
	Name    string
	Scheme  string // http or https
	Address string // host:port
	Host    string // for TLS's server name
	OwnHost string // what it gets as Host; empty: the visitor's own
	Auth    string // Authorization of copies; empty: none (H-5)
	PHP     bool   // Drupal stands behind: it does not hear whose client it is
}

// Copy is one request on its way to be copied: the engine fills it while it answers the donor, then calls Send or Drop, exactly once. Until
// then it belongs to the donor's goroutine.
type Copy struct {
	Request  diff.Request
	Evidence Evidence
	Reverse  bool // the new side answered; legacy gets the copy
	Session  bool // the donor's own session: its answer has no like on the other side (H-5)

	// Head is the request as it goes on: request line and header lines, without the mark, Authorization, Client and the empty line.
	Head   []byte
	Client []byte // the X-Banyan-Client line
	Path   string // the target as sent, which the mark covers

	Form    *drupal.Adapter // not nil: the new side's answer is the form adapter's
	Node    int             // the form's
	Service string
	Pay     bool // a gift of this form asks for a payment at once
	Post    drupal.Request

	Legacy Backend // where a replay goes

	group  *Group
	to     *target
	replay bool
	probe  bool // lets a dead side prove that it is alive
	held   int  // bytes counted in Copier.memory
	short  bool // memory or size ran out: there is nothing to compare
	drop   Drop

	sent   []byte // the request's body
	answer diff.Answer
	head   []byte // of the donor's answer
	body   []byte
}

var copies = sync.Pool{New: func() any { return new(Copy) }}

// keepMax bounds the buffers of a Copy that is used again.
const keepMax = 16 << 10

// replays is how many of a hundred copies ask legacy a second time, to learn what is noise (H-7).
const replays = 5

// Begin starts a copy of a request that is about to be answered; nil and why, where there is none. It never waits.
func (g *Group) Begin(to Backend, now time.Time) (*Copy, Drop) {
	c := g.c
	switch {
	case c.o.Paused != nil && c.o.Paused(g.Name):
		return nil, g.dropped(Freeze)
	case g.health.troubled():
		return nil, g.dropped(Trouble)
	case c.memory.Load() > memoryMax-answerMax:
		return nil, g.dropped(Memory)
	}
	t := c.target(to, now)
	if t == nil {
		return nil, g.dropped(Closed)
	}
	pass, probe := t.breaker.allow(now)
	switch {
	case !pass:
		return nil, g.dropped(Breaker)
	case !c.spend(now):
		return nil, g.dropped(Budget)
	}
	cp := copies.Get().(*Copy)
	cp.group, cp.to, cp.probe = g, t, probe
	cp.hold(cap(cp.Head) + cap(cp.sent) + cap(cp.head) + cap(cp.body))
	cp.replay = rand.IntN(100) < replays
	return cp, None
}

// Replays says whether legacy is asked a second time, for which it needs the Head.
func (cp *Copy) Replays() bool { return cp.replay && cp.Request.Method != "POST" }

// NoReplay keeps legacy from being asked a second time: it has not answered, or would answer somebody else.
func (cp *Copy) NoReplay() { cp.replay = false }

// Tap takes a piece of the request's body (H-3).
func (cp *Copy) Tap(p []byte) {
	if cp.short {
		return
	}
	if len(cp.sent)+len(p) > requestMax {
		cp.cut(Body)
		return
	}
	cp.sent = cp.put(cp.sent, p)
}

func (cp *Copy) cut(why Drop) {
	cp.short, cp.drop = true, why
}

// put appends to one of the copy's buffers and counts what it grows by.
func (cp *Copy) put(b, p []byte) []byte {
	need := len(b) + len(p)
	if need <= cap(b) {
		return append(b, p...)
	}
	room := max(need, 2*cap(b), 1<<10)
	if !cp.hold(room - cap(b)) {
		return b
	}
	return append(append(make([]byte, 0, room), b...), p...)
}

func (cp *Copy) hold(n int) bool {
	if !cp.group.c.hold(n) {
		cp.cut(Memory)
		return false
	}
	cp.held += n
	return true
}

// Hear takes the donor's answer's head as the upstream sent it.
func (cp *Copy) Hear(status int, head []byte, length int64, took time.Duration) {
	cp.answer.Status, cp.answer.Took = status, took
	if cp.short {
		return
	}
	cp.head = cp.put(cp.head[:0], head)
	if room := int(min(length, answerMax)); room > cap(cp.body) && cp.hold(room-cap(cp.body)) {
		cp.body = make([]byte, 0, room)
	}
}

// Said takes an answer that the form adapter gave the donor.
func (cp *Copy) Said(a drupal.Answer, took time.Duration) {
	cp.answer.Status, cp.answer.Header, cp.answer.Took = a.Status, dated(a.Header), took
	cp.Body(a.Body)
}

// dated is an adapter's header with the Date that the engine puts on every answer of its own.
func dated(header [][2]string) [][2]string {
	return append(slices.Clone(header), [2]string{"Date", time.Now().UTC().Format(http.TimeFormat)})
}

// Ask takes the request as it goes on: see Head.
func (cp *Copy) Ask(head []byte) {
	if grown := cap(head) - cap(cp.Head); grown > 0 && !cp.hold(grown) {
		return
	}
	cp.Head = head
}

// Body takes a piece of the donor's answer's body, out of its framing, up to 1 MB.
func (cp *Copy) Body(p []byte) {
	if cp.short || cp.answer.Cut {
		return
	}
	if room := answerMax - len(cp.body); len(p) > room {
		p, cp.answer.Cut = p[:room], true
	}
	cp.body = cp.put(cp.body, p)
}

// Enough says that no more of the answer's body is wanted.
func (cp *Copy) Enough() bool { return cp.short || cp.answer.Cut }

// Failed notes that the donor's side gave no answer, and the blame class of it.
func (cp *Copy) Failed(class string) { cp.answer.Failed = class }

// Send queues the copy. The donor has its answer by then. It returns None, or why the copy was dropped; another one, the oldest, may be dropped
// in its place.
func (cp *Copy) Send() Drop {
	if cp.short {
		return cp.Drop(cp.drop)
	}
	cp.Request.At = cp.Request.At.UTC()
	t := cp.to
	oldest, why := t.push(cp)
	if oldest != nil {
		oldest.Drop(why)
		if oldest == cp {
			return why
		}
	}
	return None
}

// Drop gives the copy up.
func (cp *Copy) Drop(why Drop) Drop {
	if cp.probe {
		cp.to.breaker.unproven()
	}
	cp.group.dropped(why)
	cp.release()
	return why
}

// release puts the copy back for another request.
func (cp *Copy) release() {
	cp.group.c.memory.Add(int64(-cp.held))
	keep := func(b []byte) []byte {
		if cap(b) > keepMax {
			return nil
		}
		return b[:0]
	}
	*cp = Copy{Head: keep(cp.Head), Client: keep(cp.Client), sent: keep(cp.sent), head: keep(cp.head), body: keep(cp.body)}
	copies.Put(cp)
}

// donor is the donor's answer for the comparison.
func (cp *Copy) donor() diff.Answer {
	a := cp.answer
	if len(cp.head) > 0 {
		a.Header = header(string(cp.head))
	}
	a.Body = cp.body
	return a
}

// header cuts a head, which the wire package has accepted, into its lines.
func header(head string) [][2]string {
	all := make([][2]string, 0, 16)
	_, rest, _ := strings.Cut(head, "\r\n")
	for {
		line, after, _ := strings.Cut(rest, "\r\n")
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			return all
		}
		all = append(all, [2]string{key, strings.Trim(value, " \t")})
		rest = after
	}
}

// cacheState is what Drupal's page cache says of an answer, "" if nothing.
func cacheState(a diff.Answer) string {
	for _, h := range a.Header {
		if len(h[0]) == len(cacheHeader) && wire.Fold([]byte(h[0]), cacheHeader) {
			return h[1]
		}
	}
	return ""
}

const cacheHeader = "x-drupal-cache"
