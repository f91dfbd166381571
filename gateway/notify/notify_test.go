package notify_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-migration/banyan/gateway/analysis"
	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/notify"
)

var alarm = analysis.Alarm{At: time.Date(2026, 3, 13, 20, 5, 0, 0, time.UTC), Group: "donate", What: "rollback", Why: "18 of 400 visitors failed, Siân’s among them", ID: "donate-rollback-17"}

// run sends until the test ends.
func run(t *testing.T, p *notify.Post) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { p.Run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })
}

// hook is somebody's webhook: it keeps what it is told.
type hook struct {
	mu     sync.Mutex
	bodies []string
	heads  []http.Header
	refuse int // so many first
	got    chan struct{}
}

func newHook(refuse int) *hook { return &hook{refuse: refuse, got: make(chan struct{}, 1000)} }

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refuse > 0 {
		h.refuse--
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	h.bodies, h.heads = append(h.bodies, string(body)), append(h.heads, r.Header)
	h.got <- struct{}{}
}

func (h *hook) said() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.bodies
}

// An alarm reaches a webhook once, however often it is given, with a link and a signature.
func TestWebhookOnce(t *testing.T) {
	t.Parallel()
	h := newHook(0)
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	key := []byte("a key of some length")
	p := notify.New(notify.Options{To: config.Notify{Webhooks: []string{server.URL + "/secret-path"}, Link: "https://gw.rednosefund.example"}, Key: key, Gateway: "gw-1"})
	run(t, p)
	other := alarm
	other.ID, other.What = "donate-freeze-18", "freeze"
	for range 3 {
		p.Alarm(alarm)
	}
	p.Alarm(other) // the last: whatever came before it has been sent
	<-h.got
	<-h.got
	said := h.said()
	if len(said) != 2 {
		t.Fatalf("%d messages for two alarms: %s", len(said), said)
	}
	var m struct{ Group, What, Why, ID, Gateway, Link, Text string }
	if err := json.Unmarshal([]byte(said[0]), &m); err != nil || m.Group != "donate" || m.What != "rollback" || m.ID != alarm.ID || m.Gateway != "gw-1" || m.Link != "https://gw.rednosefund.example/groups/donate" || !strings.HasPrefix(m.Text, "donate: rollback. 18 of 400") {
		t.Errorf("%s %v", said[0], err)
	}
	mac := hmac.New(sha256.New, []byte(notify.ReceiverKey(key)))
	mac.Write([]byte(said[0]))
	if got := h.heads[0].Get(notify.SignatureHeader); got != hex.EncodeToString(mac.Sum(nil)) {
		t.Errorf("signature %q", got)
	}
}

// carry is a network without wires, for a bubble of testing/synctest.
type carry func(*http.Request) (*http.Response, error)

func (c carry) RoundTrip(r *http.Request) (*http.Response, error) { return c(r) }

// A target that does not answer is tried five times with growing gaps, never makes the giver wait, and is never named by its secret.
func TestADeadTargetHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		var tries []time.Duration
		began := time.Now()
		dead := carry(func(*http.Request) (*http.Response, error) {
			tries = append(tries, time.Since(began))
			return nil, fmt.Errorf("no route")
		})
		p := notify.New(notify.Options{To: config.Notify{Webhooks: []string{"https://chat.example/secret-path"}}, Client: &http.Client{Transport: dead}, Log: slog.New(slog.NewTextHandler(&log, nil))})
		run(t, p)
		for i := range 1000 {
			a := alarm
			a.ID = fmt.Sprint(i)
			p.Alarm(a)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("alarms were given for %s", took)
		}
		if p.Dropped() < 1000-2*256-2 {
			t.Errorf("%d of 1000 were dropped, and the queues hold 256 each", p.Dropped())
		}
		time.Sleep(31 * time.Second)
		synctest.Wait()
		want := []time.Duration{0, 2 * time.Second, 6 * time.Second, 14 * time.Second, 30 * time.Second}
		for i, at := range want {
			if tries[i] != at {
				t.Errorf("try %d after %s, want %s", i+1, tries[i], at)
			}
		}
		if strings.Contains(log.String(), "secret") || !strings.Contains(log.String(), "chat.example") {
			t.Errorf("the log says %s", log.String())
		}
	})
}

// A target that fails for a while gets the alarm when it is back.
func TestARefusedAlarmIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHook(2)
		there := carry(func(r *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w.Result(), nil
		})
		p := notify.New(notify.Options{To: config.Notify{Webhooks: []string{"https://chat.example/x"}}, Client: &http.Client{Transport: there}})
		run(t, p)
		p.Alarm(alarm)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(h.said()); n != 1 || p.Dropped() != 0 {
			t.Errorf("%d messages, %d dropped", n, p.Dropped())
		}
	})
}

// postOffice is an SMTP server that keeps letters.
type postOffice struct {
	net.Listener
	letters chan letter
}

type letter struct {
	from string
	to   []string
	text string
}

func newPostOffice(t *testing.T) *postOffice {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &postOffice{l, make(chan letter, 10)}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go o.serve(conn)
		}
	}()
	return o
}

func (o *postOffice) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	say := func(s string) { fmt.Fprintf(conn, "%s\r\n", s) }
	say("220 post.example")
	var now letter
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch word := strings.ToUpper(strings.Fields(line + " -")[0]); word {
		case "EHLO":
			say("250 post.example")
		case "MAIL":
			now = letter{from: strings.TrimSpace(line)}
			say("250 ok")
		case "RCPT":
			now.to = append(now.to, strings.TrimSpace(line))
			say("250 ok")
		case "DATA":
			say("354 go on")
			var b strings.Builder
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				b.WriteString(line)
			}
			now.text = b.String()
			o.letters <- now
			say("250 kept")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("502 no")
		}
	}
}

func TestMail(t *testing.T) {
	t.Parallel()
	o := newPostOffice(t)
	p := notify.New(notify.Options{To: config.Notify{Mail: config.Mail{Server: o.Addr().String(), From: "Gateway <gateway@rednosefund.example>", To: []string{"night@rednosefund.example", "Ada <ada@rednosefund.example>"}}}, Link: "http://127.0.0.1:8081", Gateway: "gw-1"})
	run(t, p)
	p.Alarm(alarm)
	l := <-o.letters
	if l.from != "MAIL FROM:<gateway@rednosefund.example>" || len(l.to) != 2 || l.to[1] != "RCPT TO:<ada@rednosefund.example>" {
		t.Errorf("envelope: %+v", l)
	}
	m, err := mail.ReadMessage(strings.NewReader(l.text))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	subject, wrong := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || wrong != nil || subject != "[banyan] donate: rollback" || !strings.Contains(string(body), "Siân’s") || !strings.Contains(string(body), "http://127.0.0.1:8081/groups/donate") {
		t.Errorf("%s\n%s %v %v", subject, body, err, wrong)
	}
}

// A name from outside begins no line of a head of its own.
func TestNoHeadIsSmuggledIn(t *testing.T) {
	t.Parallel()
	o := newPostOffice(t)
	p := notify.New(notify.Options{To: config.Notify{Mail: config.Mail{Server: o.Addr().String(), From: "gateway@rednosefund.example", To: []string{"night@rednosefund.example"}}}})
	run(t, p)
	bad := alarm
	bad.Group = "donate\r\nBcc: everybody@rednosefund.example"
	p.Alarm(bad)
	m, err := mail.ReadMessage(strings.NewReader((<-o.letters).text))
	if err != nil || m.Header.Get("Bcc") != "" {
		t.Errorf("%v %v", m.Header, err)
	}
}

// A password is not sent to a server that offers neither TLS nor a login.
func TestAPasswordStaysHere(t *testing.T) {
	t.Parallel()
	o := newPostOffice(t)
	var log strings.Builder
	logged := make(chan struct{}, 10)
	p := notify.New(notify.Options{To: config.Notify{Mail: config.Mail{Server: o.Addr().String(), From: "g@rednosefund.example", To: []string{"n@rednosefund.example"}, User: "g", Password: "a secret word"}},
		Log: slog.New(slog.NewTextHandler(tell{&log, logged}, nil))})
	run(t, p)
	p.Alarm(alarm)
	<-logged
	if len(o.letters) != 0 || strings.Contains(log.String(), "a secret word") || !strings.Contains(log.String(), "takes no login") {
		t.Errorf("%d letters; the log says %s", len(o.letters), log.String())
	}
}

// tell is a log that says when it was written to.
type tell struct {
	to   *strings.Builder
	says chan struct{}
}

func (w tell) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	w.says <- struct{}{}
	return n, err
}
