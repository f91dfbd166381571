package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/banyan-migration/banyan/gateway/account"
	"github.com/banyan-migration/banyan/gateway/drupal"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/gateway/upstream"
	"github.com/banyan-migration/banyan/gateway/wire"
	"github.com/banyan-migration/banyan/shared/mark"
)

// form answers a request for a form's page that the new side owns: by the adapter, if the form is what is asked. Everything else that
// comes to its address goes to legacy, with the same bytes.
func (x *exchange) form() {
	a := x.st.adapters[x.route.Form]
	if x.req.HasBody() && !x.held && !x.spool() {
		return
	}
	r := x.posted()
	if x.held {
		r.Body = x.spooled
	}
	if !a.Takes(&r) {
		x.Side, x.Reason = split.Legacy, split.ByForm
		x.backend, x.series = x.group.side[split.Legacy], x.group.series[split.Legacy]
		x.forward()
		return
	}
	x.c.g.Flight(split.New, 1, x.c.shard)
	began := time.Since(x.At)
	answer := a.Serve(x.c.g.ctx, &r, x.call)
	x.Head = time.Since(x.At) - began // all that the adapter asked, as the donor waited for it
	x.c.g.Flight(split.New, -1, x.c.shard)
	if x.shade.copy != nil {
		x.scrub()
		x.shade.copy.Said(answer, x.Head)
	}
	x.say(answer)
}

// call sends one request to the services for an adapter. An error that holds drupal.ErrNotSent means that no byte of it left.
func (x *exchange) call(ctx context.Context, method, target string, header [][2]string, body []byte) (drupal.Answer, error) {
	u, queued, err := x.backend.pool.Get()
	x.Queue += queued
	if err != nil {
		return drupal.Answer{}, fmt.Errorf("gateway: %s: %w: %w", x.backend.Name, drupal.ErrNotSent, err)
	}
	if x.buf == nil {
		x.buf = buffers.Get().(*[]byte)
	}
	x.n = 0
	b := x.request(method, target, header, body)
	why := account.First
	for {
		x.c.g.Attempt(split.New, why)
		x.up, x.Reused = u, u.Reused
		x.Connect += u.Connecting
		u.Connecting = 0
		u.Timer.Set(x.st.cfg.Timeouts.Body)
		n, err := u.Write(b)
		if err == nil {
			break
		}
		if n > 0 || why == account.Unsent || !u.Reused {
			x.release(false)
			return drupal.Answer{}, sendError(n, err)
		}
		why, x.up = account.Unsent, nil
		if u, err = x.backend.pool.Fresh(u); err != nil {
			return drupal.Answer{}, fmt.Errorf("gateway: %w: %w", drupal.ErrNotSent, err)
		}
	}
	answer, err := x.receive(u, method)
	if err == nil && answer.Status == 403 && x.c.g.seal.id != "" && x.st.disowned.due(x.At) {
		x.c.g.o.Log.Error("the services refuse this gateway's signature: the same BANYAN_KEY must be on both sides, and their clocks must agree within "+mark.Age.String()+
			"; nothing was taken", "backend", x.backend.Name, "key", x.c.g.seal.id, "request", string(x.ID))
	}
	return answer, err
}

// seldom is for what each request could say again: it is due once a minute. Safe for concurrent use.
type seldom struct{ last atomic.Int64 } // Unix nanoseconds; 0: never

func (s *seldom) due(now time.Time) bool {
	last := s.last.Load()
	return (last == 0 || now.UnixNano()-last >= int64(time.Minute)) && s.last.CompareAndSwap(last, now.UnixNano())
}

func sendError(n int, err error) error {
	if n == 0 {
		return fmt.Errorf("gateway: %w: %w", drupal.ErrNotSent, err)
	}
	return fmt.Errorf("gateway: the request broke off: %w", err)
}

// request writes an adapter's request.
func (x *exchange) request(method, target string, header [][2]string, body []byte) []byte {
	b := append(x.c.out[:0], method...)
	b = append(append(append(b, ' '), target...), " HTTP/1.1\r\n"...)
	if own := x.backend.OwnHost; own != "" {
		b = append(append(append(b, "Host: "...), own...), "\r\n"...)
	} else {
		b = line(b, "Host: ", x.Host)
	}
	for _, h := range header {
		b = append(append(append(append(b, h[0]...), ": "...), h[1]...), "\r\n"...)
	}
	b = line(b, "X-Forwarded-For: ", x.chain)
	b = line(b, "X-Request-Id: ", x.ID)
	b = append(b, x.c.g.hops.lines[min(x.hop, maxHops+1)]...)
	b = append(b, x.backend.deadline...)
	b = append(strconv.AppendInt(append(b, "Content-Length: "...), int64(len(body)), 10), "\r\n\r\n"...)
	x.c.out = append(b, body...)
	return x.c.out
}

var errAnswer = errors.New("gateway: the service gave no whole answer")

// maxAnswer bounds what a service answers to an adapter.
const maxAnswer = 1 << 20

// receive reads a service's answer whole. The donor's leaving does not end it: the outcome must be known (W-84).
func (x *exchange) receive(u *upstream.Conn, method string) (drupal.Answer, error) {
	if f := x.await(u); f != nil {
		x.release(false)
		return drupal.Answer{}, fmt.Errorf("%w: %s", errAnswer, f.class)
	}
	r := &x.resp
	a := drupal.Answer{Status: r.Status}
	for i := range r.Fields {
		if f := &r.Fields[i]; !f.Drop && f.Name != wire.ContentLength {
			a.Header = append(a.Header, [2]string{string(f.Key), string(f.Value)})
		}
		if r.Fields[i].Name == wire.KeepAlive {
			u.KeepAlive(r.Fields[i].Value)
		}
	}
	whole := false
	if r.Bodiless(method == "HEAD") {
		whole = x.n == x.end
	} else if err := x.gather(u, &a, &whole); err != nil {
		x.release(false)
		return drupal.Answer{}, err
	}
	if whole && !r.Close && !r.Suspect && r.Minor == 1 {
		x.release(true)
	} else {
		x.release(false)
	}
	return a, nil
}

// gather reads a body of any framing. whole says that the connection stands right behind it.
func (x *exchange) gather(u *upstream.Conn, a *drupal.Answer, whole *bool) error {
	var in wire.Chunks
	have := (*x.buf)[x.end:x.n]
	for len(a.Body) <= maxAnswer {
		if x.resp.Chunked {
			data, kept, bad := unchunk(&in, have)
			if bad != nil {
				return fmt.Errorf("%w: %w", errAnswer, bad)
			}
			a.Body = append(a.Body, have[:data]...)
			if in.Done() {
				*whole = kept == 0
				return nil
			}
			x.n = copy(*x.buf, have[len(have)-kept:])
		} else {
			a.Body = append(a.Body, have...)
			x.n = 0
			if n := int64(len(a.Body)); x.resp.Length >= 0 && n >= x.resp.Length {
				*whole = n == x.resp.Length
				a.Body = a.Body[:x.resp.Length]
				return nil
			}
		}
		u.Timer.Set(x.c.g.pace.stall)
		n, err := u.Read((*x.buf)[x.n:])
		if _, again := u.Timer.Overdue(err); n == 0 && !again {
			if err == io.EOF && x.resp.Length < 0 && !x.resp.Chunked {
				return nil
			}
			return fmt.Errorf("%w: %w", errAnswer, err)
		}
		have = (*x.buf)[:x.n+n]
	}
	return fmt.Errorf("%w: it is over %d bytes", errAnswer, maxAnswer)
}

// say sends an adapter's answer to the client.
func (x *exchange) say(a drupal.Answer) {
	x.Status, x.Class = a.Status, account.OK
	if a.Status >= 500 {
		x.Class = account.Upstream5xx
	}
	x.keep = x.keep && x.body.done && x.persistent()
	b := append(strconv.AppendInt(append(x.c.out[:0], "HTTP/1.1 "...), int64(a.Status), 10), ' ')
	b = appendDate(append(append(b, a.Reason...), "\r\n"...))
	for _, h := range a.Header {
		x.located = x.located || strings.EqualFold(h[0], "Location")
		if !strings.EqualFold(h[0], "Content-Length") {
			b = append(append(append(append(b, h[0]...), ": "...), h[1]...), "\r\n"...)
		}
	}
	if x.req.Method != wire.HEAD {
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), int64(len(a.Body)), 10), "\r\n"...)
	}
	b = x.connection(b)
	b = x.identityCookie(b)
	b = append(b, "\r\n"...)
	if x.req.Method != wire.HEAD {
		b = append(b, a.Body...)
		x.Out = int64(len(a.Body))
	}
	x.c.out = b
	x.answered = true
	if x.c.write(b) != nil {
		x.gone()
	}
}
