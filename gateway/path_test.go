package gateway

import (
	"bufio"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/gateway/cutover"
)

// echoPath answers with the path that it was asked for.
func echoPath(o *origin, r *bufio.Reader, c net.Conn) {
	for o.hear(r) {
		all := o.requests()
		path := strings.Fields(all[len(all)-1])[1] + "path"
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: "+strconv.Itoa(len(path))+"\r\n\r\n"+path)
	}
}

// twoSides is a site whose group moves from legacy to new.
func twoSidesOf(legacy, fresh *origin, routes string, more ...string) string {
	return basics + strings.Join(more, "") + `
backends:
  drupal: {url: http://` + legacy.addr + `, kind: drupal7}
  services: {url: http://` + fresh.addr + `}
default: drupal
groups:
  g:
    from: drupal
    to: services
    key: address
    salt: s
    routes:
` + routes
}

func full() map[string]cutover.Group {
	return map[string]cutover.Group{"g": {Weight: 10000, Phase: cutover.Full}}
}

// W-8, W-9: path and query go upstream byte for byte. net/http Rewrite turns ?z=1;b=2&a=3 into ?a=3, and sorts.
func TestTargetsPassByteForByte(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	w := start(t, site(o, ""))
	for i, target := range []string{
		"//x//y", "/a/../b", "/a/./b", "/a/%2e%2e/b", "/a%2Fb%2f", "/caf%C3%A9", "/a%20b+c", "/x;jsessionid=1", "/a%5Cb", `/a\b`, "/a/", "/%7Euser", "/a%252541",
		"/?z=1;b=2&a=3", "/?q=100%&z=1&a=2", "/?", "/?a[]=1&a[]=2&a=1&a=0", "/?q=%00", "/?%zz", "/a?b?c", "/?\"<>{}`|^",
	} {
		if answer := w.ask(get(target)); status(answer) != "200" {
			t.Errorf("%s: %q", target, answer)
		}
		if got := strings.Fields(o.last(t, i+1))[1]; got != target {
			t.Errorf("%s went on as %s", target, got)
		}
	}
}

// W-10, W-11: matching sees a canonical copy; a path that two programs may read differently is legacy's and counted.
func TestAmbiguousPathsAreLegacys(t *testing.T) {
	t.Parallel()
	legacy, fresh := answering(t, ok), answering(t, ok)
	w := start(t, twoSidesOf(legacy, fresh, "    - {match: GET /donate/*}\n    - {match: GET /~x}\n"), full())
	moved := 0
	for target, toNew := range map[string]bool{
		"/donate/now": true, "/%64onate/now": true, "/%7ex": true, "/%7Ex": true,
		"/donate/a%2Fb": false, "/donate/a%5Cb": false, `/donate/a\b`: false, "/donate/../donate/a": false, "/donate/%2e/a": false, "/donate//a": false,
		"/donate/a;b": false, "/donate/%2541": false, "/donate/%ff": false, "/donate/\xc3\xa9": false, "/donate/a?\xc3\xa9": false, "/elsewhere": false,
	} {
		before := len(fresh.requests())
		if answer := w.ask(get(target)); status(answer) != "200" {
			t.Errorf("%s: %q", target, answer)
		}
		if got := len(fresh.requests()) > before; got != toNew {
			t.Errorf("%s went to the new side: %v, want %v (W-10, W-11, W-7)", target, got, toNew)
		} else if got {
			moved++
		}
	}
	if moved != 4 {
		t.Errorf("%d requests moved, want 4", moved)
	}
	if got := w.metric("banyan_gateway_path_noncanonical_total", "encoded_slash"); got != 1 {
		t.Errorf("W-11: encoded_slash was counted %v times, want 1", got)
	}
}

// W-11: a denied path is denied however it is written; W-12: %00 and bad escapes in a path are nobody's.
func TestDeniedAndImpossiblePaths(t *testing.T) {
	t.Parallel()
	o := answering(t, ok)
	w := start(t, site(o, "deny: [/update.php, /admin]\n"))
	for _, target := range []string{"/update.php", "/%75pdate.php", "/x/../update.php", "/x/%2e%2e/update.php", "//update.php", "/update.php/x", "/update.php;a",
		`/x\..\update.php`, "/%2575pdate.php", "/admin/people", "/?q=admin/people"} {
		if answer := w.ask(get(target)); status(answer) != "403" {
			t.Errorf("%s: %q, want 403", target, answer)
		}
	}
	refused(t, w, o, "400", get("/a%00b"), get("/a%"), get("/a%2"), get("/a%zz"))
	o.last(t, 0)
	if got := w.metric("banyan_gateway_requests_total", "gateway_refused,4xx,,gateway"); got != 11 {
		t.Errorf("%v refusals were counted as the gateway's own, want 11", got)
	}
}

// W-13: a query condition is PHP's reading, the last of repeated keys; what PHP may read otherwise is legacy's. W-14: file order
// means nothing.
func TestQueryConditionsReadAsPHPDoes(t *testing.T) {
	t.Parallel()
	legacy, fresh := answering(t, ok), answering(t, ok)
	for _, routes := range []string{"    - {match: 'GET /?q=about-us'}\n    - {match: GET /x}\n", "    - {match: GET /x}\n    - {match: 'GET /?q=about-us'}\n"} {
		w := start(t, twoSidesOf(legacy, fresh, routes), full())
		for target, toNew := range map[string]bool{
			"/?q=about-us": true, "/?q=x&q=about-us": true, "/?q=about-us&q=x": false, "/?q=x;q=about-us": false, "/?q[]=about-us": false, "/?%71=about%2Dus": true, "/": false, "/x": true,
		} {
			before := len(fresh.requests())
			w.ask(get(target))
			if got := len(fresh.requests()) > before; got != toNew {
				t.Errorf("%s went to the new side: %v, want %v", target, got, toNew)
			}
		}
	}
}
