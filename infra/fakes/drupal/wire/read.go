package wire

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
)

// arrival is a request and what the connection must know of it.
type arrival struct {
	Request
	old   bool // HTTP/1.0
	again bool // another request may follow
}

// read reads the next request. One that nginx refuses is answered by the response and the connection closes; both nil
// means that nobody waits for an answer.
func (s *Server) read(c net.Conn, r *bufio.Reader, limit *io.LimitedReader) (*arrival, *Response) {
	in, err := http.ReadRequest(r)
	if err != nil {
		var network net.Error
		switch {
		case limit.N <= 0:
			return nil, page(400, "Request Header Or Cookie Too Large")
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &network):
			return nil, nil
		}
		s.Log.Debug("wire: a request that nginx would refuse", "err", err)
		return nil, page(400, "Bad Request")
	}
	limit.N = 1 << 62
	old := !in.ProtoAtLeast(1, 1)
	switch {
	case in.Host == "" && !old:
		return nil, page(400, "Bad Request")
	case in.Method == http.MethodTrace, in.Method == http.MethodConnect:
		return nil, page(405, "Not Allowed")
	case in.ContentLength > MaxBody:
		return nil, page(413, "Request Entity Too Large")
	}
	if !old && in.ContentLength != 0 && strings.EqualFold(in.Header.Get("Expect"), "100-continue") {
		if _, err := io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
			return nil, nil
		}
	}
	body, err := io.ReadAll(io.LimitReader(in.Body, MaxBody+1))
	switch {
	case len(body) > MaxBody:
		return nil, page(413, "Request Entity Too Large")
	case err != nil:
		return nil, nil
	}
	return &arrival{
		Request: Request{Method: in.Method, Target: target(in.RequestURI), Host: in.Host, Header: in.Header, Body: body},
		old:     old, again: !in.Close,
	}, nil
}

// target is the origin-form of a request line's target.
func target(raw string) string {
	if strings.HasPrefix(raw, "/") {
		return raw
	}
	if _, rest, ok := strings.Cut(raw, "://"); ok {
		if i := strings.IndexAny(rest, "/?"); i >= 0 && rest[i] == '/' {
			return rest[i:]
		}
	}
	return "/"
}
