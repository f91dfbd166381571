package shadow

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"sync/atomic"

	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/upstream"
	"github.com/banyan-migration/banyan/gateway/wire"
	"github.com/banyan-migration/banyan/shared/mark"
)

// worker sends one copy after another. Everything in it but conn is its own goroutine's.
type worker struct {
	t    *target
	conn atomic.Pointer[upstream.Conn] // what it waits for
	over atomic.Bool                   // the Copier is closing

	out  []byte
	in   []byte
	body []byte // of the latest answer; counted in Copier.memory
	resp wire.Response
}

func (w *worker) run() {
	defer w.t.c.work.Done()
	defer w.forget()
	w.in = make([]byte, readRoom)
	for {
		cp := w.t.next()
		if cp == nil {
			return
		}
		w.serve(cp)
		if cap(w.body) > bodyKeep {
			w.forget()
		}
	}
}

// bodyKeep is the room for an answer that a worker keeps for the next one.
const bodyKeep = 128 << 10

func (w *worker) forget() {
	w.t.c.memory.Add(int64(-cap(w.body)))
	w.body = nil
}

// cut ends what the worker waits for.
func (w *worker) cut() {
	w.over.Store(true)
	if u := w.conn.Load(); u != nil {
		u.Conn.Close()
	}
}

func (w *worker) serve(cp *Copy) {
	defer cp.release()
	cp.Post.Body = cp.sent
	switch {
	case cp.Form != nil && !cp.Form.Takes(&cp.Post):
		cp.group.dropped(Foreign)
	case cp.Form != nil && cp.Post.Method == "POST":
		w.effect(cp)
	case cp.replay && rand.IntN(2) == 0: // in any order, so that neither side always finds the other's caches warm (H-7)
		w.again(cp)
		w.compare(cp)
	case cp.replay:
		w.compare(cp)
		w.again(cp)
	default:
		w.compare(cp)
	}
}

// compare asks the other side and hands the pair on.
func (w *worker) compare(cp *Copy) {
	var other diff.Answer
	if cp.Form != nil {
		other = w.page(cp)
	} else {
		r := w.send(cp, w.t, w.compose(cp, w.t), &other)
		cp.group.results[r].Add(1)
		w.t.ended(r)
		unshadow(&other)
	}
	p := Pair{Request: cp.Request, Evidence: cp.Evidence, Legacy: cp.donor(), New: other}
	if cp.Reverse {
		p.Legacy, p.New = p.New, p.Legacy
	}
	w.hand(cp, p)
}

// again asks legacy a second time. What its two answers differ in is noise.
func (w *worker) again(cp *Copy) {
	t := w.t.c.target(cp.Legacy, w.t.c.o.Now())
	if t == nil {
		return
	}
	if pass, _ := t.breaker.allow(w.t.c.o.Now()); !pass {
		return
	}
	var second diff.Answer
	r := w.send(cp, t, w.compose(cp, t), &second)
	cp.group.replays[r].Add(1)
	t.ended(r)
	w.hand(cp, Pair{Request: cp.Request, Evidence: cp.Evidence, Replay: true, Legacy: cp.donor(), New: second})
}

// hand compares a pair and gives it to whoever counts.
func (w *worker) hand(cp *Copy, p Pair) {
	switch {
	case cp.Session, cacheState(p.Legacy) != "" && cacheState(p.New) != "" && cacheState(p.Legacy) != cacheState(p.New):
		p.Result.Outcome = diff.Uncomparable // like with like alone (D-9)
	default:
		p.Result = w.diff(p)
	}
	w.tell(cp, p)
}

// diff compares in turn: sixty-four comparisons at once would leave donors a sixty-fourth of the processor.
func (w *worker) diff(p Pair) diff.Result {
	turn := w.t.c.turns
	turn <- struct{}{}
	defer func() { <-turn }()
	return w.t.c.o.Diff.Compare(p.Request, p.Legacy, p.New)
}

func (w *worker) tell(cp *Copy, p Pair) {
	o := &w.t.c.o
	if w.over.Load() {
		return // what was cut at the end says nothing of a side
	}
	cp.group.count(p)
	if !p.Effect {
		o.Diff.Learn(p.Request, p.Replay, p.Result)
	}
	if o.Ledger != nil {
		o.Ledger.Add(p.Request, p.Replay, p.Result)
	}
	o.Report(p)
}

// compose writes a copy of the donor's request as a target gets it (H-4).
func (w *worker) compose(cp *Copy, t *target) []byte {
	b := t.hosted(w.out[:0], cp.Head)
	if !t.PHP {
		b = append(b, cp.Client...)
	}
	w.out = w.seal(b, t, cp.Request.Method, cp.Path, nil)
	return w.out
}

// hosted writes a head, under the target's own name where it has one.
func (t *target) hosted(dst, head []byte) []byte {
	if t.OwnHost == "" {
		return append(dst, head...)
	}
	for line := range bytes.Lines(head) {
		if len(line) > 5 && wire.Fold(line[:5], "host:") {
			dst = append(append(append(dst, "Host: "...), t.OwnHost...), "\r\n"...)
		} else {
			dst = append(dst, line...)
		}
	}
	return dst
}

// seal ends a head with what makes it a shadow's: its mark, and the side's own authorisation.
func (w *worker) seal(b []byte, t *target, method, path string, body []byte) []byte {
	c := t.c
	b = c.signer.AppendMark(append(b, mark.Header+": "...), mark.Shadow, c.o.Now(), method, path, body)
	if t.Auth != "" {
		b = append(append(b, "\r\nAuthorization: "...), t.Auth...)
	}
	b = append(b, "\r\nX-Banyan-Deadline: "...)
	b = strconv.AppendInt(b, patience.Milliseconds(), 10)
	return append(b, "\r\n\r\n"...)
}
