package gateway

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"

	"github.com/banyan-migration/banyan/gateway/account"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/gateway/wire"
)

// forwarded reads what a trusted peer says of those before it (W-30, W-31). The client is the first address from the right that is not
// trusted; what stands left of it anybody may have written, and is cut.
func (x *exchange) forwarded() {
	var hops [32]netip.Addr // nobody trusts a longer chain
	n := 0
	for i := range x.req.Fields {
		f := &x.req.Fields[i]
		switch f.Name {
		case wire.ForwardedFor:
			for part := range bytes.SplitSeq(f.Value, []byte{','}) {
				if n == len(hops) {
					n = copy(hops[:], hops[1:])
				}
				hops[n] = address(string(bytes.TrimSpace(part)))
				n++
			}
		case wire.ForwardedProto:
			if wire.Fold(f.Value, "https") {
				x.scheme = "https"
			} else if wire.Fold(f.Value, "http") {
				x.scheme = "http"
			}
		}
	}
	first := n
	for first > 0 && hops[first-1].IsValid() {
		first--
		if x.client = hops[first]; !x.st.trusts(x.client) {
			break
		}
	}
	x.Client = x.client.String()
	x.chain = x.chain[:0]
	for _, a := range hops[first:n] {
		x.chain = append(a.AppendTo(x.chain), ", "...)
	}
	x.chain = append(x.chain, x.c.from...)
}

// address reads one element of a chain, with a port or without; what is no address is the zero Addr.
func address(text string) netip.Addr {
	if a, err := netip.ParseAddr(text); err == nil {
		return a.Unmap()
	}
	a, _ := netip.ParseAddrPort(text)
	return a.Addr().Unmap()
}

// scrub marks the lines that do not pass (W-27, W-29, W-61). Connection's own are marked already (W-25).
func (x *exchange) scrub() {
	var dropped [4]int
	php := x.backend.Drupal()
	for i := range x.req.Fields {
		f := &x.req.Fields[i]
		if f.Name == wire.Trailer {
			f.Drop = !x.options.Trailers || !x.req.Chunked
		}
		if f.Drop {
			continue
		}
		switch {
		case f.Underscore && php && !x.allowed(f.Key):
			dropped[account.DropUnderscore]++
			f.Drop = true
		case f.Name == wire.ForwardedFor, f.Name == wire.ForwardedProto, f.Name == wire.RequestID:
			f.Drop = true // ours follows
			if !x.peerTrusted {
				dropped[account.DropSpoofable]++
			}
		case f.Name == wire.BanyanMark:
			f.Drop = !bytes.HasPrefix(f.Value, []byte("test;"))
		case f.Name >= wire.BanyanSide && f.Name <= wire.Banyan:
			f.Drop = true
			dropped[account.DropSpoofable]++
		case f.Name.Spoofable() && !x.peerTrusted:
			f.Drop = true
			dropped[account.DropSpoofable]++
		case f.Name == wire.Traceparent:
			f.Drop = !validTrace(f.Value)
		case x.split && x.conditional(f.Name):
			f.Drop = true
			dropped[account.DropConditional]++
		case f.Name == wire.UserAgent:
			x.Agent = f.Value
		case f.Name == wire.Other && wire.Fold(f.Key, "referer"):
			x.Referer = f.Value
		}
	}
	for why, n := range dropped {
		x.c.g.Drop(account.Drop(why), n, x.c.shard)
	}
}

// conditional says whether a field would let one side answer about what the other had sent: an ETag identifies
// nothing across sides (D-3). A range of a visitor who is not known yet would be split anew each time.
func (x *exchange) conditional(n wire.Name) bool {
	if !x.req.Safe() {
		return false
	}
	switch n {
	case wire.IfNoneMatch, wire.IfModifiedSince, wire.IfRange:
		return true
	case wire.Range:
		_, whole := x.req.Header("if-range")
		return x.fresh || whole > 0
	}
	return false
}

func (x *exchange) allowed(key []byte) bool {
	for _, name := range x.options.AllowUnderscore {
		if len(name) == len(key) && strings.EqualFold(name, string(key)) {
			return true
		}
	}
	return false
}

// validTrace checks a W3C traceparent of version 00.
func validTrace(v []byte) bool {
	if len(v) != 55 || string(v[:3]) != "00-" || v[35] != '-' || v[52] != '-' {
		return false
	}
	for i, c := range v[3:] {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && i != 32 && i != 49 {
			return false
		}
	}
	return string(v[3:35]) != strings.Repeat("0", 32) && string(v[36:52]) != "0000000000000000"
}

// compose writes the head that goes upstream: the client's own bytes, less what was dropped, then ours (W-22).
func (x *exchange) compose(dst []byte) []byte {
	r := &x.req
	own := x.backend.OwnHost
	x.hideHost(own != "")
	dst = r.Append(dst, split.CookieName)
	switch {
	case own != "":
		dst = append(append(append(dst, "Host: "...), own...), "\r\n"...)
	case r.Host == nil:
		dst = line(dst, "Host: ", x.Host)
	}
	dst = line(dst, "X-Forwarded-For: ", x.chain)
	dst = append(append(append(dst, "X-Forwarded-Proto: "...), x.scheme...), "\r\n"...)
	dst = line(dst, "X-Request-Id: ", x.ID)
	if !x.traced() {
		dst = trace(dst)
	}
	dst = append(dst, x.c.g.hops.lines[min(x.hop, maxHops+1)]...)
	dst = append(dst, x.backend.deadline...)
	if x.Side == split.New && !x.backend.Drupal() {
		dst = x.c.g.seal.line(dst, x.Client, x.ID, x.At)
	}
	if x.Attempt > 1 {
		dst = append(strconv.AppendInt(append(dst, "X-Banyan-Attempt: "...), int64(x.Attempt), 10), "\r\n"...)
	}
	if x.st.cfg.Via {
		dst = append(dst, "Via: 1."...)
		dst = append(append(dst, byte('0'+r.Minor)), " banyan\r\n"...)
	}
	if x.upgrade {
		dst = append(dst, "Connection: Upgrade\r\nUpgrade: websocket\r\n"...)
	}
	return append(dst, "\r\n"...)
}

// hideHost leaves the visitor's Host out, or takes it in again: each attempt may be at another backend.
func (x *exchange) hideHost(hide bool) {
	if !hide && x.Attempt < 2 {
		return // as it came
	}
	for i := range x.req.Fields {
		if f := &x.req.Fields[i]; f.Name == wire.Host {
			f.Drop = hide
		}
	}
}

func line(dst []byte, name string, value []byte) []byte {
	return append(append(append(dst, name...), value...), "\r\n"...)
}

// traced says whether a valid traceparent goes on as it came.
func (x *exchange) traced() bool {
	for i := range x.req.Fields {
		if f := &x.req.Fields[i]; f.Name == wire.Traceparent && !f.Drop {
			return true
		}
	}
	return false
}

// trace begins a W3C trace, not sampled.
func trace(dst []byte) []byte {
	var text [48]byte
	for i := 0; i < len(text); i += 16 {
		digits(text[i:i+16], rand.Uint64()|1)
	}
	dst = append(append(dst, "traceparent: 00-"...), text[:32]...)
	return append(append(append(dst, '-'), text[32:]...), "-00\r\n"...)
}
