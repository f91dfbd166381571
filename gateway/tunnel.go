package gateway

import (
	"net"
	"sync"

	"github.com/banyan-migration/banyan/gateway/account"
	"github.com/banyan-migration/banyan/gateway/deadline"
	"github.com/banyan-migration/banyan/gateway/upstream"
	"github.com/banyan-migration/banyan/gateway/wire"
)

// tunnel passes a websocket both ways until both ends have closed, nothing has moved for the idle limit, or the gateway ends (W-58).
func (x *exchange) tunnel(u *upstream.Conn) {
	x.keep, x.Stream, x.Status, x.Upstream = false, true, 101, 101
	if value, n := x.upgradeOf(); n != 1 || !wire.Fold(value, "websocket") {
		x.release(false)
		x.report(failMalformed)
		return
	}
	x.c.out = x.resp.Append(x.c.out[:0], false)
	x.c.out = append(x.c.out, "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"...)
	x.c.out = append(x.c.out, (*x.buf)[x.end:x.n]...)
	early := x.body.have // what the client has sent already
	x.body.have = nil
	x.answered = true
	if x.c.write(x.c.out) != nil || writeAll(u, u.Timer, early) != nil {
		x.release(false)
		x.gone()
		return
	}
	x.c.waiting.Store(u)
	var both sync.WaitGroup
	both.Go(func() { x.In += x.pipe(u, u.Timer, x.c.nc, x.c.timer) })
	both.Go(func() { x.Out += x.pipe(x.c.nc, x.c.timer, u, u.Timer) })
	both.Wait()
	x.c.waiting.Store(nil)
	x.body.total = x.In
	x.Class = account.OK
	x.release(false)
}

func (x *exchange) upgradeOf() (value []byte, n int) {
	for i := range x.resp.Fields {
		if f := &x.resp.Fields[i]; f.Name == wire.Upgrade {
			value, n = f.Value, n+1
		}
	}
	return value, n
}

// pipe moves one direction; at its end it closes the far side's sending half. Whatever moves keeps both directions alive.
func (x *exchange) pipe(to net.Conn, toTimer *deadline.Timer, from net.Conn, fromTimer *deadline.Timer) (moved int64) {
	room := buffers.Get().(*[]byte)
	defer buffers.Put(room)
	idle := x.st.cfg.Timeouts.Idle
	for {
		toTimer.Set(idle)
		fromTimer.Set(idle)
		n, err := from.Read(*room)
		if n > 0 {
			toTimer.Set(idle)
			if writeAll(to, toTimer, (*room)[:n]) != nil {
				from.Close()
				return moved
			}
			moved += int64(n)
			continue
		}
		if _, again := fromTimer.Overdue(err); again && x.c.g.ctx.Err() == nil {
			continue
		}
		if half, ok := to.(interface{ CloseWrite() error }); ok {
			half.CloseWrite()
		} else if u, ok := to.(*upstream.Conn); ok {
			if half, ok := u.Conn.(interface{ CloseWrite() error }); ok {
				half.CloseWrite()
			}
		}
		return moved
	}
}
