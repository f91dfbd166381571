package gateway

import (
	"io"
	"runtime"
	"time"

	"github.com/banyan-migration/banyan/gateway/account"
	"github.com/banyan-migration/banyan/gateway/upstream"
	"github.com/banyan-migration/banyan/gateway/wire"
)

// await reads the answer's head. Interim answers are dropped, or relayed by the route's option (W-53, W-54).
func (x *exchange) await(u *upstream.Conn) *failure {
	c := x.c
	sent := time.Since(x.At) // one reading of the clock; time.Now makes two
	u.Timer.Set(x.st.cfg.Timeouts.FirstByte)
	c.droppable.Store(x.req.Safe())
	c.waiting.Store(u)
	c.timer.Look(c.g.pace.departure)
	runtime.Gosched() // see conn.next
	f := x.heads(u)
	c.timer.LookAway()
	c.waiting.Store(nil)
	x.Head = time.Since(x.At) - sent
	return f
}

// maxInterim bounds the 1xx answers before the final one.
const maxInterim = 16

func (x *exchange) heads(u *upstream.Conn) *failure {
	for range maxInterim {
		end, f := x.oneHead(u)
		if f != nil {
			return f
		}
		if err := x.resp.Parse((*x.buf)[:end], wire.ResponseLimits); err != nil {
			return failMalformed
		}
		x.end = end
		switch s := x.resp.Status; {
		case s == 101 && x.upgrade:
			return nil
		case s == 101:
			return failMalformed // nobody asked for it (W-58)
		case s >= 200:
			x.Upstream = s
			return nil
		case s == 103 && x.options.Relay103 && x.req.Minor == 1:
			x.hints()
		case s != 100:
			x.c.g.Odd(account.InterimDropped)
		}
		x.n = copy(*x.buf, (*x.buf)[end:x.n])
	}
	return failMalformed
}

// oneHead reads until a whole head stands at the buffer's beginning.
func (x *exchange) oneHead(u *upstream.Conn) (end int, f *failure) {
	for seen := 0; ; {
		buf := *x.buf
		if x.n > 0 {
			end, err := wire.FindResponse(buf[:x.n], seen, wire.ResponseLimits)
			if err != nil {
				return 0, failMalformed
			}
			if end > 0 {
				return end, nil
			}
		}
		if seen = x.n; x.n == len(buf) {
			grown := make([]byte, wire.ResponseLimits.Head+pieceMax)
			copy(grown, buf)
			buf, x.buf = grown, &grown
		}
		n, err := u.Read(buf[x.n:])
		x.n += n
		if n > 0 {
			continue
		}
		overdue, again := u.Timer.Overdue(err)
		switch {
		case overdue:
			return 0, failTimeout
		case again && x.c.left.Load() && x.req.Safe(), x.c.g.ctx.Err() != nil:
			return 0, failGone
		case again:
		case err == io.EOF && x.n > 0:
			return 0, failMalformed
		default:
			return 0, failClosed
		}
	}
}

// hints relays a 103 with the upstream's own end-to-end lines and nothing of ours (W-54).
func (x *exchange) hints() {
	for i := range x.resp.Fields {
		f := &x.resp.Fields[i]
		f.Drop = f.Drop || f.Name == wire.ContentLength
		x.publish(f)
	}
	x.c.out = append(x.resp.Append(x.c.out[:0], false), "\r\n"...)
	if x.c.write(x.c.out) != nil {
		x.c.left.Store(true)
	}
}
