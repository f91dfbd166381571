package interchange_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/interchange"
)

// yard is an nginx with two sides behind it that say who they are and what they got.
type yard struct {
	t                *testing.T
	program          string
	drupal, services string
}

func newYard(t *testing.T) *yard {
	t.Helper()
	program := os.Getenv("BANYAN_NGINX")
	if program == "" {
		t.Skip("BANYAN_NGINX names no nginx to try the export with")
	}
	side := func(name string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s %s %s [%s] [%s]", name, r.Host, r.RequestURI, r.Header.Get("X-Forwarded-Port"), r.Header.Get("X-Forwarded-For"))
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	return &yard{t, program, side("drupal"), side("services")}
}

// serve runs nginx with an export and returns once it accepts.
func (y *yard) serve(groups string, weights map[string]int) (address string) {
	t := y.t
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // its port is free, and unlikely to be taken meanwhile
	s := parse(t, fmt.Sprintf("listen: %s\nhosts: [www.rednosefund.example, shop.rednosefund.example]\ndeny: [/update.php]\nbackends:\n  drupal: {url: %s}\n  services: {url: %s}\ndefault: drupal\ngroups:\n%s",
		l.Addr(), y.drupal, y.services, groups))
	for g, w := range weights {
		s.Weights[g] = w
	}
	dir := t.TempDir()
	out, err := interchange.Export("nginx", s)
	if err != nil {
		t.Fatal(err)
	}
	conf := fmt.Sprintf("daemon off; master_process off; pid %[1]s/pid; error_log stderr; events {}\nhttp {\naccess_log off; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; "+
		"fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;\n%[2]s}\n", dir, out.Text)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.Command(y.program, "-t", "-e", "stderr", "-p", dir, "-c", file).CombinedOutput(); err != nil {
		t.Fatalf("nginx -t: %s\n%s", said, conf)
	}
	run := exec.Command(y.program, "-e", "stderr", "-p", dir, "-c", file)
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = run.Process.Kill(); _ = run.Wait() })
	for deadline := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		c, err := net.Dial("tcp", l.Addr().String())
		if err == nil {
			c.Close()
			return l.Addr().String()
		}
		if time.Now().After(deadline) {
			t.Fatalf("nginx does not listen: %v", err)
		}
	}
}

// ask sends one request's bytes and gives the answer's status, cookies and body.
func (y *yard) ask(address, method, host, target, header string) (status int, cookie, body string) {
	y.t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		y.t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		y.t.Fatal(err)
	}
	fmt.Fprintf(c, "%s %s HTTP/1.0\r\nHost: %s\r\n%s\r\n", method, target, host, header)
	raw, err := io.ReadAll(c)
	if err != nil {
		y.t.Fatal(err)
	}
	top, body, _ := strings.Cut(string(raw), "\r\n\r\n")
	if _, err := fmt.Sscanf(top, "HTTP/1.1 %d", &status); err != nil {
		y.t.Fatalf("%s %s: %q", method, target, raw)
	}
	for line := range strings.Lines(top) {
		if value, ok := strings.CutPrefix(line, "Set-Cookie: "); ok {
			cookie = strings.TrimSpace(value)
		}
	}
	return status, cookie, body
}

// L-11 over the export: a real nginx sends every request to the side to which the table sends it, as it came.
func TestNginxSendsWhatWeSend(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	r := rand.New(rand.NewPCG(7, 7))
	groups := "" +
		"  new:\n    from: drupal\n    to: services\n    routes:\n      - {match: GET /a}\n      - {match: \"/a/{id}\"}\n      - {match: POST /a/b/*}\n      - {match: GET shop.rednosefund.example/*}\n" +
		"  old:\n    from: drupal\n    to: services\n    routes:\n      - {match: GET /a/b}\n      - {match: GET /a.b/*}\n      - {match: \"GET /x-1?lang=cy\"}\n"
	weights := map[string]int{"new": 10000, "old": 0}
	address := y.serve(groups, weights)
	s := parse(t, "hosts: [www.rednosefund.example, shop.rednosefund.example]\nbackends:\n  drupal: {url: http://a.example}\n  services: {url: http://b.example}\ndefault: drupal\ngroups:\n"+groups)
	s.Weights = weights
	for range 400 {
		method, host, path := pick(r, "GET", "POST", "PUT"), pick(r, s.Config.Hosts...), randomPath(r)
		query := pick(r, "", "?", "?b=2;a=1&q=100%", "?x=a|b")
		status, _, body := y.ask(address, method, host, path+query, "X-Forwarded-Port: 8080\r\nX-Forwarded-For: 6.6.6.6\r\n")
		for side := range ours(s, method, host, path) {
			if want := fmt.Sprintf("%s %s %s%s [] [127.0.0.1]", side, host, path, query); status != 200 || body != want {
				t.Fatalf("%s %s%s%s: %d %q, want %q", method, host, path, query, status, body, want)
			}
		}
	}
	for target, want := range map[string]string{ // what only legacy may judge goes there as it came (W-8, W-11)
		"/a//b": "drupal", "/a/./b": "drupal", "/a%2Fb": "drupal", "/a/x%2e%2e": "services", "/a/;x": "drupal", `/a/x\y`: "drupal", "/a/x%5Cy": "drupal", "/a/x|y": "services", "/a/%2e%2e/b": "drupal",
	} {
		if _, _, body := y.ask(address, "GET", "www.rednosefund.example", target, ""); !strings.HasPrefix(body, want+" www.rednosefund.example "+target+" ") {
			t.Errorf("%s: %q, want %s", target, body, want)
		}
	}
	for target, want := range map[string]int{"/update.php": 403, "/update.php/x": 403, "/.banyan/health": 200} {
		if status, _, _ := y.ask(address, "GET", "www.rednosefund.example", target, ""); status != want {
			t.Errorf("%s: %d, want %d", target, status, want)
		}
	}
	if status, _, _ := y.ask(address, "GET", "evil.example", "/a", ""); status != 421 {
		t.Errorf("an unknown Host: %d", status)
	}
}

// A visitor keeps the side, a higher weight moves nobody back (L-2), and the share is the weight.
func TestNginxSplitsAsWeDo(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	groups := "  g:\n    from: drupal\n    to: services\n    key: visitor\n    salt: g-1\n    routes:\n      - {match: GET /a}\n  off:\n    from: drupal\n    to: services\n    routes:\n      - {match: GET /off}\n"
	const visitors = 1500
	side := func(address, id string) bool {
		_, _, body := y.ask(address, "GET", "www.rednosefund.example", "/a", "Cookie: banyan_visitor="+id+"\r\n")
		return strings.HasPrefix(body, "services ")
	}
	before := map[string]bool{}
	for _, weight := range []int{1000, 5000} {
		address := y.serve(groups, map[string]int{"g": weight})
		moved := 0
		for i := range visitors {
			id := fmt.Sprintf("%032x", i)
			now := side(address, id)
			if before[id] && !now {
				t.Fatalf("visitor %s went back when the weight rose to %d", id, weight)
			}
			if before[id] = now; now {
				moved++
			}
		}
		if want := visitors * weight / 10000; moved < want-visitors/20 || moved > want+visitors/20 {
			t.Errorf("at %d basis points %d of %d are on the new side", weight, moved, visitors)
		}
		_, cookie, body := y.ask(address, "GET", "www.rednosefund.example", "/a", "")
		id, rest, _ := strings.Cut(strings.TrimPrefix(cookie, "banyan_visitor="), ";")
		if len(id) != 32 || !strings.Contains(rest, "HttpOnly") || side(address, id) != strings.HasPrefix(body, "services ") {
			t.Errorf("the first answer, %q with %q, is not the side of its own cookie", body, cookie)
		}
		if _, cookie, _ := y.ask(address, "GET", "www.rednosefund.example", "/off", ""); cookie != "" {
			t.Errorf("a cookie where nothing is split: %s", cookie)
		}
	}
}
