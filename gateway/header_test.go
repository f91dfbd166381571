package gateway

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/shared/mark"
)

func TestRefusedHeaders(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	w := start(t, site(o, ""))
	refused(t, w, o, "400",
		get("/", "TE : x"), get("/", "X: a\x00b"), get("/", "X: a\x01b"), get("/", ": x"), get("/", "no colon"), get("/", "X Y: z"), // W-20
		"GET / HTTP/1.1\r\n Host: h\r\n\r\n", get("/", "X: a", " b"), get("/", "X: a", "\tb"), // W-20, W-21. net/http accepts folded lines
		"GET / HTTP/1.1\r\nHost: h\r\nConnection: X-Forwarded-For, Cookie\r\n\r\n", // W-26
		"GET / HTTP/1.1\r\nHost: h\r\nConnection: host\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\nConnection: authorization\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nConnection: Content-Type\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\nConnection: via, x-banyan-hop\r\n\r\n")
}

// W-21: a folded line of an answer becomes one line, counted.
func TestFoldedAnswersAreMended(t *testing.T) {
	t.Parallel()
	o := answering(t, "HTTP/1.1 200 OK\r\nX: a\r\n   b\r\nContent-Length: 0\r\n\r\n")
	w := start(t, site(o, ""))
	if got := value(w.ask(get("/")), "X"); got != "a b" {
		t.Errorf("X is %q", got)
	}
	if got := w.metric("banyan_gateway_upstream_oddities_total", "folded"); got != 1 {
		t.Errorf("counted %v times", got)
	}
}

// W-22, W-23: order, case and repetition are part of the message, both ways. net/http sorts and re-cases.
func TestHeaderLinesKeepTheirOrderAndCase(t *testing.T) {
	t.Parallel()
	o := answering(t, "HTTP/1.1 200 Fine\r\nX-z: 1\r\nETag: a\r\nVary: Cookie\r\nSet-Cookie: a=1; path=/\r\nvary:Accept-Encoding\r\n"+
		"Set-Cookie: b=2\r\nExpires: Sun, 19 Nov 1978 05:00:00 GMT\r\nExpires: x\r\nLink: </a>, </b>\r\nEtag: b\r\nContent-Length: 0\r\nA: \xe9\r\n\r\n")
	w := start(t, site(o, ""))
	answer := w.ask("GET / HTTP/1.1\r\nz: 1\r\nHost: h\r\nAccept-ENCODING:gzip\r\na: 2\r\nA:   3  \r\nX-Lower: \xe9\r\na: 2\r\nConnection: close\r\n\r\n")
	if got, want := lines(o.last(t, 1), ours...), "GET / HTTP/1.1\nz: 1\nHost: h\nAccept-ENCODING:gzip\na: 2\nA:   3  \nX-Lower: \xe9\na: 2"; got != want {
		t.Errorf("upstream\n%s\nwant\n%s", got, want)
	}
	want := "HTTP/1.1 200 Fine\nX-z: 1\nETag: a\nVary: Cookie\nSet-Cookie: a=1; path=/\nvary:Accept-Encoding\nSet-Cookie: b=2\n" +
		"Expires: Sun, 19 Nov 1978 05:00:00 GMT\nExpires: x\nLink: </a>, </b>\nEtag: b\nContent-Length: 0\nA: \xe9"
	if got := lines(answer, "Connection"); got != want {
		t.Errorf("W-34: the client got\n%s\nwant\n%s", got, want)
	}
}

// W-24: the client's Cookie lines become one. net/http sends two. D-5: ours is not among them.
func TestCookiesAreOneLine(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	w := start(t, site(o, ""))
	w.ask(get("/", "Cookie: a=1; __banyan=1.k1.x.y; b=\"2\"", "X: y", "cookie: c=3"))
	if got, want := lines(o.last(t, 1), ours...), "GET / HTTP/1.1\nHost: h\nCookie: a=1; b=\"2\"; c=3\nX: y"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	w.ask(get("/", "Cookie: __banyan=1"))
	if got, want := lines(o.last(t, 2), ours...), "GET / HTTP/1.1\nHost: h"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// W-25: what is between two neighbours stays there, both ways.
func TestHopByHopLinesAreStripped(t *testing.T) {
	t.Parallel()
	o := answering(t, "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nUpgrade: h2c\r\n"+
		"Trailer: X\r\nX-End: 1\r\nContent-Length: 0\r\n\r\n")
	w := start(t, site(o, ""))
	answer := w.ask("GET / HTTP/1.1\r\nHost: h\r\nConnection: close, X-Hop, te\r\nx-hop: 1\r\nKeep-Alive: 300\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: x\r\n" +
		"TE: trailers\r\nTrailer: x\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\nX-End: 1\r\n\r\n")
	if got, want := lines(o.last(t, 1), ours...), "GET / HTTP/1.1\nHost: h\nX-End: 1"; got != want {
		t.Errorf("upstream\n%s\nwant\n%s", got, want)
	}
	if got, want := lines(answer), "HTTP/1.1 200 OK\nX-End: 1\nContent-Length: 0\nConnection: close"; got != want {
		t.Errorf("the client got\n%s\nwant\n%s", got, want)
	}
}

var spoofs = []string{"Forwarded: for=6.6.6.6", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Host: evil", "X-Forwarded-Proto: https", "X-Forwarded-Port: 8080",
	"X-Forwarded-Prefix: /x", "X-Forwarded-Scheme: https", "X-Forwarded-Server: x", "X-Forwarded-Ssl: on", "X-Real-IP: 6.6.6.6", "X-Client-IP: 6.6.6.6",
	"Client-IP: 6.6.6.6", "True-Client-IP: 6.6.6.6", "X-Cluster-Client-IP: 6.6.6.6", "X-Original-URL: /admin", "X-Rewrite-URL: /admin", "X-HTTP-Method: PUT",
	"X-HTTP-Method-Override: PUT", "X-Method-Override: PUT", "Front-End-Https: on", "Proxy: http://evil", "X-Banyan-Side: new", "X-Banyan-Client: x",
	"X-Banyan-Mark: shadow;1;k1;x", "X-Banyan-Hop: gw-1;1;x", "X-Banyan-Attempt: 9", "X-Request-Id: mine"}

// W-27, W-28: what only a proxy may say is dropped from anybody else. net/http's Rewrite strips four of these.
func TestSpoofedHeadersAreScrubbed(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	w := start(t, site(o, ""))
	w.ask(get("/", append(spoofs, "X-Banyan-Mark: test;1;k1;x", "Authorization: Basic eA==")...))
	heard := o.last(t, 1)
	if got, want := lines(heard, "X-Request-Id", "traceparent", "X-Banyan-Hop", "X-Banyan-Deadline"),
		"GET / HTTP/1.1\nHost: h\nX-Banyan-Mark: test;1;k1;x\nAuthorization: Basic eA==\nX-Forwarded-For: 127.0.0.1\nX-Forwarded-Proto: http"; got != want {
		t.Errorf("upstream\n%s\nwant\n%s", got, want)
	}
	if n := strings.Count(heard, "X-Request-Id:"); n != 1 || value(heard, "X-Request-Id") == "mine" {
		t.Errorf("W-81: a stranger's request id passed: %q", heard)
	}
	if got := w.metric("banyan_gateway_headers_dropped_total", "spoofable"); got < 25 {
		t.Errorf("%v lines were counted as dropped", got)
	}
}

// W-29: PHP cannot tell X_Forwarded_For from X-Forwarded-For. net/http passes it.
func TestUnderscoresAreDroppedTowardsPHP(t *testing.T) {
	t.Parallel()
	legacy, fresh := answering(t, ok), answering(t, ok)
	w := start(t, twoSidesOf(legacy, fresh, "    - {match: GET /new}\n    - {match: GET /some, allow_underscore: [Api_Key]}\n"))
	ask := func(target string) { w.ask(get(target, "X_Forwarded_For: 6.6.6.6", "API_KEY: 1", "X-Fine: 1")) }
	ask("/")
	if got, want := lines(legacy.last(t, 1), ours...), "GET / HTTP/1.1\nHost: h\nX-Fine: 1"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	ask("/some")
	if got, want := lines(legacy.last(t, 2), ours...), "GET /some HTTP/1.1\nHost: h\nAPI_KEY: 1\nX-Fine: 1"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	w.weigh(full())
	ask("/new")
	if got := fresh.last(t, 1); !strings.Contains(got, "API_KEY: 1") {
		t.Errorf("a service did not get %q", got)
	}
	if got := w.metric("banyan_gateway_headers_dropped_total", "underscore"); got != 3 {
		t.Errorf("%v lines were counted, want 3", got)
	}
}

// W-30, W-31: of a trusted peer's chain only what trusted peers have written counts.
func TestForwardedChain(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	w := start(t, site(o, "trusted: [127.0.0.0/8, 10.0.0.0/8]\n"))
	for i, c := range []struct{ chain, proto, want, wantProto string }{
		{"6.6.6.6, 192.0.2.7, 10.0.0.1", "https", "192.0.2.7, 10.0.0.1, 127.0.0.1", "https"},
		{"192.0.2.7", "http", "192.0.2.7, 127.0.0.1", "http"},
		{"10.0.0.2, 10.0.0.1", "gopher", "10.0.0.2, 10.0.0.1, 127.0.0.1", "http"},
		{"192.0.2.7, unknown", "", "127.0.0.1", "http"},
		{"192.0.2.8:4711, 10.0.0.1", "http", "192.0.2.8, 10.0.0.1, 127.0.0.1", "http"},
		{"2001:db8::7", "HTTPS", "2001:db8::7, 127.0.0.1", "https"},
	} {
		extra := []string{"X-Forwarded-For: " + c.chain, "X-Forwarded-Port: 443", "X-Request-Id: theirs"}
		if c.proto != "" {
			extra = append(extra, "X-Forwarded-Proto: "+c.proto)
		}
		w.ask(get("/", extra...))
		heard := o.last(t, i+1)
		if got := value(heard, "X-Forwarded-For"); got != c.want || strings.Count(heard, "X-Forwarded-For") != 1 {
			t.Errorf("%s became %q, want %q", c.chain, got, c.want)
		}
		if got := value(heard, "X-Forwarded-Proto"); got != c.wantProto || strings.Count(heard, "X-Forwarded-Proto") != 1 {
			t.Errorf("proto %s became %q, want %q", c.proto, got, c.wantProto)
		}
		if value(heard, "X-Request-Id") != "theirs" || value(heard, "X-Forwarded-Port") != "443" {
			t.Errorf("W-27, W-81: a trusted peer's lines did not pass: %q", heard)
		}
	}
	w.ask("GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 192.0.2.9\r\nConnection: close\r\n\r\n") // two lines are one chain
	if got := value(o.last(t, 7), "X-Forwarded-For"); got != "192.0.2.9, 127.0.0.1" {
		t.Errorf("two lines became %q", got)
	}
}

// W-32: no Via of ours by default, since nginx turns gzip off for it; a visitor's own passes.
func TestViaIsAnOption(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	start(t, site(o, "")).ask(get("/", "Via: 1.1 theirs"))
	if got := lines(o.last(t, 1), ours...); got != "GET / HTTP/1.1\nHost: h\nVia: 1.1 theirs" {
		t.Errorf("got %q", got)
	}
	start(t, site(o, "via: true\n")).ask(get("/", "Via: 1.1 theirs"))
	if got := lines(o.last(t, 2), ours...); got != "GET / HTTP/1.1\nHost: h\nVia: 1.1 theirs\nVia: 1.1 banyan" {
		t.Errorf("got %q", got)
	}
}

// W-33: a gateway that stands behind itself says so and does not go round.
func TestLoop(t *testing.T) {
	t.Parallel()
	behind := answering(t, ok)
	inner := start(t, site(behind, "gateway_id: same\n"))
	outer := start(t, site(&origin{addr: inner.addr}, "gateway_id: same\n"))
	if answer := outer.ask(get("/")); status(answer) != "508" {
		t.Errorf("got %q", answer)
	}
	behind.last(t, 0)
	other := start(t, site(&origin{addr: inner.addr}, "gateway_id: other\n"))
	if answer := other.ask(get("/")); status(answer) != "200" {
		t.Errorf("two gateways in a row: %q", answer)
	}
	if got := value(behind.last(t, 1), "X-Banyan-Hop"); !strings.HasPrefix(got, "same;2;") {
		t.Errorf("the hop went on as %q", got)
	}
	h := inner.g.hops
	for n, want := range map[string]string{"9;3": "200", "x;4": "508"} { // too many, whoever they were
		hop := "junk\r\nX-Banyan-Hop: " + n + ";" + h.mac(h.keys[0], n) // and behind whatever else
		if answer := inner.ask(get("/", "X-Banyan-Hop: "+hop)); status(answer) != want {
			t.Errorf("hop %s: %q, want %s", n, answer, want)
		}
	}
	if got := inner.metric("banyan_gateway_requests_total", "gateway_loop,5xx,,gateway"); got != 2 {
		t.Errorf("%v loops counted", got)
	}
}

// W-34: an answer passes as it is, less what the configuration strips.
func TestStrippedAnswerLines(t *testing.T) {
	t.Parallel()
	o := answering(t, "HTTP/1.1 200 OK\r\nX-Drupal-Cache: HIT\r\nx-drupal-cache-tags: node:1\r\nContent-Length: 0\r\n\r\n")
	w := start(t, site(o, "strip: [X-Drupal-Cache-Tags]\n"))
	if got, want := lines(w.ask(get("/")), "Connection"), "HTTP/1.1 200 OK\nX-Drupal-Cache: HIT\nContent-Length: 0"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Services believe only what the gateway has signed about a client.
func TestServicesAreToldTheClient(t *testing.T) {
	t.Parallel()
	legacy, fresh := answering(t, ok), answering(t, ok)
	w := start(t, twoSidesOf(legacy, fresh, "    - {match: GET /new}\n", "trusted: [127.0.0.1/32]\n"), full())
	w.ask(get("/new", "X-Forwarded-For: 192.0.2.7", "X-Banyan-Client: forged"))
	heard := fresh.last(t, 1)
	got, err := mark.Keys{"k1": "sixteen bytes and more"}.CheckClient(value(heard, mark.ClientHeader), time.Now())
	if err != nil || got.Address != "192.0.2.7" || got.Request != value(heard, "X-Request-Id") {
		t.Errorf("%+v, %v in %q", got, err, heard)
	}
	w.ask(get("/"))
	if got := value(legacy.last(t, 1), mark.ClientHeader); got != "" {
		t.Errorf("legacy was told %q", got)
	}
}

// L-13, W-8, W-22: for any head that is accepted, the bytes that go on are the bytes that came, but for the lines that are listed.
func TestRawBytesPass(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	w := start(t, site(o, ""))
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(set string, n int) string {
		b := make([]byte, 1+random.IntN(n))
		for i := range b {
			b[i] = set[random.IntN(len(set))]
		}
		return string(b)
	}
	const name = "abcXYZ019-!#$%&'*+.^`|~"
	const target = "abcXYZ019-._~!$&'()*+,;=:@/?\\|<>\"`{}^[]"
	const text = "abc XYZ\t019,;=\"<>@\xe9\xff%"
	c := w.dial()
	for range 300 {
		head := "GET /" + pick(target, 40) + " HTTP/1.1\r\nHost: h\r\n"
		for range random.IntN(12) {
			head += "q" + pick(name, 12) + ":" + pick(text, 30) + "\r\n"
		}
		if got := c.send(head + "\r\n").receive(); status(got) != "200" {
			t.Fatalf("%q: %q", head, got)
		}
		all := o.requests()
		heard := all[len(all)-1]
		if i := strings.Index(heard, "X-Forwarded-For:"); i < 0 || heard[:i] != head {
			t.Fatalf("came\n%q\nwent on\n%q", head, heard)
		}
	}
}
