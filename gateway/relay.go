package gateway

import (
	"bytes"

	"github.com/banyan-migration/banyan/gateway/account"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/gateway/wire"
)

// relay sends the answer to the client as the upstream gave it (W-22).
func (x *exchange) relay() {
	u, r := x.up, &x.resp
	if r.Status == 101 {
		x.tunnel(u)
		return
	}
	if f := x.prepare(); f != nil {
		x.release(false)
		x.report(f)
		return
	}
	rest := (*x.buf)[x.end:x.n]
	var reusable bool
	var f *failure
	switch {
	case r.Bodiless(x.req.Method == wire.HEAD):
		reusable, f = x.bare(rest)
	case r.Chunked:
		reusable, f = x.chunks(u, rest)
	case r.Length >= 0:
		reusable, f = x.sized(u, rest)
	default:
		f = x.untilClose(u, rest)
	}
	if f == nil && reusable && x.body.done && !r.Close && !r.Suspect && (r.Minor == 1 || r.KeepAlive) {
		x.release(true)
	} else {
		x.release(false)
	}
	x.report(f)
}

// prepare decides what of the answer's head goes on, and how its body is framed for this client.
func (x *exchange) prepare() *failure {
	r, g := &x.resp, x.c.g
	if x.shade.copy != nil {
		x.heard()
	}
	if x.Status = r.Status; r.Status >= 500 {
		x.Class = account.Upstream5xx
	}
	if r.Suspect {
		g.Odd(account.FramingSuspect)
		if x.st.cfg.StrictFraming {
			return failMalformed
		}
	}
	if r.Folds > 0 {
		g.Odd(account.Folded)
	}
	for i := range r.Fields {
		f := &r.Fields[i]
		switch f.Name {
		case wire.KeepAlive:
			x.up.KeepAlive(f.Value)
		case wire.CacheControl:
			x.fresh = x.fresh && !shared(f.Value)
		case wire.AccelBuffering:
			x.Stream = x.Stream || wire.Fold(f.Value, "no")
		case wire.Location:
			x.located = true
		case wire.ContentType:
			x.Stream = x.Stream || len(f.Value) >= 17 && wire.Fold(f.Value[:17], "text/event-stream")
		case wire.ContentLength:
			f.Drop = f.Drop || r.Status == 204
		case wire.Trailer:
			f.Drop = !(x.req.TakesTrailers && r.Chunked && x.req.Minor == 1)
		case wire.Banyan:
			x.Cold = x.Cold || wire.Fold(f.Key, "x-banyan-cold")
		}
		x.publish(f)
	}
	return nil
}

// publish makes a field fit for a client's eyes: what the configuration strips is dropped (W-34), internal origins are replaced (W-60).
func (x *exchange) publish(f *wire.Field) {
	switch f.Name {
	case wire.Location, wire.Refresh, wire.Link, wire.ContentSecurityPolicy:
		x.outward(f)
	}
	if len(x.st.cfg.Strip) > 0 && !f.Drop && x.st.strips(f) {
		f.Drop = true
		x.c.g.Drop(account.DropStripped, 1, x.c.shard)
	}
}

// shared says whether an answer may be kept by caches between us and the visitors: our cookie is not set on those (D-5).
func shared(cacheControl []byte) bool {
	low := bytes.ToLower(cacheControl)
	return bytes.Contains(low, []byte("public")) || bytes.Contains(low, []byte("s-maxage"))
}

// outward replaces the configured internal origins in a field that sends the visitor somewhere (W-60).
func (x *exchange) outward(f *wire.Field) {
	for _, origin := range x.st.cfg.Origins {
		for at := 0; ; {
			i := bytes.Index(f.Line[at:], []byte(origin))
			if i < 0 {
				break
			}
			end := at + i + len(origin)
			if c := f.Line[end]; c == '.' || c == ':' || c == '-' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' {
				at = end // a longer host that begins alike
				continue
			}
			outer := x.scheme + "://" + string(x.Host)
			f.Line = append(append(append([]byte{}, f.Line[:at+i]...), outer...), f.Line[end:]...)
			at += i + len(outer)
			x.c.g.Odd(account.OriginRewritten)
		}
	}
}

// top writes the answer's head into the connection's buffer.
func (x *exchange) top(chunked bool) []byte {
	b := x.resp.Append(x.c.out[:0], chunked)
	b = x.connection(b)
	b = x.identityCookie(b)
	return append(b, "\r\n"...)
}

// identityCookie tells a visitor the id by which a group's split knows it, and a tester which side answered (D-5, W-34).
func (x *exchange) identityCookie(b []byte) []byte {
	if x.fresh {
		b = append(append(b, "Set-Cookie: "...), split.CookieName+"="...)
		b = x.c.g.o.Keys.AppendCookie(b, string(x.visitor[:]))
		b = append(b, "; Path=/; HttpOnly; SameSite=Lax"...)
		if x.scheme == "https" {
			b = append(b, "; Secure"...)
		}
		b = append(b, "\r\n"...)
	}
	if x.override {
		b = append(append(append(b, split.OverrideHeader+": "...), x.Side.String()...), "\r\n"...)
	}
	return b
}

// put writes to the client and keeps the count of the body's bytes.
func (x *exchange) put(b []byte, body int) *failure {
	x.answered = true
	x.Out += int64(body)
	if x.c.write(b) != nil {
		return failGone
	}
	return nil
}
