package loadtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
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
	base    *url.URL
	host    string
	timeout time.Duration
	keys    mark.Keys // nil: no mark
	pages   sync.Pool
	tr      *http.Transport
}

func newClient(p Plan, o Options) (*client, error) {
	base, err := url.Parse(o.Target)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, fmt.Errorf("loadtest: target %q must be an address such as http://127.0.0.1:8080", o.Target)
	}
	c := &client{base: base, host: p.Host, timeout: o.Timeout}
	if p.Mark != "none" {
		if o.Keys.First() == "" {
			return nil, errors.New("loadtest: the plan marks its requests as tests, and there is no key to sign marks with: " +
				"set BANYAN_KEY, or say mark: none where donations may be taken for real ones")
		}
		c.keys = o.Keys
	}
	c.pages.New = func() any { return new(bytes.Buffer) }
	c.tr = &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		MaxIdleConnsPerHost: o.InFlight,
		IdleConnTimeout:     30 * time.Second,
		DisableCompression:  true,
		TLSNextProto:        nil,
	}
	return c, nil
}

// answer is what came back; its body is only there where it was asked for.
type answer struct {
	status   int
	location string
	body     []byte
}

// visitor is what a browser keeps between requests.
type visitor struct {
	addr, agent string
	cookies     []pair
}

// do sends one request. keep is what to do with the page while its memory is this call's; nil drops it.
func (c *client) do(ctx context.Context, v *visitor, method, target string, body pair, keep func(page []byte)) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	res, err := c.tr.RoundTrip(c.request(ctx, v, method, target, body))
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	v.remember(res)
	a := answer{status: res.StatusCode, location: res.Header.Get("Location")}
	if keep == nil {
		_, err = io.Copy(io.Discard, res.Body)
		return a, err
	}
	page := c.pages.Get().(*bytes.Buffer)
	defer c.pages.Put(page)
	page.Reset()
	if _, err = page.ReadFrom(io.LimitReader(res.Body, longest)); err != nil {
		return a, err
	}
	keep(page.Bytes())
	return a, nil
}

// request makes a request whose body is body.value, of the type body.name. The target goes out as it stands, whatever
// escapes it holds.
func (c *client) request(ctx context.Context, v *visitor, method, target string, body pair) *http.Request {
	r := &http.Request{
		Method: method, Host: c.host, ProtoMajor: 1, ProtoMinor: 1,
		URL:    &url.URL{Scheme: c.base.Scheme, Host: c.base.Host, Opaque: target},
		Header: make(http.Header, 8),
	}
	r.Header["User-Agent"] = []string{v.agent}
	r.Header["Accept"] = []string{"text/html,application/xhtml+xml"}
	r.Header["X-Forwarded-For"] = []string{v.addr}
	if method == "POST" {
		r.Header["Content-Type"] = []string{body.name}
		r.Header["Origin"] = []string{"http://" + c.host}
		r.ContentLength = int64(len(body.value))
		r.Body = io.NopCloser(bytes.NewReader([]byte(body.value)))
	}
	if len(v.cookies) > 0 {
		var b bytes.Buffer
		for i, k := range v.cookies {
			if i > 0 {
				b.WriteString("; ")
			}
			b.WriteString(k.name + "=" + k.value)
		}
		r.Header["Cookie"] = []string{b.String()}
	}
	if c.keys != nil {
		signed := c.keys.Sign(c.keys.First(), mark.Test, time.Now(), method, target, []byte(body.value))
		r.Header[mark.Header] = []string{signed}
	}
	return r.WithContext(ctx)
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
	}
	return "transport"
}
