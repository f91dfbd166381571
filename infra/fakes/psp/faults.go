package psp

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// Fault is something that goes wrong with the posts to come.
type Fault struct {
	PSP   string `json:"psp,omitempty"` // whose; empty: either
	Kind  string `json:"kind"`
	Times int    `json:"times,omitempty"` // how many posts; 0: all until Mend
}

// The kinds of fault. "After" means that the work was done and is durable.
const (
	Before     = "before"      // 500, nothing done
	After      = "after"       // 500, done; Stripe says 500 again to the same key (PAY-1)
	Hang       = "hang"        // no answer, nothing done
	HangAfter  = "hang_after"  // no answer, done
	Reset      = "reset"       // the connection is reset, nothing done
	ResetAfter = "reset_after" // the connection is reset, done
	TooMany    = "too_many"    // 429, nothing done
)

// Plan adds faults; each post meets the first that is due for it. An unknown kind is an error and plans nothing.
func (p *PSP) Plan(faults ...Fault) error {
	for _, f := range faults {
		switch f.Kind {
		case Before, After, Hang, HangAfter, Reset, ResetAfter, TooMany:
		default:
			return fmt.Errorf("psp: fault kind %q: want before, after, hang, hang_after, reset, reset_after or too_many", f.Kind)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, faults...)
	return nil
}

// Mend takes back every fault.
func (p *PSP) Mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = nil
}

// due is the fault that this post meets, used up.
func (p *PSP) due(psp string, r *http.Request) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Method != http.MethodPost {
		return Fault{}
	}
	for i, f := range p.faults {
		if f.PSP != "" && f.PSP != psp {
			continue
		}
		if f.Times == 1 {
			p.faults = append(p.faults[:i:i], p.faults[i+1:]...)
		} else if f.Times > 1 {
			p.faults[i].Times--
		}
		return f
	}
	return Fault{}
}

type faultKey struct{}

func faultOf(r *http.Request) Fault {
	f, _ := r.Context().Value(faultKey{}).(Fault)
	return f
}

// serve does a call's work with the fault that is due, takes its time, and answers.
func (p *PSP) serve(w http.ResponseWriter, r *http.Request, psp string, work func(*http.Request) (answer, error)) {
	began := time.Now()
	f := p.due(psp, r)
	if f.Kind != "" {
		r = r.WithContext(context.WithValue(r.Context(), faultKey{}, f))
	}
	release, ok := p.reserve(psp, r)
	if !ok {
		write(w, answer{409, failure("idempotency_error", "idempotency_key_in_use", "There is currently another in-progress request using this Idempotent Key.", nil)})
		return
	}
	var out answer
	switch f.Kind {
	case Before:
		out = broken()
	case TooMany:
		out = answer{429, failure("invalid_request_error", "rate_limit", "Too many requests hit the API too quickly.", nil)}
	case Hang, Reset:
	default:
		var err error
		if out, err = work(r); err != nil {
			out = answer{500, failure("api_error", "", err.Error(), nil)}
		} else if f.Kind == After {
			out = broken()
		}
	}
	if !p.pause(r.Context(), p.o.Latency()-time.Since(began)) {
		out = answer{503, failure("api_error", "", "closing", nil)}
	}
	release() // the work is over: who has the answer, or has lost it, may ask again at once
	switch f.Kind {
	case Hang, HangAfter:
		p.pause(r.Context(), 24*time.Hour)
		panic(http.ErrAbortHandler)
	case Reset, ResetAfter:
		reset(w)
	default:
		write(w, out)
	}
}

// reserve holds an idempotency key while its call runs; false: another call runs under it.
func (p *PSP) reserve(psp string, r *http.Request) (release func(), ok bool) {
	key := r.Header.Get("Idempotency-Key")
	if key == "" || r.Method != http.MethodPost {
		return func() {}, true
	}
	key = psp + key
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy[key] {
		return nil, false
	}
	p.busy[key] = true
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.busy, key)
	}, true
}

// reset ends the connection with a RST, as a peer that has crashed.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}

func write(w http.ResponseWriter, a answer) {
	b, err := json.Marshal(a.body)
	if err != nil {
		panic(err) // our own documents can be written
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	w.Write(b)
}

// Constant is a latency that never changes.
func Constant(d time.Duration) func() time.Duration { return func() time.Duration { return d } }

// Weight is a line of a latency table.
type Weight struct {
	Share int // of the sum of all shares
	Delay time.Duration
}

// First and Later are the delays once used to rehearse slow providers (September 2018), in per cent.
var (
	First = []Weight{{50, 2 * time.Second}, {20, 3500 * time.Millisecond}, {15, 4 * time.Second}, {10, 5 * time.Second}, {4, 10 * time.Second}, {1, time.Minute}}
	Later = []Weight{{65, 2 * time.Second}, {15, 3500 * time.Millisecond}, {9, 4 * time.Second}, {5, 5 * time.Second}, {5, 10 * time.Second}, {1, 20 * time.Second}}
)

// Table draws each call's latency from a table, divided by fast (1: as it is). The same seed draws the same delays.
func Table(table []Weight, fast int, seed uint64) func() time.Duration {
	sum := 0
	for _, w := range table {
		sum += w.Share
	}
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(seed, 0))
	return func() time.Duration {
		mu.Lock()
		n := r.IntN(sum)
		mu.Unlock()
		for _, w := range table {
			if n -= w.Share; n < 0 {
				return w.Delay / time.Duration(fast)
			}
		}
		return 0
	}
}
