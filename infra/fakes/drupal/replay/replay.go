// Package replay plays recorded exchanges over raw connections, at a site itself or at a gateway before it, and says
// byte for byte where answers differ. Values that no two runs share (drupal.Values) are carried over: what the
// recording sent back of them is sent back as the run gave it.
package replay

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/drupal"
)

// Exchange is one recorded request and its answer.
type Exchange struct {
	Name    string
	Request Request
	Answer  Answer
}

// Request is a request as it was sent; a body's length is no header line of it.
type Request struct {
	Method, Path string
	Headers      [][2]string
	Body         []byte
}

// Answer is an answer as it came: its header lines in order, its body without chunks, coding kept.
type Answer struct {
	Status  string // "200 OK"
	Headers [][2]string
	Body    []byte
}

// Load reads captures.json.
func Load(captures []byte) ([]Exchange, error) {
	var file struct {
		Exchanges []struct {
			Name    string
			Request struct {
				Method, Path string
				Headers      [][2]string
				Body         *string
			}
			Response struct {
				Status  int
				Reason  string
				Headers [][2]string
				Text    string
				Base64  []byte
			}
		}
	}
	if err := json.Unmarshal(captures, &file); err != nil {
		return nil, fmt.Errorf("replay: captures: %w", err)
	}
	all := make([]Exchange, len(file.Exchanges))
	for i, e := range file.Exchanges {
		body := e.Response.Base64
		if body == nil {
			body = []byte(e.Response.Text)
		}
		all[i] = Exchange{Name: e.Name,
			Request: Request{Method: e.Request.Method, Path: e.Request.Path, Headers: e.Request.Headers},
			Answer:  Answer{Status: fmt.Sprintf("%d %s", e.Response.Status, e.Response.Reason), Headers: e.Response.Headers, Body: body}}
		if e.Request.Body != nil {
			all[i].Request.Body = []byte(*e.Request.Body)
		}
	}
	return all, nil
}

// Player sends requests over one connection, opened anew where the other side closes it. It is not safe for
// concurrent use.
type Player struct {
	dial   func() (net.Conn, error)
	conn   net.Conn
	in     *bufio.Reader
	values []string // pairs for a strings.Replacer: the recording's, the run's
}

// New is a player that has learnt no values yet.
func New(dial func() (net.Conn, error)) *Player { return &Player{dial: dial} }

// Close closes the connection.
func (p *Player) Close() error {
	if p.conn == nil {
		return nil
	}
	c := p.conn
	p.conn = nil
	return c.Close()
}

// Play sends a recorded request, its values those of this run, and learns the values of the answer.
func (p *Player) Play(e Exchange) (Answer, error) {
	a, err := p.Send(p.translate(e.Request))
	if err != nil {
		return Answer{}, fmt.Errorf("replay: %s: %w", e.Name, err)
	}
	if err := p.learn(e.Answer, a); err != nil {
		return a, fmt.Errorf("replay: %s: %w", e.Name, err)
	}
	return a, nil
}

func (p *Player) translate(q Request) Request {
	r := strings.NewReplacer(p.values...)
	out := Request{Method: q.Method, Path: q.Path, Body: []byte(r.Replace(string(q.Body)))}
	for _, h := range q.Headers {
		out.Headers = append(out.Headers, [2]string{h[0], r.Replace(h[1])})
	}
	return out
}

// Send sends a request and reads its answer.
func (p *Player) Send(q Request) (Answer, error) {
	if p.conn == nil {
		c, err := p.dial()
		if err != nil {
			return Answer{}, err
		}
		p.conn, p.in = c, bufio.NewReader(c)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", q.Method, q.Path)
	for _, h := range q.Headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	if len(q.Body) > 0 {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(q.Body))
	}
	b.WriteString("\r\n")
	b.Write(q.Body)
	p.conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := p.conn.Write(b.Bytes()); err != nil {
		p.Close()
		return Answer{}, err
	}
	a, err := Read(p.in, q.Method)
	if err != nil || a.Header("Connection") == "close" {
		p.Close()
	}
	return a, err
}

// Read reads one answer; method is the request's.
func Read(r *bufio.Reader, method string) (Answer, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return Answer{}, err
	}
	_, status, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
	a := Answer{Status: status}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return a, err
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ": ")
		if !ok {
			return a, fmt.Errorf("header line %q has no colon and space", line)
		}
		a.Headers = append(a.Headers, [2]string{name, value})
	}
	switch length := a.Header("Content-Length"); {
	case method == http.MethodHead, strings.HasPrefix(status, "304"), strings.HasPrefix(status, "204"):
	case a.Header("Transfer-Encoding") == "chunked":
		if a.Body, err = io.ReadAll(httputil.NewChunkedReader(r)); err == nil {
			_, err = r.Discard(2) // the line that ends the trailers, of which there are none
		}
	case length != "":
		n, bad := strconv.Atoi(length)
		if bad != nil {
			return a, bad
		}
		a.Body = make([]byte, n)
		_, err = io.ReadFull(r, a.Body)
	default:
		a.Body, err = io.ReadAll(r)
	}
	return a, err
}

// Header is the value of the first line of a name, case ignored.
func (a Answer) Header(name string) string {
	for _, h := range a.Headers {
		if strings.EqualFold(h[0], name) {
			return h[1]
		}
	}
	return ""
}

// Plain is the body with its coding undone.
func (a Answer) Plain() ([]byte, error) {
	if a.Header("Content-Encoding") != "gzip" || len(a.Body) == 0 {
		return a.Body, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(a.Body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// texts are the places of an answer where values may be: the header lines' values and the body.
func (a Answer) texts() ([]string, error) {
	body, err := a.Plain()
	if err != nil {
		return nil, err
	}
	all := []string{string(body)}
	for _, h := range a.Headers {
		all = append(all, h[1])
	}
	return all, nil
}

// learn pairs the values in their order, wherever they stand: a gateway may leave header lines out.
func (p *Player) learn(recorded, got Answer) error {
	old, err := recorded.texts()
	if err != nil {
		return err
	}
	now, err := got.texts()
	if err != nil {
		return err
	}
	for _, v := range drupal.Values {
		was, is := found(v, old), found(v, now)
		for i := range min(len(was), len(is)) {
			p.values = append(p.values, was[i], is[i])
		}
	}
	return nil
}

func found(v drupal.Varying, texts []string) (values []string) {
	for _, text := range texts {
		for _, m := range v.Pattern.FindAllStringSubmatch(text, -1) {
			values = append(values, m[1])
		}
	}
	return values
}
