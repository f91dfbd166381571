package gateway

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/banyan-migration/banyan/gateway/account"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/route"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/gateway/upstream"
	"github.com/banyan-migration/banyan/gateway/wire"
)

// exchange is one request and its answer. It lives in its connection and is used again for the next one.
type exchange struct {
	account.Entry
	c    *conn
	st   *state
	plan *cutover.Snapshot
	head []byte
	req  wire.Request
	body body
	resp wire.Response

	// who asks
	peerTrusted bool
	client      netip.Addr
	scheme      string
	id          [32]byte
	chain       []byte // X-Forwarded-For as it goes on
	hop         int

	// where it goes
	ask      route.Request
	path     []byte // canonical
	key      []byte
	address  []byte   // the client's, as a key
	visitor  [32]byte // a fresh visitor id, if newVisitor
	fresh    bool     // the answer tells the visitor that id
	route    *route.Route
	options  *route.Options
	group    *group
	backend  *backend
	series   *account.Series
	split    bool // two sides of the group are live: no conditional answers (W-61)
	override bool // a tester's signed wish decided
	upgrade  bool // a websocket that may go through
	other    bool // the other side may be asked if this one fails (W-79)

	page page // where a folder of frozen pages answers

	// what the judge is told
	weight        int           // of the group, when it was drawn
	groupRevision int64         // likewise
	noReturn      bool          // the group is past its point of no return (T-4)
	newcomer      bool          // the visitor's id is as new as the request
	firstClass    account.Class // how the side failed that was asked first (W-79)
	located       bool          // the answer has a Location

	// how it went
	spooled  []byte  // the whole body, where it had to be read first
	held     bool    // spooled holds it
	keep     bool    // the client connection may carry another request
	answered bool    // the head has gone to the client
	cut      bool    // a reset alone can tell the client that its answer is not whole
	buf      *[]byte // what the upstream sends
	n        int     // bytes in it
	end      int     // of the answer's head in it
	up       *upstream.Conn
	shade    shade
}

// begin takes a request's head. One state and one plan decide for it, whatever changes meanwhile (L-6, W-80).
func (x *exchange) begin(st *state, head []byte) {
	x.Entry = account.Entry{At: time.Now(), Bucket: -1, Attempt: 1}
	x.st, x.head, x.up = st, head, nil
	x.keep, x.answered, x.cut, x.split, x.override, x.fresh, x.upgrade, x.other = true, false, false, false, false, false, false, false
	x.route, x.group, x.backend, x.options = nil, nil, st.legacy, &st.legacy.Options
	x.series, x.hop, x.spooled, x.held = st.alone[1], 1, nil, false
	x.newcomer, x.located, x.page.Answer = false, false, nil
	x.shade = shade{}
	x.c.left.Store(false)
	if x.plan = x.c.g.o.Plan(); x.plan != nil {
		x.Revision = x.plan.Revision
	}
}

// run answers the request and accounts for it. It says whether the connection may carry another.
func (x *exchange) run() bool {
	x.answer()
	x.finish()
	switch {
	case x.cut:
		x.c.reset()
	case !x.keep:
		x.c.goodbye()
	}
	return x.keep
}

// finish writes the log line and the counters, after the last byte.
func (x *exchange) finish() {
	if x.shade.group != nil {
		x.shaded() // first of all: it needs the request's bytes
	}
	if x.buf != nil {
		if len(*x.buf) == bufferRoom { // one that grew for a long head is not kept
			buffers.Put(x.buf)
		}
		x.buf = nil
	}
	x.In = x.body.total
	x.Total = time.Since(x.At)
	if x.c.left.Load() && x.Class == account.OK && x.Upstream != 0 && x.Status != 101 {
		x.Class, x.Status = account.ClientAbort, statusGone
	}
	x.series.Count(&x.Entry, x.c.shard)
	x.count()
	x.c.line = x.c.g.log.Add(&x.Entry, x.c.line)
	x.body.end() // last of all: it may put the next request over this one's bytes
}

// unread answers what never became a request. It returns false: the connection is closed.
func (x *exchange) unread(st *state, have []byte, bad *wire.Error) bool {
	x.begin(st, nil)
	x.req = wire.Request{Fields: x.req.Fields[:0], Minor: 1}
	x.body.start(x)
	x.identify()
	if bytes.HasPrefix(have, []byte("HEAD ")) {
		x.req.MethodText = have[:4] // its answer has no body, whatever else is wrong
	}
	x.refuse(bad)
	x.finish()
	x.c.goodbye()
	return false
}

// answer goes through the questions in their order; the first that has an answer ends it.
func (x *exchange) answer() {
	r := &x.req
	bad := r.Parse(x.head, x.st.limits)
	x.Method, x.Target, x.Host, x.Minor = r.MethodText, r.Target, r.Host, r.Minor
	x.body.start(x)
	x.identify()
	switch {
	case bad != nil:
		x.refuse(bad)
	case x.lifeSign():
	case r.Asterisk:
		x.reply(own{status: 204, header: "Allow: " + wire.Allow + "\r\n"})
	case !x.place():
	case !x.choose():
	case !x.admit():
	case x.route != nil && x.route.Form != nil && x.Side == split.New:
		x.form()
	default:
		x.forward()
	}
}

// identify finds out whose request it is (W-27 to W-31, W-81).
func (x *exchange) identify() {
	x.peerTrusted = len(x.st.cfg.Trusted) > 0 && x.st.trusts(x.c.peer)
	x.client, x.Client, x.scheme = x.c.peer, x.c.from, x.st.scheme
	x.chain = append(x.chain[:0], x.c.from...)
	if x.peerTrusted {
		x.forwarded()
	}
	x.requestID()
}

// requestID keeps a trusted peer's request id, else makes one of 128 random bits.
func (x *exchange) requestID() {
	if x.peerTrusted {
		if v, n := x.req.Header("x-request-id"); n == 1 && lawfulID(v) {
			x.ID = v
			return
		}
	}
	digits(x.id[:16], rand.Uint64())
	digits(x.id[16:], rand.Uint64())
	x.ID = x.id[:]
}

// lawfulID says whether a request id can stand in a log line and in what is signed.
func lawfulID(v []byte) bool {
	for _, c := range v {
		if letter := 'a' <= c|0x20 && c|0x20 <= 'z'; !letter && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' && c != '=' && c != ':' {
			return false
		}
	}
	return len(v) > 0 && len(v) <= 128
}

// digits writes a number into 16 bytes of hex.
func digits(b []byte, n uint64) {
	for i := 15; i >= 0; i-- {
		b[i] = "0123456789abcdef"[n&15]
		n >>= 4
	}
}

// lifeSign answers the load balancer's question whether this gateway wants more requests.
func (x *exchange) lifeSign() bool {
	r := &x.req
	if x.st.cfg.Health == "" || string(r.Path) != x.st.cfg.Health || (r.Method != wire.GET && r.Method != wire.HEAD) {
		return false
	}
	if x.c.g.leaving.Load() {
		x.reply(own{status: 503, class: account.GatewayRefused, text: "draining", header: retryAfter})
		return true
	}
	x.reply(own{status: 200, text: "ok"})
	return true
}

// place checks that the request is for this site, has not been here before, and is for nobody to refuse.
func (x *exchange) place() bool {
	r := &x.req
	if r.Host == nil {
		if x.st.cfg.DefaultHost == "" {
			x.refuse(&wire.Error{Status: 400, Rule: "W-18", Text: "an HTTP/1.0 request without Host, and no default host is configured"})
			return false
		}
		x.Host = []byte(x.st.cfg.DefaultHost)
		if bad := r.SameHost(x.Host); bad != nil {
			x.refuse(bad)
			return false
		}
	}
	host, known := x.st.cfg.Table.Host(x.Host)
	if !known {
		x.reply(own{status: 421, class: account.GatewayRefused, rule: "W-16", text: "this site does not answer for that host: its names are the configuration's hosts"})
		return false
	}
	if x.looped() {
		x.reply(own{status: 508, class: account.GatewayLoop, rule: "W-33", text: "the request has come back to a gateway that it had passed"})
		return false
	}
	var flags route.Flags
	var ok bool
	if x.path, flags, ok = route.Canonical(x.path[:0], r.Path); !ok {
		x.refuse(&wire.Error{Status: 400, Rule: "W-12", Text: "the path holds %00, or a % that two hex digits do not follow"})
		return false
	}
	if x.st.cfg.Deny.Refuses(r.Path, r.Query) {
		x.reply(own{status: 403, class: account.GatewayRefused, rule: "W-11", text: "this path is not open here"})
		return false
	}
	if r.HighBytes {
		flags |= route.HighByte
	}
	if flags != 0 {
		x.Reason = split.Noncanonical
		x.c.g.Flag(uint(flags))
	}
	x.ask = route.Request{Host: host, Method: r.MethodText, Path: x.path, Query: r.Query, Headers: r}
	return true
}

func (x *exchange) looped() bool {
	loop := false
	for i := range x.req.Fields {
		if f := &x.req.Fields[i]; f.Name == wire.BanyanHop {
			passed, round := x.c.g.hops.read(f.Value)
			x.hop = max(x.hop, passed+1)
			loop = loop || round
		}
	}
	return loop
}
