package gateway

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/banyan-migration/banyan/gateway/account"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/drupal"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/gateway/wire"
)

// flipMemory is how long after a group's flip its answers may still lie in caches: legacy's max-age (W-61, D-3).
const flipMemory = 300 * time.Second

// choose finds the route and the side, in S-3's order.
func (x *exchange) choose() bool {
	noncanonical := x.Reason == split.Noncanonical
	if x.req.HasBody() && bodyIsOdd(x.req.Method) {
		noncanonical = true // W-43
		x.c.g.Odd(account.BodyToLegacy)
	}
	found, sure := x.st.cfg.Table.Match(&x.ask)
	x.Routed, x.series = true, x.st.alone[0]
	switch {
	case noncanonical:
		x.Reason = split.Noncanonical
	case !sure:
		x.Reason = split.Uncertain
	default:
		x.Reason = split.ByDefault
	}
	if found == nil {
		return true
	}
	x.route, x.group, x.options = found, x.st.groups[found.Group], &found.Options
	x.Rule, x.Group = found.ID, found.Group.Name
	p := x.plan.Group(found.Group.Name)
	x.Phase = p.Phase
	x.weight, x.groupRevision, x.noReturn = p.Weight, p.Revision, p.NoReturn != nil
	x.Side, x.Reason = split.Decide(x.facts(p, noncanonical))
	x.backend, x.series = x.group.side[x.Side], x.group.series[x.Side]
	x.split = twoSides(p, x.At)
	x.newcomer = x.fresh
	if x.options.Shadow > 0 {
		x.sample(p)
	}
	x.other = x.options.Failover && x.req.Method == wire.GET && x.Reason == split.ByBucket && p.ReadAuthority() == "bucket"
	return true
}

func bodyIsOdd(m wire.Method) bool {
	return m == wire.GET || m == wire.HEAD || m == wire.DELETE || m == wire.OPTIONS
}

// twoSides says whether answers of both sides may be about: in a canary, and until caches have forgotten after its end.
func twoSides(p cutover.Group, now time.Time) bool {
	return p.Weight > 0 && p.Weight < split.Full || p.Revision > 1 && now.Sub(p.At) < flipMemory
}

func (x *exchange) facts(p cutover.Group, noncanonical bool) split.Facts {
	f := split.Facts{Killed: p.Killed, Noncanonical: noncanonical, Weight: p.Weight, Broken: x.group.counted.breaker.Open(p.Revision)}
	if f.Killed || f.Noncanonical {
		return f
	}
	f.Override, f.Overridden = x.wish(p)
	if x.route.Done {
		f.InForm = true
		if x.st.adapters[x.route.Form].Done(string(x.req.Query)) {
			f.Form = split.New
		}
	}
	if x.override = f.Overridden; f.Overridden || f.InForm || f.Broken {
		return f
	}
	f.Bucket = x.draw(&f)
	return f
}

// wish reads a tester's override: X-Banyan-Side (S-4). It cannot beat the data's authority for writes.
func (x *exchange) wish(p cutover.Group) (split.Side, bool) {
	value, n := x.req.Header("x-banyan-side")
	if n == 0 {
		return split.Legacy, false
	}
	side, ok := split.Legacy, false
	if n == 1 {
		side, ok = x.c.g.o.Keys.Override(value, x.Group, x.At)
	}
	result := "used"
	switch {
	case !ok:
		result = "ignored"
	case !x.req.Safe() && side == split.Legacy && p.WriteAuthority() == "new",
		!x.req.Safe() && side == split.New && p.Weight == 0 && !x.group.appendOnly:
		result, ok = "not_authority", false
	}
	x.c.g.Override(x.Group, result)
	return side, ok
}

// draw is the request's one draw. Nothing is drawn, and no visitor gets an id, where the weight says nobody or everybody.
func (x *exchange) draw(f *split.Facts) int {
	if f.Weight <= 0 || f.Weight >= split.Full {
		return 0
	}
	value, known := x.identity()
	if !known {
		f.Weight = 0 // who cannot be known again stays where everybody was
		return 0
	}
	k := x.group.Key
	x.key = k.Append(x.key[:0], value, x.req.MethodText, x.path)
	x.Bucket = split.Bucket(x.group.Salt, x.key)
	return x.Bucket
}

// identity is what the group's key is made of.
func (x *exchange) identity() (value []byte, known bool) {
	switch k := &x.group.Key; k.Kind {
	case split.Visitor:
		return x.known(), true
	case split.Session:
		value = session(&x.req)
		return value, value != nil
	case split.Address:
		x.address = append(x.address[:0], x.Client...)
		return x.address, true
	case split.Header:
		value, n := x.req.Header(k.Header)
		return value, n == 1
	}
	return nil, true // the address of the page itself
}

// known is the visitor's signed id, or a fresh one that the answer will tell.
func (x *exchange) known() []byte {
	if v := x.req.Cookie(split.CookieName); v != nil {
		c := x.c
		if c.cookieID != nil && bytes.Equal(v, c.cookie) {
			return c.cookieID // a connection's requests carry the same cookie, whose signature has been checked
		}
		c.cookie, c.cookieID = append(c.cookie[:0], v...), nil
		if id, ok := c.g.o.Keys.Visitor(c.cookie); ok {
			c.cookieID = id
			return id
		}
	}
	digits(x.visitor[:16], rand.Uint64())
	digits(x.visitor[16:], rand.Uint64())
	x.fresh = true
	return x.visitor[:]
}

// session is the value of Drupal's session cookie, nil if there is none.
func session(r *wire.Request) []byte {
	for i := range r.Fields {
		if r.Fields[i].Name != wire.Cookie {
			continue
		}
		for pair := range bytes.SplitSeq(r.Fields[i].Value, []byte{';'}) {
			name, value, _ := bytes.Cut(bytes.TrimSpace(pair), []byte{'='})
			if drupal.IsSession(string(name)) {
				return value
			}
		}
	}
	return nil
}

// admit checks what the route asks of a request before anything of it goes on.
func (x *exchange) admit() bool {
	r := &x.req
	if r.Length > x.st.cfg.Limits.Body {
		x.tooLarge()
		return false
	}
	if r.Chunked && x.options.RequireLength && !x.options.BufferBody {
		x.reply(own{status: 411, class: account.ClientTooLarge, rule: "W-44", text: "this address needs a Content-Length"})
		return false
	}
	if x.route != nil && x.Side == split.New && !r.Safe() && x.options.MaxRate > 0 {
		if ok, wait := x.st.rates.allow(x.route, x.client, x.At); !ok {
			seconds := strconv.Itoa(1 + int(wait/time.Second))
			x.reply(own{status: 429, class: account.GatewayRefused, rule: "max_rate", header: "Retry-After: " + seconds + "\r\n",
				text: "too many posts from this address: at most " + strconv.Itoa(x.options.MaxRate) + " a minute, nothing was taken; please try again in " + seconds + " seconds"})
			return false
		}
	}
	x.upgrade = x.options.Upgrade && x.wantsWebsocket()
	if r.Chunked && x.options.BufferBody {
		return x.spool()
	}
	return true
}

// wantsWebsocket says whether a request asks for a websocket as one must (W-57).
func (x *exchange) wantsWebsocket() bool {
	r := &x.req
	value, n := r.Header("upgrade")
	return n == 1 && r.Upgrade && r.Method == wire.GET && r.Minor == 1 && !r.HasBody() && wire.Fold(value, "websocket")
}

// spool reads the whole body, so that its length can be told (W-44) or a form be read.
func (x *exchange) spool() bool {
	if !x.expected() {
		return false
	}
	x.spooled = x.spooled[:0]
	for {
		piece, err := x.body.next()
		if err != nil {
			x.bodyFailed(err)
			return false
		}
		if piece == nil {
			break
		}
		x.spooled = append(x.spooled, piece...)
	}
	x.held, x.req.Chunked, x.req.Length = true, false, int64(len(x.spooled))
	return true
}

// expected sends the one 100 Continue that a client waits for (W-53). From there on its body comes.
func (x *exchange) expected() bool {
	if !x.req.Continue {
		return true
	}
	x.req.Continue = false
	if err := x.c.write([]byte("HTTP/1.1 100 Continue\r\n\r\n")); err != nil {
		x.gone()
		return false
	}
	return true
}
