package wire

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func parse(t testing.TB, head string) (*Request, *Error) {
	t.Helper()
	b := []byte(head)
	start, end, err := Find(b, 0, DefaultLimits)
	if err != nil {
		return nil, err
	}
	if end == 0 {
		t.Fatalf("%q is not a whole head", head)
	}
	r := new(Request)
	return r, r.Parse(b[start:end], DefaultLimits)
}

// get is a GET with these further lines, each ended here.
func get(lines ...string) string {
	return "GET / HTTP/1.1\r\nHost: h\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
}

func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 8200)
	for _, c := range []struct {
		rule   string
		status int
		head   string
	}{
		{"W-1", 400, "GET / HTTP/1.1\nHost: h\r\n\r\n"},
		{"W-1", 400, "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n"},
		{"W-1", 400, "GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n"},
		{"W-1", 400, "GET / HTTP/1.1\r\nHost: h\r\r\n\r\n"},
		{"W-2", 400, "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"W-2", 400, "GET  / HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"W-2", 400, "GET /  HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"W-2", 400, " GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"W-2", 400, "GET / HTTP/1.1 \r\nHost: h\r\n\r\n"},
		{"W-2", 400, "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"W-2", 400, "GET /\r\nHost: h\r\n\r\n"},
		{"W-2", 400, "GET / http/1.1\r\nHost: h\r\n\r\n"},
		{"W-2", 400, "GET / HTTP/1.10\r\nHost: h\r\n\r\n"},
		{"W-2", 400, "GET / HTTP/0.9\r\nHost: h\r\n\r\n"},
		{"W-2", 400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"},
		{"W-2", 505, "GET / HTTP/2.0\r\nHost: h\r\n\r\n"},
		{"W-2", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
		{"W-2", 400, strings.Repeat("A", 9000) + " / HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"W-3", 501, "get / HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"W-3", 501, "BREW / HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"W-3", 405, "TRACE / HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"W-3", 405, "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"W-4", 400, "GET * HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"W-5", 400, "GET http://evil.test/p HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"W-5", 400, "GET http:///p HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"W-6", 400, "GET ftp://h/p HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"W-6", 400, "GET h:80 HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"W-6", 400, "GET http://u@h/ HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"W-7", 400, "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"W-7", 400, "GET /a\x7f HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"W-7", 400, "GET /a\x01 HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"W-15", 400, "GET / HTTP/1.1\r\n\r\n"},
		{"W-15", 400, "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n"},
		{"W-15", 400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
		{"W-15", 400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
		{"W-15", 400, "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n"},
		{"W-15", 400, "GET / HTTP/1.1\r\nHost: h:x\r\n\r\n"},
		{"W-15", 400, "GET / HTTP/1.1\r\nHost: h:70000\r\n\r\n"},
		{"W-15", 400, "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"},
		{"W-15", 400, "GET / HTTP/1.1\r\nHost: h,evil.test\r\n\r\n"},
		{"W-15", 400, "GET / HTTP/1.1\r\nHost: h;x\r\n\r\n"},
		{"W-15", 400, "GET / HTTP/1.1\r\nHost: *\r\n\r\n"},
		{"W-20", 400, get("TE : x")},
		{"W-20", 400, get(": x")},
		{"W-20", 400, get("no colon")},
		{"W-20", 400, get("X: a\x00b")},
		{"W-20", 400, get("X\x80: a")},
		{"W-21", 400, get("X: a", " folded")},
		{"W-21", 400, "GET / HTTP/1.1\r\n Host: h\r\n\r\n"},
		{"W-26", 400, get("Connection: X-Forwarded-For, Cookie")},
		{"W-26", 400, get("Connection: close, host")},
		{"W-26", 400, get("Connection: Content-Length")},
		{"W-26", 400, get("Connection: x-banyan-side")},
		{"W-35", 400, get("Content-Length: 1", "Transfer-Encoding: chunked")},
		{"W-36", 400, get("Content-Length: 1", "Content-Length: 1")},
		{"W-37", 400, get("Content-Length: 5, 5")},
		{"W-37", 400, get("Content-Length: +5")},
		{"W-37", 400, get("Content-Length: -5")},
		{"W-37", 400, get("Content-Length: 0x5")},
		{"W-37", 400, get("Content-Length: 5 5")},
		{"W-37", 400, get("Content-Length:")},
		{"W-37", 400, get("Content-Length: 1000000000000000000")},
		{"W-38", 501, get("Transfer-Encoding: gzip, chunked")},
		{"W-38", 400, get("Transfer-Encoding: chunked, gzip")},
		{"W-38", 400, get("Transfer-Encoding: chunked, chunked")},
		{"W-38", 400, get("Transfer-Encoding: chunked", "Transfer-Encoding: chunked")},
		{"W-38", 400, get("Transfer-Encoding: xchunked")},
		{"W-38", 400, get("Transfer-Encoding: identity")},
		{"W-38", 400, get("Transfer-Encoding: ,chunked")},
		{"W-38", 400, get("Transfer-Encoding: chunked;q=1")},
		{"W-38", 400, get("Transfer-Encoding:")},
		{"W-38", 400, get("Transfer_Encoding: chunked")},
		{"W-38", 400, get("transfer---encodinG: chunked")},
		{"W-38", 400, get("Content_Length: 11", "Content-Length: 11")},
		{"W-38", 400, get("-Content-Length: 11")},
		{"W-39", 400, "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"},
		{"W-52", 417, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: tea\r\n\r\n"},
		{"W-66", 414, "GET /" + long + " HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"W-67", 431, get("X: " + long)},
		{"W-67", 431, get(slices.Repeat([]string{"X: y"}, 100)...)},
		{"W-67", 431, get(slices.Repeat([]string{"X: " + long[:8000]}, 5)...)},
	} {
		_, err := parse(t, c.head)
		if err == nil || err.Rule != c.rule || err.Status != c.status {
			t.Errorf("%.120q\n got %v, want %s with %d", c.head, err, c.rule, c.status)
		}
	}
}

func TestAcceptedRequests(t *testing.T) {
	t.Parallel()
	for head, want := range map[string]string{
		"\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n":                            `/ "" false 1 h 0 false`, // W-1: one empty line before
		"GET //x//y?a=1;b=2&c=100%&[] HTTP/1.9\r\nHost: H:80\r\n\r\n":      `//x//y "a=1;b=2&c=100%&[]" true 1 H:80 0 false`,
		"GET /? HTTP/1.1\r\nHost: h\r\n\r\n":                               `/ "" true 1 h 0 false`,
		"GET http://H:80?x HTTP/1.1\r\nHost: h\r\n\r\n":                    `/ "x" true 1 h 0 false`, // W-5
		"GET HTTPS://h/a HTTP/1.1\r\nHost: h:443\r\n\r\n":                  `/a "" false 1 h:443 0 false`,
		"GET / HTTP/1.0\r\n\r\n":                                           `/ "" false 0  0 false`,
		"OPTIONS http://h HTTP/1.1\r\nHost: h\r\n\r\n":                     `* "" false 1 h 0 false`,
		"OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n":                     `* "" false 1 [::1]:80 0 false`,
		"POST /a|b HTTP/1.1\r\nHost: h\r\nContent-Length: 007\r\n\r\n":     `/a|b "" false 1 h 7 false`,
		"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: CHUNKED\r\n\r\n": `/ "" false 1 h -1 true`,
		"POST / HTTP/1.0\r\nHost: h\r\nExpect: tea\r\n\r\n":                `/ "" false 0 h 0 false`, // W-52
	} {
		r, err := parse(t, head)
		if err != nil {
			t.Errorf("%q: %v", head, err)
			continue
		}
		got := fmt.Sprintf("%s %q %v %d %s %d %v", r.Path, r.Query, r.HasQuery, r.Minor, r.Host, r.Length, r.Chunked)
		if got != want {
			t.Errorf("%q:\n got %s\nwant %s", head, got, want)
		}
	}
}

// W-24, D-5, L-13: joining the lines and taking out our own cookie changes no byte of the others.
func TestCookiesOfOthersKeepTheirBytes(t *testing.T) {
	t.Parallel()
	for lines, want := range map[string]string{
		"Cookie: a=\"x;y\"|Cookie: b=2":               "a=\"x;y\"; b=2",
		"Cookie: a=1;b=2|Cookie: c=3":                 "a=1;b=2; c=3",
		"Cookie: a=\"p;q\";  c; __banyan=1;d=e":       "a=\"p;q\";  c; d=e",
		"Cookie: __banyan=1; a ;; b|cookie:__banyan":  "a ;; b; __banyan",
		"Cookie: ===;;; a ;b=\"c d\";  e=\x80":        "===;;; a ;b=\"c d\";  e=\x80",
		"Cookie: a=1; __banyan=2;__banyan=3 |Cookie:": "a=1",
	} {
		r, err := parse(t, get(strings.Split(lines, "|")...))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(r.Append(nil, "__banyan")); got != "GET / HTTP/1.1\r\nHost: h\r\nCookie: "+want+"\r\n" {
			t.Errorf("%q: got %q, want %q", lines, got, want)
		}
	}
}

// What can never become a head is refused before its end (W-1, W-2, W-66, W-67): nobody waits for the rest.
func TestHopelessHeads(t *testing.T) {
	t.Parallel()
	for head, status := range map[string]int{
		"GET / HTTP/1.1\nHost: h\n\n":       400,
		"GET /\r\n":                         400,
		"GET / HTTP/2.0\r\n":                505,
		"\n":                                400,
		"\x16\x03":                          400,
		"GET /" + strings.Repeat("a", 9000): 414,
		strings.Repeat("A", 9000):           400,
		"GET / HTTP/1.1\r\nX: " + strings.Repeat("a", 40_000): 431,
		"\r\nGET / HTTP/1.1\r\nHost: h\rX":                    400,
	} {
		if _, _, err := Find([]byte(head), 0, DefaultLimits); err == nil || err.Status != status {
			t.Errorf("%.40q: %v, want %d", head, err, status)
		}
	}
	for _, head := range []string{"", "\r", "\r\n", "G", "GET / HTTP/1.1\r", "GET / HTTP/1.1\r\nHost: h\r\n"} {
		if _, end, err := Find([]byte(head), 0, DefaultLimits); end != 0 || err != nil {
			t.Errorf("%q: end %d, %v, want neither", head, end, err)
		}
	}
}

func TestWhatGoesOn(t *testing.T) {
	t.Parallel()
	r, err := parse(t, "POST http://h/x?y HTTP/1.1\r\nhost: h\r\nB: 2\r\nCookie: a=1; __banyan=zz\r\nETag:x\r\nConnection: close, x-hop\r\nX-Hop: 1\r\n"+
		"cookie:b=2;__banyan=y;c=__banyan\r\nTransfer-Encoding: chunked\r\nKeep-Alive: 5\r\nA:   1  \r\nUpgrade: h2c\r\nExpect: 100-continue\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	want := "POST /x?y HTTP/1.1\r\nhost: h\r\nB: 2\r\nCookie: a=1; b=2; c=__banyan\r\nETag:x\r\nTransfer-Encoding: chunked\r\nA:   1  \r\n"
	if got := string(r.Append(nil, "__banyan")); got != want {
		t.Errorf("W-22, W-24, W-25, W-53: got\n%s\nwant\n%s", got, want)
	}
	if got := string(r.Cookie("b")); got != "2" {
		t.Errorf("cookie b is %q", got)
	}
	r.Chunked, r.Length = false, 12
	if got := string(r.Append(nil, "__banyan")); !strings.Contains(got, "Content-Length: 12\r\nA:") {
		t.Errorf("W-44: a spooled body's length does not stand where the coding stood:\n%s", got)
	}
	alone, _ := parse(t, get("Cookie: __banyan=1"))
	if got := string(alone.Append(nil, "__banyan")); got != "GET / HTTP/1.1\r\nHost: h\r\n" {
		t.Errorf("D-5: %q", got)
	}
}

func TestResponses(t *testing.T) {
	t.Parallel()
	for head, want := range map[string]string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n":                           "200 5 false false HTTP/1.1 200 OK|Content-Length: 5|",
		"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n":                     "200 -1 true true HTTP/1.1 200|",
		"HTTP/1.0 302 Found\r\nEtag: x\r\nVary: a\r\nVary: b\r\nConnection: X, close\r\nX: 1\r\n\r\n": "302 -1 false false HTTP/1.1 302 Found|Etag: x|Vary: a|Vary: b|",
		"HTTP/1.1 200 OK\r\nA: b\r\n \tc\r\nD: e\r\n\r\n":                                             "200 -1 false false HTTP/1.1 200 OK|A: b c|D: e|", // W-21
	} {
		b := []byte(head)
		end, err := FindResponse(b, 0, ResponseLimits)
		if err != nil || end != len(b) {
			t.Fatalf("%q: %d, %v", head, end, err)
		}
		var r Response
		if err := r.Parse(b, ResponseLimits); err != nil {
			t.Errorf("%q: %v", head, err)
			continue
		}
		got := fmt.Sprintf("%d %d %v %v %s", r.Status, r.Length, r.Chunked, r.Suspect, strings.ReplaceAll(string(r.Append(nil, false)), "\r\n", "|"))
		if got != want {
			t.Errorf("%q:\n got %s\nwant %s", head, got, want)
		}
	}
}

func TestRefusedResponses(t *testing.T) {
	t.Parallel()
	for _, head := range []string{
		"HTTP/1.1 200 OK\nA: b\n\n",
		"HTTP/2.0 200 OK\r\n\r\n",
		"HTTP/1.1 20 OK\r\n\r\n",
		"HTTP/1.1 2000 OK\r\n\r\n",
		"HTTP/1.1 099 OK\r\n\r\n",
		"ICY 200 OK\r\n\r\n",
		"\r\nHTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA: b\x00\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
		"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", 70_000) + "\r\n\r\n",
	} {
		b := []byte(head)
		end, err := FindResponse(b, 0, ResponseLimits)
		if err == nil && end > 0 {
			err = new(Response).Parse(b[:end], ResponseLimits)
		}
		if err == nil || err.Status != 502 {
			t.Errorf("%.60q: %v, want 502 (W-45, W-68)", head, err)
		}
	}
	long := []byte("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", 40_000) + "\r\n\r\n")
	if end, err := FindResponse(long, 0, ResponseLimits); err != nil || new(Response).Parse(long[:end], ResponseLimits) != nil {
		t.Errorf("W-68: a head of 40 KB was refused: %v", err)
	}
}

// dechunk reads a whole chunked body in pieces of n bytes, as a connection would bring it.
func dechunk(body string, n int) (data string, left int, err *Error) {
	var c Chunks
	var out, have []byte
	for rest := []byte(body); ; {
		for !c.Done() {
			skip, size, err := c.Next(have, DefaultLimits)
			if err != nil {
				return string(out), 0, err
			}
			out = append(out, have[skip:skip+size]...)
			if have = have[skip+size:]; skip+size == 0 {
				break
			}
		}
		if c.Done() || len(rest) == 0 {
			return string(out), len(have) + len(rest), nil
		}
		m := min(n, len(rest))
		have, rest = append(slices.Clone(have), rest[:m]...), rest[m:]
	}
}

func TestChunks(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 3, 7, 1000} {
		for body, want := range map[string]string{
			"0\r\n\r\n":                  "",
			"5\r\nhello\r\n0\r\n\r\nGET": "hello",
			"00A\r\n0123456789\r\n1;a=b;c=\"d;\"\r\nx\r\n0\r\nX-T: 1\r\n\r\nGET": "0123456789x",
		} {
			got, left, err := dechunk(body, n)
			if err != nil || got != want || left != len(body)-len(strings.TrimSuffix(body, "GET")) {
				t.Errorf("%q by %d: %q, %d left, %v", body, n, got, left, err)
			}
		}
		for _, body := range []string{
			"5\nhello\r\n0\r\n\r\n", "+5\r\nhello", "-5\r\nhello", "0x5\r\nhello", "5 \r\nhello", " 5\r\nhello", "\r\nhello", "g\r\n",
			"5\r\nhelloX\r\n", "5\r\nhello\n0", "5\r\nhello\rX", "1234567890123456\r\n", "5;\r\nhello", "5;a=\r\nhello", "5;\"\r\nhello", "5;a\rb\r\nhello",
			"5;a\x00\r\nhello", "5;" + strings.Repeat("a", 300) + "\r\nhello", strings.Repeat("1;"+strings.Repeat("a", 250)+"\r\nx\r\n", 17),
			"0\r\nX : y\r\n\r\n", "0\r\nX: y\n\r\n\r\n", "0\r\n X: y\r\n\r\n", "5\r\nhello\r\n0\n\n", ",\r\n",
		} {
			if _, _, err := dechunk(body, n); err == nil {
				t.Errorf("W-40, W-41: %.40q by %d was accepted", body, n)
			}
		}
	}
}

func TestNothingIsAllocated(t *testing.T) {
	head := []byte("GET /donate?utm_source=bbc HTTP/1.1\r\nHost: h\r\nCookie: a=b; __banyan=x\r\nConnection: keep-alive, te\r\nAccept: */*\r\n\r\n")
	answer := []byte("HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 5\r\nConnection: keep-alive\r\nVary: Cookie\r\n\r\n")
	var r Request
	var a Response
	out := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() {
		if _, _, err := Find(head, 0, DefaultLimits); err != nil {
			t.Fatal(err)
		}
		if err := r.Parse(head, DefaultLimits); err != nil {
			t.Fatal(err)
		}
		out = r.Append(out[:0], "__banyan")
		if err := a.Parse(answer, ResponseLimits); err != nil {
			t.Fatal(err)
		}
		out = a.Append(out[:0], false)
	}); n != 0 {
		t.Errorf("%v allocations a request", n)
	}
}

// FuzzHead proves L-13 and L-14: what goes on parses to the same request, keeps every line that passes byte for byte, and is one
// request and not two to a second reader.
func FuzzHead(f *testing.F) {
	f.Add([]byte("GET /a?b HTTP/1.1\r\nHost: h\r\nCookie: a=b\r\nCookie: c=d\r\n\r\n"))
	f.Add([]byte("\r\nPOST http://h:80/ HTTP/1.1\r\nhost:h\r\nTransfer-Encoding: chunked\r\nConnection: x, close\r\nX: 1\r\n\r\n"))
	f.Add([]byte("OPTIONS * HTTP/1.0\r\nHost: [::1]:8\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc"))
	f.Fuzz(func(t *testing.T, b []byte) {
		start, end, err := Find(b, 0, DefaultLimits)
		if err != nil || end == 0 {
			return
		}
		var r, again Request
		if r.Parse(b[start:end], DefaultLimits) != nil {
			return
		}
		out := r.Append(nil, "__banyan")
		if r.Host == nil {
			out = append(out, "Host: h\r\n"...) // as the gateway does by its configuration (W-18)
			r.Host = []byte("h")
		}
		out = append(out, "\r\n"...)
		if s, e, err := Find(out, 0, DefaultLimits); s != 0 || e != len(out) || err != nil {
			t.Fatalf("a second reader finds another end: %d to %d of %d, %v\n%q", s, e, len(out), err, out)
		}
		if err := again.Parse(out, DefaultLimits); err != nil {
			t.Fatalf("what goes on is refused: %v\n%q", err, out)
		}
		if r.Length != again.Length || r.Chunked != again.Chunked || !bytes.Equal(r.Path, again.Path) || !bytes.Equal(r.Query, again.Query) ||
			!bytes.Equal(r.Host, again.Host) || r.Method != again.Method {
			t.Fatalf("%q\nreads differently as\n%q", b[start:end], out)
		}
		if twice := append(again.Append(nil, "__banyan"), "\r\n"...); !bytes.Equal(out, twice) {
			t.Fatalf("%q\nbecomes\n%q", out, twice)
		}
		rest := out
		for _, f := range r.Fields {
			if f.Drop || f.Name == Cookie || f.Name == ContentLength { // the length is told in the engine's own line (W-25)
				continue
			}
			i := bytes.Index(rest, f.Line)
			if i < 0 {
				t.Fatalf("line %q is lost or out of order in\n%q", f.Line, out)
			}
			rest = rest[i+len(f.Line)-2:]
		}
	})
}

// FuzzChunks: however the bytes arrive, the body and its end are the same.
func FuzzChunks(f *testing.F) {
	f.Add("5\r\nhello\r\n0\r\n\r\nGET", 1)
	f.Add("1;a=\"b\"\r\nx\r\n0\r\nT: v\r\n\r\n", 4)
	f.Fuzz(func(t *testing.T, body string, n int) {
		data, left, err := dechunk(body, len(body)+1)
		data2, left2, err2 := dechunk(body, 1+max(0, n%50))
		if (err == nil) != (err2 == nil) || (err == nil && (data != data2 || left != left2)) {
			t.Fatalf("%q at once: %q %d %v; in pieces: %q %d %v", body, data, left, err, data2, left2, err2)
		}
	})
}

// FuzzResponse: an accepted head goes on as one head that says the same.
func FuzzResponse(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\r\n c\r\n\r\n"))
	f.Add([]byte("HTTP/1.0 304\r\nConnection: close, x\r\nTransfer-Encoding: chunked\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		end, err := FindResponse(b, 0, ResponseLimits)
		if err != nil || end == 0 {
			return
		}
		var r, again Response
		if r.Parse(b[:end], ResponseLimits) != nil {
			return
		}
		out := append(r.Append(nil, r.Chunked), "\r\n"...)
		if e, err := FindResponse(out, 0, ResponseLimits); e != len(out) || err != nil {
			t.Fatalf("another end: %d of %d, %v\n%q", e, len(out), err, out)
		}
		if err := again.Parse(out, ResponseLimits); err != nil || r.Status != again.Status || r.Length != again.Length || r.Chunked != again.Chunked {
			t.Fatalf("%q\nreads differently as\n%q: %v", b[:end], out, err)
		}
	})
}

// Every byte in every place of a value is judged by the table, whatever is done eight at a time (W-20).
func TestValueBytes(t *testing.T) {
	t.Parallel()
	for c := range 256 {
		for at := range 20 {
			v := []byte("aaaaaaaaaaaaaaaaaaaa")
			v[at] = byte(c)
			want := c == '\t' || c >= 0x20 && c != 0x7F
			if got := text(v); got != want {
				t.Fatalf("byte %#x at %d: %v, want %v", c, at, got, want)
			}
		}
	}
}
