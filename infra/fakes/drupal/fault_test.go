package drupal_test

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/drupal"
	"github.com/banyan-migration/banyan/infra/fakes/drupal/replay"
)

// raw sends one request and returns what came before the connection ended, and how it ended.
func (w *world) raw(t *testing.T, request string) (string, error) {
	t.Helper()
	c, err := w.dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(bufio.NewReader(c))
	return string(b), err
}

const getDonate = "GET /donate HTTP/1.1\r\nHost: h.example\r\n\r\n"

func TestFaultsOnDemand(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	w.Fault("/donate", drupal.Fault{Kind: drupal.Status, Code: 502})
	if a := w.visitor(t).get("/donate?x=1"); a.Status != "502 Bad Gateway" {
		t.Errorf("status: %s", a.Status)
	}
	if a := w.visitor(t).get("/about-us"); a.Status != "200 OK" {
		t.Errorf("another path: %s", a.Status)
	}
	w.Fault("/donate", drupal.Fault{Kind: drupal.Reset})
	if got, err := w.raw(t, getDonate); got != "" || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reset: %q, %v", got, err)
	}
	w.Fault("/donate", drupal.Fault{Kind: drupal.Truncate})
	if got, err := w.raw(t, getDonate); err != nil || !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") || strings.Contains(got, "</html>") || strings.HasSuffix(got, "0\r\n\r\n") {
		t.Errorf("truncated: %d bytes, %v", len(got), err)
	}
	w.Fault("/misc/drupal.js", drupal.Fault{Kind: drupal.Truncate})
	if got, err := w.raw(t, "GET /misc/drupal.js HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil || !strings.Contains(got, "Content-Length: 20611\r\n") || len(got) > 11000 {
		t.Errorf("a truncated file: %d bytes, %v", len(got), err)
	}
	w.Mend()
	if a := w.visitor(t).get("/donate"); a.Status != "200 OK" {
		t.Errorf("mended: %s", a.Status)
	}
}

// TestBrokenAnswerIsStillDone: the site did what it could not say, as a real one would have.
func TestBrokenAnswerIsStillDone(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	w.Fault("/donate", drupal.Fault{Kind: drupal.Reset})
	body := encode(fields(2, forms[0].values))
	gift := "POST /donate HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
	if got, _ := w.raw(t, gift); got != "" {
		t.Errorf("the reset said %q", got)
	}
	if got := w.stored(1); got["amount"] != "25.00" {
		t.Errorf("stored: %v", got)
	}
	w.Fault("/donate", drupal.Fault{Kind: drupal.Status})
	w.raw(t, strings.Replace(gift, "Host: h\r\n", "Host: h\r\nConnection: close\r\n", 1))
	if got := w.stored(2); len(got) != 0 {
		t.Errorf("a 500 stored %v", got)
	}
}

// TestShareAndEnd: a share of the requests, evenly, and no longer than was said.
func TestShareAndEnd(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	w.Fault("", drupal.Fault{Kind: drupal.Status, Share: 0.25, For: time.Minute})
	v := w.visitor(t)
	broken := func() (n int) {
		for range 20 {
			if v.get("/about-us").Status == "500 Internal Server Error" {
				n++
			}
		}
		return n
	}
	if n := broken(); n != 5 {
		t.Errorf("%d of 20 broken, not a quarter", n)
	}
	w.set(recorded.Add(time.Minute))
	if n := broken(); n != 0 {
		t.Errorf("%d broken after the fault's end", n)
	}
}

// TestHangEnds: what hangs says nothing and ends with a reset, and a site that closes does not wait for it.
func TestHangEnds(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	w.Fault("/donate", drupal.Fault{Kind: drupal.Hang, For: 50 * time.Millisecond})
	if got, err := w.raw(t, getDonate); got != "" || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("let go with %q, %v", got, err)
	}
	w.Fault("/donate", drupal.Fault{Kind: drupal.Hang})
	ended := make(chan string)
	go func() {
		got, _ := w.raw(t, getDonate)
		ended <- got
	}()
	if a := w.visitor(t).get("/about-us"); a.Status != "200 OK" {
		t.Errorf("beside a page that hangs: %s", a.Status)
	}
	w.Close()
	if got := <-ended; got != "" {
		t.Errorf("a page that hangs said %q", got)
	}
}

// TestSlowness: a page takes its time divided by the speed, a hit and a file theirs, and a worker is not needed to wait
// for a slow fault.
func TestSlowness(t *testing.T) {
	t.Parallel()
	w := start(t, func(o *drupal.Options) { o.Speed, o.Workers = 5, 1 })
	v := w.visitor(t)
	took := func(path string) time.Duration {
		began := time.Now()
		v.send(replay.Request{Method: "GET", Path: path})
		return time.Since(began)
	}
	if d := took("/donate"); d < 273*time.Millisecond/5 {
		t.Errorf("the form took %v, less than 273 ms divided by five", d)
	}
	if d := took("/about-us"); d < 105*time.Millisecond/5 {
		t.Errorf("a page took %v, less than 105 ms divided by five", d)
	}
	if d := took("/about-us"); d < 35*time.Millisecond/5 {
		t.Errorf("a hit took %v, less than 35 ms divided by five", d)
	}
	if d := took("/misc/drupal.js"); d < 4*time.Millisecond/5 {
		t.Errorf("a file took %v, less than 4 ms divided by five", d)
	}
}
