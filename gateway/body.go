package gateway

import (
	"errors"
	"fmt"
	"time"

	"github.com/banyan-migration/banyan/gateway/account"
	"github.com/banyan-migration/banyan/gateway/shadow"
	"github.com/banyan-migration/banyan/gateway/wire"
)

// body reads a request's body from the client in pieces, taken out of their framing.
type body struct {
	c       *conn
	chunked bool
	left    int64 // of a body with a length
	chunks  wire.Chunks
	done    bool
	total   int64 // data bytes so far
	limit   int64

	room *[]byte // where pieces are read that did not come with the head
	have []byte  // read and not used: of this body, and of what the client sent after it

	tap *shadow.Copy // takes a copy of each piece; nil: nobody does

	since   time.Time // of the present window
	arrived int64     // in it
}

var errTooLarge = errors.New("the body is over the limit")

func (b *body) start(x *exchange) {
	r := &x.req
	b.chunked, b.left, b.done = r.Chunked, max(0, r.Length), !r.HasBody()
	b.total, b.limit, b.arrived, b.tap = 0, x.st.cfg.Limits.Body, 0, nil
	if b.chunked {
		b.chunks.Reset()
	}
	b.since = x.At
	b.have = b.c.in[b.c.r:b.c.w]
}

// next is the body's next data, valid until the next call; nil at its end. Errors are *wire.Error, errOverdue, errTooLarge or
// the connection's.
func (b *body) next() ([]byte, error) {
	for !b.done {
		piece, err := b.take()
		if err != nil {
			return nil, err
		}
		if len(piece) > 0 {
			if b.total += int64(len(piece)); b.total > b.limit {
				return nil, errTooLarge
			}
			if b.tap != nil {
				b.tap.Tap(piece)
			}
			return piece, nil
		}
		if !b.done {
			if err := b.fill(); err != nil {
				return nil, err
			}
		}
	}
	return nil, nil
}

// take is what of the body is there already.
func (b *body) take() ([]byte, error) {
	if !b.chunked {
		n := int(min(b.left, int64(len(b.have))))
		piece := b.have[:n]
		b.have = b.have[n:]
		b.left -= int64(n)
		b.done = b.left == 0
		return piece, nil
	}
	for {
		skip, n, bad := b.chunks.Next(b.have, wire.DefaultLimits)
		if bad != nil {
			return nil, bad
		}
		piece := b.have[skip : skip+n]
		b.have = b.have[skip+n:]
		if b.done = b.chunks.Done(); b.done || n > 0 || skip == 0 {
			return piece, nil
		}
	}
}

// fill reads more. The head's own bytes are left alone: they are still needed for the log.
func (b *body) fill() error {
	if b.room == nil {
		b.room = buffers.Get().(*[]byte)
	}
	room := *b.room
	b.have = room[:copy(room, b.have)]
	if len(b.have) >= pieceMax {
		return &wire.Error{Status: 431, Rule: "W-41", Text: "the trailers are too long: at most " + size(pieceMax)}
	}
	space := room[len(b.have):pieceMax]
	if !b.chunked {
		space = space[:min(int64(len(space)), b.left)]
	}
	b.c.timer.Set(b.c.x.st.cfg.Timeouts.Body)
	n, err := b.c.read(space)
	for err == errInterrupted {
		n, err = b.c.read(space)
	}
	b.c.timer.Clear()
	b.have = b.have[:len(b.have)+n]
	if err != nil {
		return err
	}
	return b.steady(int64(n))
}

// steady refuses a body that only trickles (W-70).
func (b *body) steady(n int64) error {
	b.arrived += n
	p := &b.c.g.pace
	took := time.Since(b.since)
	if took < p.window {
		return nil
	}
	if b.arrived < p.bytes {
		return errOverdue
	}
	b.since, b.arrived = time.Now(), 0
	return nil
}

// end gives the buffer back and what was read beyond the body to the connection, as the beginning of the next request (W-50).
func (b *body) end() {
	c := b.c
	if b.room == nil {
		c.r = c.w - len(b.have)
		return
	}
	c.r, c.w = 0, 0
	for len(c.in) < len(b.have) {
		c.in = make([]byte, 2*len(c.in))
	}
	c.w = copy(c.in, b.have)
	buffers.Put(b.room)
	b.room, b.have = nil, nil
}

// bodyFailed answers, if an answer can still reach anybody, for a body that did not come whole.
func (x *exchange) bodyFailed(err error) {
	var bad *wire.Error
	switch {
	case errors.As(err, &bad):
		x.refuse(bad)
	case err == errTooLarge:
		x.tooLarge()
	case err == errOverdue:
		p := &x.c.g.pace
		x.refuse(late(fmt.Sprintf("the request's body took too long: no pause may be over %s, and in each %s %s must come; nothing was taken",
			x.st.cfg.Timeouts.Body, p.window, size(p.bytes))))
	default: // io.EOF and resets
		x.gone()
	}
}

func (x *exchange) tooLarge() {
	x.reply(own{status: 413, class: account.ClientTooLarge, rule: "W-69", text: "the request's body is too large: at most " + size(x.st.cfg.Limits.Body) + ", nothing was taken"})
}

// gone notes that the client has left; nobody can be told anything.
func (x *exchange) gone() {
	x.keep = false
	if x.Class == account.OK {
		x.Class = account.ClientAbort
	}
	x.Status = statusGone
}

// statusGone is nginx's number for a client that left before its answer; it stands in the log alone.
const statusGone = 499

// trailers are the client's trailer lines that go on by the route's option, after the last chunk (W-41).
func (x *exchange) trailers(dst []byte) ([]byte, *wire.Error) {
	for i := range x.body.chunks.Trailer {
		f := &x.body.chunks.Trailer[i]
		if !f.Name.Trailing() {
			return dst, &wire.Error{Status: 400, Rule: "W-41", Text: "a trailer holds a field that frames, routes or authenticates"}
		}
		if x.options.Trailers {
			dst = append(dst, f.Line...)
		} else {
			x.c.g.Drop(account.DropTrailer, 1, x.c.shard)
		}
	}
	return dst, nil
}
