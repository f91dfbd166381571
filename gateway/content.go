package gateway

import (
	"io"

	"github.com/banyan-migration/banyan/gateway/account"
	"github.com/banyan-migration/banyan/gateway/socket"
	"github.com/banyan-migration/banyan/gateway/upstream"
	"github.com/banyan-migration/banyan/gateway/wire"
)

// spliceMin is the size of the pieces in which the kernel moves a long body by itself. A piece that takes longer than
// the stall limit ends the transfer, so it is small: 1 KB a second is still enough.
const spliceMin = 64 << 10

// bare sends an answer without a body, with the length or the coding that a GET would have had if the upstream named one (W-55, W-56).
func (x *exchange) bare(rest []byte) (reusable bool, f *failure) {
	if len(rest) > 0 {
		x.c.g.Odd(account.StrayBytes)
	}
	x.keep = x.keep && x.persistent()
	x.c.out = x.top(x.resp.Chunked && x.resp.Status != 204 && x.req.Minor == 1)
	return len(rest) == 0, x.put(x.c.out, 0)
}

// sized sends a body of known length. One that is short is held until it is whole, so that a broken one becomes a 502 (W-64).
func (x *exchange) sized(u *upstream.Conn, rest []byte) (reusable bool, f *failure) {
	length := x.resp.Length
	x.keep = x.keep && x.persistent()
	if int64(len(rest)) > length {
		x.c.g.Odd(account.StrayBytes)
		rest, u = rest[:length], nil
	}
	if length <= joinMax && !x.Stream {
		if rest, f = x.hold(u, rest, int(length)); f != nil {
			return false, f
		}
	}
	if x.wants() {
		x.shade.copy.Body(rest)
	}
	b := x.top(false)
	if len(rest) <= joinMax {
		x.c.out = append(b, rest...)
		f = x.put(x.c.out, len(rest))
	} else {
		x.c.out = b
		if f = x.put(b, 0); f == nil {
			f = x.put(rest, len(rest))
		}
	}
	if left := length - int64(len(rest)); f == nil && left > 0 {
		f = x.copy(u, left)
	}
	return u != nil, f
}

// hold reads the rest of a short body.
func (x *exchange) hold(u *upstream.Conn, rest []byte, length int) ([]byte, *failure) {
	start := x.end
	for len(rest) < length {
		if start+length > len(*x.buf) {
			grown := make([]byte, start+length)
			copy(grown, (*x.buf)[:x.n])
			x.buf = &grown
		}
		n, f := x.more(u, (*x.buf)[x.n:start+length])
		if f != nil {
			return nil, f
		}
		x.n += n
		rest = (*x.buf)[start:x.n]
	}
	return rest, nil
}

// more reads what the upstream sends of its body. The end of the stream is failTruncated.
func (x *exchange) more(u *upstream.Conn, p []byte) (int, *failure) {
	for {
		if u.Timer.Set(x.c.g.pace.stall); x.Stream {
			u.Timer.Clear() // events come when they come (W-74)
		}
		n, err := u.Read(p)
		if n > 0 {
			return n, nil
		}
		if overdue, again := u.Timer.Overdue(err); overdue {
			return 0, failStalled
		} else if !again {
			return 0, failTruncated
		}
		if x.c.g.ctx.Err() != nil {
			return 0, failGone
		}
	}
}

// copy moves the rest of a long body, by the kernel alone where both ends are plain sockets.
func (x *exchange) copy(u *upstream.Conn, left int64) *failure {
	from, plain := u.Conn.(*socket.Conn)
	for left > 0 {
		if x.c.tcp != nil && plain && left >= spliceMin && !x.wants() {
			u.Timer.Set(x.c.g.pace.stall)
			x.c.timer.Set(x.c.g.pace.stall)
			n, err := x.c.tcp.ReadFrom(&io.LimitedReader{R: from.TCPConn, N: spliceMin})
			left -= n
			x.Out += n
			if n < spliceMin {
				if f := x.broke(u, err); f != nil {
					return f
				}
			}
			continue
		}
		buf := (*x.buf)[:min(int64(pieceMax), left)]
		n, f := x.more(u, buf)
		if x.wants() {
			x.shade.copy.Body(buf[:n])
		}
		if f == nil {
			f = x.put(buf[:n], n)
		}
		if f != nil {
			return f
		}
		left -= int64(n)
	}
	x.c.timer.Clear()
	return nil
}

// broke says who ended a transfer that the kernel made.
func (x *exchange) broke(u *upstream.Conn, err error) *failure {
	switch overdue, again := u.Timer.Overdue(err); {
	case err == nil: // the end of the upstream's stream
		return failTruncated
	case overdue:
		return failStalled
	case again:
		return nil
	case x.c.timer.Left():
		return failGone
	}
	return failTruncated
}

// chunks sends a chunked body on: each read at once, in one chunk (W-47, W-63). A client of HTTP/1.0 gets it bare and the end of the
// connection (W-48).
func (x *exchange) chunks(u *upstream.Conn, rest []byte) (reusable bool, f *failure) {
	framed := x.req.Minor == 1
	x.keep = x.keep && framed && x.persistent()
	var in wire.Chunks
	b := x.top(framed)
	for head := true; ; head = false {
		data, kept, bad := unchunk(&in, rest)
		if bad != nil {
			return false, failMalformed
		}
		b = x.frame(b, rest[:data], framed, &in)
		x.c.out = b
		if head || data > 0 || in.Done() {
			if f = x.put(b, data); f != nil {
				return false, f
			}
		}
		if in.Done() {
			if kept > 0 {
				x.c.g.Odd(account.StrayBytes)
			}
			return kept == 0, nil
		}
		buf := *x.buf
		x.n = copy(buf, rest[len(rest)-kept:])
		if x.n >= len(buf)-1 {
			return false, failMalformed // trailers without end
		}
		n, f := x.more(u, buf[x.n:])
		if f != nil {
			return false, f
		}
		rest, b = buf[:x.n+n], b[:0]
	}
}

// frame appends data as a chunk, and the end of the body when it is there.
func (x *exchange) frame(b, data []byte, framed bool, in *wire.Chunks) []byte {
	if x.wants() {
		x.shade.copy.Body(data)
	}
	if !framed {
		return append(b, data...)
	}
	if len(data) > 0 {
		b = wire.AppendChunkSize(b, len(data))
		b = append(append(b, data...), "\r\n"...)
	}
	if !in.Done() {
		return b
	}
	b = append(b, "0\r\n"...)
	for i := range in.Trailer {
		if f := &in.Trailer[i]; x.req.TakesTrailers && f.Name.Trailing() {
			b = append(b, f.Line...)
		}
	}
	return append(b, "\r\n"...)
}

// unchunk moves the data in b together at its beginning. kept bytes at its end must be given again with what follows; they are
// not part of this body when it is done.
func unchunk(in *wire.Chunks, b []byte) (data, kept int, bad *wire.Error) {
	for at := 0; ; {
		skip, n, bad := in.Next(b[at:], wire.ResponseLimits)
		if bad != nil {
			return 0, 0, bad
		}
		if data != at+skip {
			copy(b[data:], b[at+skip:at+skip+n])
		}
		data, at = data+n, at+skip+n
		if in.Done() || skip+n == 0 {
			return data, len(b) - at, nil
		}
	}
}

// untilClose sends a body that ends with the upstream's connection: in chunks, or to the end of the client's connection too.
func (x *exchange) untilClose(u *upstream.Conn, rest []byte) *failure {
	framed := x.req.Minor == 1
	x.keep = x.keep && framed && x.persistent()
	var in wire.Chunks
	b := x.top(framed)
	for {
		b = x.frame(b, rest, framed, &in)
		x.c.out = b
		if f := x.put(b, len(rest)); f != nil {
			return f
		}
		n, err := x.onward(u)
		if err != nil {
			return err
		}
		if n == 0 {
			if framed {
				return x.put(append(x.c.out[:0], "0\r\n\r\n"...), 0)
			}
			return nil
		}
		rest, b = (*x.buf)[:n], b[:0]
	}
}

// onward reads until the stream's orderly end, which is 0.
func (x *exchange) onward(u *upstream.Conn) (int, *failure) {
	for {
		if u.Timer.Set(x.c.g.pace.stall); x.Stream {
			u.Timer.Clear()
		}
		n, err := u.Read(*x.buf)
		switch overdue, again := u.Timer.Overdue(err); {
		case n > 0 || err == io.EOF:
			return n, nil
		case overdue:
			return 0, failStalled
		case !again:
			return 0, failTruncated
		}
	}
}
