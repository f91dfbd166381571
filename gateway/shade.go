package gateway

import (
	"bytes"

	"github.com/banyan-migration/banyan/gateway/account"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/drupal"
	"github.com/banyan-migration/banyan/gateway/shadow"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/gateway/wire"
)

// shade is what a request of the shadow's sample carries with it. Its zero value is a request outside of the sample.
type shade struct {
	group *shadow.Group // not nil: it is in the sample
	copy  *shadow.Copy  // not nil: its answer is being kept
}

// shadeOf is where the copies of a backend's requests go.
func shadeOf(b *backend) shadow.Backend {
	return shadow.Backend{Name: b.Name, Scheme: b.Scheme, Address: b.Address, Host: b.Host, OwnHost: b.OwnHost, Auth: b.ShadowAuth, PHP: b.Drupal()}
}

// sample decides whether the other side gets a copy of this request. The donor is answered as ever; the copy leaves after the last byte.
func (x *exchange) sample(p cutover.Group) {
	g := x.group.shade
	if g == nil || x.group.side[1-x.Side].pages != nil || !x.mayCopy(p) || !x.inSample() {
		return
	}
	x.shade.group = g
	if p.Killed {
		x.Shadow = g.Skip(shadow.Kill).Logged()
		return
	}
	cp, why := g.Begin(x.group.shades[1-x.Side], x.At)
	if cp == nil {
		x.Shadow = why.Logged()
		return
	}
	x.shade.copy = cp
	if x.req.Method == wire.POST {
		x.body.tap = cp
	}
}

// mayCopy says whether a copy of the request can do no harm and would say something: a GET without effects (H-6), or a post that legacy
// answers and an adapter can put to the service. Nothing is ever posted to legacy twice (D-6).
func (x *exchange) mayCopy(p cutover.Group) bool {
	switch {
	case x.Reason != split.ByBucket && x.Reason != split.ByKill:
		return false // a tester's wish, a form's done page, or what only legacy may judge
	case p.Phase != cutover.Shadow && p.Phase != cutover.Canary && p.Phase != cutover.Full:
		return false
	}
	if _, marked := x.req.Header("x-banyan-mark"); marked > 0 || x.req.Upgrade && x.options.Upgrade {
		return false
	}
	switch x.req.Method {
	case wire.GET, wire.HEAD:
		return !x.req.HasBody() && (harmless(x.req.Path, x.req.Query) || !sideEffects(x.req.Path, x.req.Query))
	case wire.POST:
		return x.Side == split.Legacy && x.route.Form != nil && x.c.g.o.Shadow.Writes()
	}
	return false
}

// inSample is the sample's own draw (S-9): the same visitor, or the same page of a visitor without an id, is always in it or never.
func (x *exchange) inSample() bool {
	share := x.options.Shadow
	if share >= split.Full {
		return true
	}
	value, known := x.sampleKey()
	if known {
		x.key = x.group.Key.Append(x.key[:0], value, x.req.MethodText, x.path)
	} else {
		x.key = split.Key{Kind: split.URL}.Append(append(x.key[:0], x.Client...), nil, x.req.MethodText, x.path)
	}
	return split.Bucket(x.group.shadeSalt, x.key) < share
}

// sampleKey is identity without a fresh id: a sample tells no visitor anything.
func (x *exchange) sampleKey() (value []byte, known bool) {
	if x.group.Key.Kind != split.Visitor {
		return x.identity()
	}
	if x.fresh {
		return x.visitor[:], true
	}
	if x.req.Cookie(split.CookieName) == nil {
		return nil, false
	}
	value = x.known()
	known = !x.fresh // else the cookie is not ours
	x.fresh = false
	return value, known
}

// heard keeps the donor's answer's head as it came.
func (x *exchange) heard() {
	if x.resp.Folds > 0 { // its bytes have been moved
		x.copied(shadow.Client)
		return
	}
	x.shade.copy.Hear(x.resp.Status, (*x.buf)[:x.end], x.resp.Length, x.Head)
}

// wants says whether the copy still keeps what the donor's answer brings.
func (x *exchange) wants() bool { return x.shade.copy != nil && !x.shade.copy.Enough() }

// copied gives the copy up, and says why in the log.
func (x *exchange) copied(why shadow.Drop) {
	x.Shadow = x.shade.copy.Drop(why).Logged()
	x.shade.copy = nil
}

// shaded ends a request of the sample: what legacy did is learned from, and the copy is queued.
func (x *exchange) shaded() {
	if x.Side == split.Legacy {
		x.shade.group.Heed(x.At, x.Class.Upstream(), x.Head)
	}
	cp := x.shade.copy
	switch {
	case cp == nil:
	case x.Reason != split.ByBucket:
		x.copied(shadow.Foreign) // the adapter left it to legacy, or the other side had to help out
	case x.Class != account.OK && !x.Class.Upstream(), x.Stream:
		x.copied(shadow.Client)
	case x.Upstream == 304 || x.Upstream == 206 || x.Upstream == 412 || x.Upstream == 416:
		x.copied(shadow.Conditional)
	default:
		if x.Class != account.OK && x.Class != account.Upstream5xx {
			cp.Failed(x.Class.String())
		}
		x.describe(cp)
		x.Shadow = cp.Send().Logged()
		x.shade.copy = nil
	}
	x.body.tap = nil
}

// describe tells the copy all that it needs of the request. The request's bytes are the connection's, and gone after this.
func (x *exchange) describe(cp *shadow.Copy) {
	r := &x.req
	cp.Request = diff.Request{ID: string(x.ID), Group: x.Group, Route: x.Rule, Method: methodName(r.Method), Target: string(r.Target), At: x.At}
	cp.Evidence = x.evidence()
	cp.Path = cp.Request.Target
	if r.Target[0] != '/' {
		cp.Path = string(r.Path)
		if r.HasQuery {
			cp.Path += "?" + string(r.Query)
		}
	}
	cp.Reverse = x.Side == split.New
	cp.Legacy = x.group.shades[split.Legacy]
	cp.Client = x.c.g.seal.line(cp.Client, x.Client, x.ID, x.At)
	if f := x.route.Form; f != nil && !cp.Reverse {
		cp.Form, cp.Node, cp.Service, cp.Pay, cp.Post = x.st.adapters[f], f.Node, f.Service, f.Pay != "", x.posted()
	}
	_, signedIn := r.Header("authorization")
	cp.Session = signedIn > 0 || session(r) != nil
	cp.Request.Own = cp.Session || x.route.Done
	if cp.Reverse || cp.Session || x.group.side[split.Legacy].pages != nil {
		cp.NoReplay()
	}
	if cp.Form == nil || cp.Replays() {
		cp.Ask(x.copyHead(cp.Head))
	}
}

func methodName(m wire.Method) string {
	switch m {
	case wire.HEAD:
		return "HEAD"
	case wire.POST:
		return "POST"
	}
	return "GET"
}

// posted is the request as a form adapter takes it. Its body is the caller's to add.
func (x *exchange) posted() drupal.Request {
	header := func(name string) string {
		v, _ := x.req.Header(name)
		return string(v)
	}
	return drupal.Request{Method: string(x.req.MethodText), Path: string(x.req.Path), Query: string(x.req.Query), Host: string(x.Host), Scheme: x.scheme,
		ContentType: header("content-type"), Client: x.Client, ID: string(x.ID), Mark: header("x-banyan-mark"), Trace: header("traceparent")}
}

// copyHead writes the request as the other side gets it: what scrub left, less what is one side's own or would make the answers unlike
// (H-4, H-5). The marks and the empty line are the Copier's.
func (x *exchange) copyHead(dst []byte) []byte {
	r := &x.req
	php := x.group.side[split.Legacy].Drupal() || x.group.side[split.New].Drupal()
	for i := range r.Fields {
		f := &r.Fields[i]
		switch f.Name {
		case wire.Host:
			f.Drop = false // who is asked under another name gets it from the Copier
		case wire.Authorization, wire.Cookie, wire.IfNoneMatch, wire.IfModifiedSince, wire.IfRange, wire.Range:
			f.Drop = true
		default:
			f.Drop = f.Drop || f.Underscore && php && !x.allowed(f.Key) || wire.Fold(f.Key, "if-match") || wire.Fold(f.Key, "if-unmodified-since")
		}
	}
	dst = r.Append(dst, split.CookieName)
	if r.Host == nil {
		dst = line(dst, "Host: ", x.Host)
	}
	dst = x.plainCookies(dst)
	dst = line(dst, "X-Forwarded-For: ", x.chain)
	dst = append(append(append(dst, "X-Forwarded-Proto: "...), x.scheme...), "\r\n"...)
	dst = line(dst, "X-Request-Id: ", x.ID)
	return append(dst, x.c.g.hops.lines[min(x.hop, maxHops+1)]...)
}

// plainCookies writes the donor's cookies but our own and Drupal's sessions, in one line (W-24, H-5).
func (x *exchange) plainCookies(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, "Cookie: "...)
	empty := len(dst)
	for i := range x.req.Fields {
		if x.req.Fields[i].Name != wire.Cookie {
			continue
		}
		for pair := range bytes.SplitSeq(x.req.Fields[i].Value, []byte{';'}) {
			pair = bytes.TrimSpace(pair)
			name, _, _ := bytes.Cut(pair, []byte{'='})
			if len(pair) == 0 || string(name) == split.CookieName || drupal.IsSession(string(name)) {
				continue
			}
			if len(dst) > empty {
				dst = append(dst, "; "...)
			}
			dst = append(dst, pair...)
		}
	}
	if len(dst) == empty {
		return dst[:start]
	}
	return append(dst, "\r\n"...)
}

// openShade names the places where a group's copies go; nothing is copied without a Copier.
func (g *Gateway) openShade(gr *group) {
	if g.o.Shadow == nil {
		return
	}
	gr.shade = g.o.Shadow.Group(gr.Name)
	gr.shadeSalt = gr.Salt + ".shadow"
	gr.shades = [2]shadow.Backend{shadeOf(gr.side[split.Legacy]), shadeOf(gr.side[split.New])}
}
