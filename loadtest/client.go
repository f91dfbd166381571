package loadtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/banyan-migration/banyan/shared/mark"
)

// longest is how much of a page is kept; a webform's page is about 20 KB.
const longest = 1 << 20

// client sends requests for one site to one target. Visitors share its connections, as they share those between a load
// balancer and what stands behind it. It follows no redirect and asks for no compression, since unpacking would be the
// generator's work and not the site's.
type client struct {
	pool    *pool
	host    string
	timeout time.Duration
	keys    mark.Keys // nil: no mark
	pages   sync.Pool
}

func newClient(p Plan, o Options) (*client, error) {
	pool, err := newPool(o.Target)
	if err != nil {
		return nil, err
	}
	c := &client{pool: pool, host: p.Host, timeout: o.Timeout}
	if p.Mark != "none" {
		if o.Keys.First() == "" {
			return nil, errors.New("loadtest: the plan marks its requests as tests, and there is no key to sign marks with: " +
				"set BANYAN_KEY, or say mark: none where donations may be taken for real ones")
		}
		c.keys = o.Keys
	}
	c.pages.New = func() any { return new(bytes.Buffer) }
	return c, nil
}

// request is what is sent; kind is the body's Content-Type.
type request struct {
	method, target string
	kind           string
	body           []byte
}

// answer is what came back.
type answer struct {
	status   int
	location string
}

// visitor is what a browser keeps between requests.
type visitor struct {
	addr, agent string
	cookies     []pair
}

// do sends one request and reads the answer whole. keep is what to do with the page while its memory is this call's; nil
// drops it.
func (c *client) do(ctx context.Context, v *visitor, r request, keep func(page []byte)) (answer, error) {
	conn, err := c.pool.get(ctx)
	if err != nil {
		return answer{}, err
	}
	// A deadline on the connection costs nothing; what ends a run early closes the connection instead.
	_ = conn.SetDeadline(time.Now().Add(c.timeout))
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	a, reusable, err := c.exchange(conn, v, r, keep)
	if !stop() {
		err = context.Cause(ctx)
	}
	if err != nil || !reusable {
		_ = conn.Close()
		return a, err
	}
	c.pool.put(conn)
	return a, nil
}

func (c *client) exchange(conn *conn, v *visitor, r request, keep func(page []byte)) (a answer, reusable bool, err error) {
	page := c.pages.Get().(*bytes.Buffer)
	defer c.pages.Put(page)
	page.Reset()
	c.write(page, v, r)
	if _, err := conn.Write(page.Bytes()); err != nil {
		return a, false, err
	}
	res, err := readResponse(conn, r.method)
	if err != nil {
		return a, false, err
	}
	defer res.Body.Close()
	v.remember(res)
	a = answer{status: res.StatusCode, location: res.Header.Get("Location")}
	if keep == nil {
		_, err = io.Copy(io.Discard, res.Body)
		return a, err == nil && !res.Close, err
	}
	page.Reset()
	if _, err = page.ReadFrom(io.LimitReader(res.Body, longest)); err == nil {
		keep(page.Bytes())
	}
	return a, err == nil && !res.Close && page.Len() < longest, err
}

// readResponse passes over answers that only announce one, such as 103.
func readResponse(conn *conn, method string) (*http.Response, error) {
	for {
		res, err := http.ReadResponse(conn.in, &http.Request{Method: method})
		if err != nil || res.StatusCode >= 200 || res.StatusCode == http.StatusSwitchingProtocols {
			return res, err
		}
	}
}

// write puts the request on b. The target goes out as it stands, whatever escapes it holds.
func (c *client) write(b *bytes.Buffer, v *visitor, r request) {
	field := func(name, value string) { b.WriteString(name + ": " + value + "\r\n") }
	b.WriteString(r.method + " " + r.target + " HTTP/1.1\r\n")
	field("Host", c.host)
	field("User-Agent", v.agent)
	field("Accept", "text/html,application/xhtml+xml")
	field("X-Forwarded-For", v.addr)
	if r.method == "POST" {
		field("Origin", "http://"+c.host)
		field("Content-Type", r.kind)
		field("Content-Length", strconv.Itoa(len(r.body)))
	}
	for i, k := range v.cookies {
		if i == 0 {
			b.WriteString("Cookie: ")
		} else {
			b.WriteString("; ")
		}
		b.WriteString(k.name + "=" + k.value)
	}
	if len(v.cookies) > 0 {
		b.WriteString("\r\n")
	}
	if c.keys != nil {
		field(mark.Header, c.keys.Sign(c.keys.First(), mark.Test, time.Now(), r.method, r.target, r.body))
	}
	b.WriteString("\r\n")
	b.Write(r.body)
}

// remember keeps cookies as a browser does that visits one site: by name, the newest wins, the expired go.
func (v *visitor) remember(res *http.Response) {
	if len(res.Header["Set-Cookie"]) == 0 {
		return
	}
	for _, k := range res.Cookies() {
		for i := range v.cookies {
			if v.cookies[i].name == k.Name {
				v.cookies = append(v.cookies[:i], v.cookies[i+1:]...)
				break
			}
		}
		if k.MaxAge >= 0 {
			v.cookies = append(v.cookies, pair{k.Name, k.Value})
		}
	}
}

// failure names what kept an answer from coming, in words that a report can count.
func failure(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connect"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "cut_off"
	case strings.Contains(err.Error(), "malformed"): // net/http's word for an answer that is none
		return "malformed"
	}
	return "transport"
}

// targetError says what a target must be.
func targetError(target string) error {
	return fmt.Errorf("loadtest: target %q must be an address such as http://127.0.0.1:8080", target)
}
