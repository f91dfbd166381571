package gateway

import (
	"errors"
	"sync"
	"time"

	"github.com/banyan-migration/banyan/gateway/account"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/gateway/upstream"
	"github.com/banyan-migration/banyan/gateway/wire"
)

// buffers hold what one upstream or one long body sends; only what is used of one costs memory bandwidth.
var buffers = sync.Pool{New: func() any { b := make([]byte, bufferRoom); return &b }}

const bufferRoom = pieceMax + 2<<10

// failure is how an attempt at an upstream ended without an answer.
type failure struct {
	class  account.Class
	status int
	text   string
}

var (
	failConnect   = &failure{account.UpstreamConnect, 502, "the site behind this gateway cannot be reached"}
	failTLS       = &failure{account.UpstreamTLS, 502, "the site behind this gateway cannot be reached safely"}
	failBusy      = &failure{account.GatewayRefused, 503, "the site is very busy: please try again in a moment"}
	failClosed    = &failure{account.UpstreamClosed, 502, "the site behind this gateway closed the connection without an answer"}
	failMalformed = &failure{account.UpstreamMalformed, 502, "the site behind this gateway gave an answer that is not HTTP"}
	failTimeout   = &failure{account.UpstreamTimeoutHead, 504, "the site behind this gateway took too long"}
	failTruncated = &failure{account.UpstreamTruncated, 502, "the site behind this gateway broke off its answer"}
	failStalled   = &failure{account.UpstreamTimeoutBody, 504, "the site behind this gateway stopped in the middle of its answer"}
	failGone      = &failure{account.ClientAbort, statusGone, ""}
	failAnswered  = &failure{} // the client has been answered already
)

// forward sends the request to its side and the answer to the client.
func (x *exchange) forward() {
	side := x.Side
	x.c.g.Flight(side, 1, x.c.shard)
	x.scrub()
	f := x.attend(account.First)
	if f != nil && x.other && f.class.Upstream() && !x.answered {
		f = x.failover(f)
	}
	switch {
	case f != nil:
	case x.page.Answer != nil:
		f = x.hand()
	default:
		x.relay()
	}
	x.c.g.Flight(side, -1, x.c.shard)
	x.report(f)
}

func (x *exchange) report(f *failure) {
	switch f {
	case nil, failAnswered:
	case failGone:
		x.Censored = true
		x.gone()
	default:
		x.fail(f.class, f.status, f.text)
	}
}

// failover asks the other side for a page that this one did not give (W-79). It counts as this side's failure.
func (x *exchange) failover(f *failure) *failure {
	failed := x.Entry
	failed.Class, failed.Status, failed.Total = f.class, f.status, time.Since(x.At)
	x.series.Count(&failed, x.c.shard)
	x.other, x.firstClass = false, f.class
	x.Side, x.Reason, x.Attempt = 1-x.Side, split.ByFallback, 2
	x.backend, x.series = x.group.side[x.Side], x.group.series[x.Side]
	x.fresh = false
	return x.attend(account.Failover)
}

// attempt sends the request over one connection and waits for the answer's head. A second connection is tried only where nothing can have
// happened yet, or where the route says so (W-77, W-78).
func (x *exchange) attempt(why account.Attempt) *failure {
	u, queued, err := x.backend.pool.Get()
	x.Queue += queued
	if err != nil {
		return unreached(err)
	}
	x.up = u
	if !x.expected() {
		x.release(false)
		return failAnswered
	}
	for {
		x.c.g.Attempt(x.Side, why)
		x.up, x.Reused = u, u.Reused
		x.Connect += u.Connecting
		u.Connecting = 0
		f, untouched := x.send(u)
		if f == nil {
			f = x.await(u)
		}
		if f == nil {
			return nil
		}
		again := untouched && u.Reused && why != account.Unsent
		if why = account.Unsent; !again && f == failClosed && u.Reused && x.Attempt == 1 && x.n == 0 && x.mayRetry() {
			again, why = true, account.IdleClose
			x.Attempt = 2
		}
		if !again {
			x.release(false)
			return f
		}
		x.up = nil
		if u, err = x.backend.pool.Fresh(u); err != nil {
			return unreached(err)
		}
	}
}

// release gives the upstream connection back, for another request or for good.
func (x *exchange) release(reuse bool) {
	u := x.up
	if x.up = nil; reuse {
		u.Put()
	} else {
		u.Drop()
	}
}

func unreached(err error) *failure {
	switch {
	case errors.Is(err, upstream.ErrBusy):
		return failBusy
	case errors.Is(err, upstream.ErrTLS):
		return failTLS
	}
	return failConnect
}

// mayRetry says whether the route lets a request go out twice after a reused connection closed under it (W-78).
func (x *exchange) mayRetry() bool {
	m := x.req.Method
	return x.options.RetryIdleClose && (m == wire.GET || m == wire.HEAD) && !x.req.HasBody() && !sideEffects(x.req.Path, x.req.Query)
}

// send writes the request. untouched says that not one byte of it left.
func (x *exchange) send(u *upstream.Conn) (f *failure, untouched bool) {
	if x.buf == nil {
		x.buf = buffers.Get().(*[]byte)
	}
	x.n = 0
	b := x.compose(x.c.out[:0])
	head := len(b)
	small := !x.held && !x.req.Chunked && x.body.left > 0 && x.body.left <= joinMax && int64(len(x.body.have)) >= x.body.left
	switch {
	case small:
		b = append(b, x.body.have[:x.body.left]...)
	case x.held && len(x.spooled) <= joinMax:
		b = append(b, x.spooled...)
	}
	x.c.out = b
	u.Timer.Set(x.st.cfg.Timeouts.Body)
	for sent := b; ; {
		n, err := u.Write(sent)
		if err == nil {
			break
		}
		if sent = sent[n:]; len(sent) == len(b) {
			return failClosed, true
		}
		if _, again := u.Timer.Overdue(err); !again {
			return x.early(), false
		}
	}
	switch {
	case small:
		if _, err := x.body.next(); err != nil {
			return x.blame(err), false
		}
	case x.held && head == len(b):
		if writeAll(u, u.Timer, x.spooled) != nil {
			return x.early(), false
		}
	case !x.held && !x.body.done:
		return x.stream(u), false
	}
	return nil, false
}

// stream passes a body on in pieces as it comes. An upstream that answers before it has everything, with a refusal, is heard at once.
func (x *exchange) stream(u *upstream.Conn) *failure {
	for {
		piece, err := x.body.next()
		if err != nil {
			return x.blame(err)
		}
		if piece == nil {
			break
		}
		if x.req.Chunked {
			b := wire.AppendChunkSize(x.c.out[:0], len(piece))
			x.c.out = append(append(b, piece...), "\r\n"...)
			piece = x.c.out
		}
		u.Timer.Set(x.st.cfg.Timeouts.Body)
		if writeAll(u, u.Timer, piece) != nil {
			return x.early()
		}
		if !x.body.done && u.Pending() && x.refusedEarly(u) {
			return x.early()
		}
	}
	if !x.req.Chunked {
		return nil
	}
	end, bad := x.trailers(append(x.c.out[:0], "0\r\n"...))
	if bad != nil {
		return x.blame(bad)
	}
	x.c.out = append(end, "\r\n"...)
	if writeAll(u, u.Timer, x.c.out) != nil {
		return x.early()
	}
	return nil
}

// blame answers for a body that the client did not send as it should. The upstream connection is not used again (W-49).
func (x *exchange) blame(err error) *failure {
	x.bodyFailed(err)
	return failAnswered
}

// early is for an upstream that takes no more of the request: it may have said why.
func (x *exchange) early() *failure {
	x.keep = x.keep && x.body.done
	return nil
}

// refusedEarly reads what an upstream says before it has the whole body, and tells whether it wants no more of it. Whatever else it says is kept
// for await.
func (x *exchange) refusedEarly(u *upstream.Conn) bool {
	buf := *x.buf
	if x.n == len(buf) {
		return false
	}
	n, err := u.Read(buf[x.n:])
	if x.n += n; err != nil {
		return true
	}
	for {
		end, bad := wire.FindResponse(buf[:x.n], 0, wire.ResponseLimits)
		if bad != nil || end == 0 {
			return bad != nil
		}
		if bad = x.resp.Parse(buf[:end], wire.ResponseLimits); bad != nil || x.resp.Status >= 200 {
			return bad != nil || x.resp.Status >= 400 || x.resp.Close
		}
		x.n = copy(buf, buf[end:x.n])
	}
}
