package wire

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Field is one header line.
type Field struct{ Name, Value string }

// Break is how a broken server ends an answer.
type Break int

const (
	Whole    Break = iota
	Reset          // the connection is reset before the first byte
	Truncate       // the connection closes in the middle of the body
)

// Response is an answer. Its header lines come in nginx's order: Server, Date, Type, the framing, LastModified,
// Connection, then Header as given.
type Response struct {
	Status       int
	Type         string // Content-Type, "" for none
	LastModified string // a file's; PHP sends its own in Header
	Header       []Field
	Body         []byte
	Known        bool // the length is known to nginx: Content-Length instead of chunks
	Break        Break
}

// Add puts a header line at the end.
func (a *Response) Add(name, value string) { a.Header = append(a.Header, Field{name, value}) }

// reasons are the words nginx writes that net/http does not.
var reasons = map[int]string{405: "Not Allowed", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}

func reason(status int) string {
	if r, ok := reasons[status]; ok {
		return r
	}
	return http.StatusText(status)
}

// Date is a time as HTTP writes it.
func Date(t time.Time) string { return t.UTC().Format(http.TimeFormat) }

// Page is nginx's own page for an error.
func Page(status int) *Response { return page(status, reason(status)) }

func page(status int, text string) *Response {
	return &Response{Status: status, Type: "text/html", Known: true, Body: fmt.Appendf(nil,
		"<html>\r\n<head><title>%d %s</title></head>\r\n<body>\r\n<center><h1>%[1]d %[2]s</h1></center>\r\n<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n",
		status, text)}
}

// chunk is how much PHP hands over at a time.
const chunk = 8 << 10

// write sends the answer and reports whether the connection may take another request; it returns the buffer that it
// built the answer in.
func (a *Response) write(c net.Conn, b []byte, method string, old, again bool, now time.Time) ([]byte, bool) {
	if a.Break == Reset {
		if tcp, ok := c.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
		return b, false
	}
	bodyless := method == http.MethodHead || a.Status == http.StatusNotModified || a.Status == http.StatusNoContent
	chunked := !a.Known && !bodyless && !old
	if !a.Known && !bodyless && old {
		again = false // the end of the body is the end of the connection
	}
	b = a.head(b, chunked, again, now)
	body := a.Body
	if a.Break == Truncate {
		body = body[:len(body)/2]
	}
	switch {
	case bodyless:
	case chunked:
		for len(body) > 0 {
			n := min(len(body), chunk)
			b = strconv.AppendInt(b, int64(n), 16)
			b = append(b, "\r\n"...)
			b = append(b, body[:n]...)
			b = append(b, "\r\n"...)
			body = body[n:]
		}
		if a.Break == Whole {
			b = append(b, "0\r\n\r\n"...)
		}
	default:
		b = append(b, body...)
	}
	c.SetWriteDeadline(time.Now().Add(readTime))
	_, err := c.Write(b)
	return b, err == nil && again && a.Break == Whole
}

func (a *Response) head(b []byte, chunked, again bool, now time.Time) []byte {
	line := func(name, value string) {
		b = append(b, name...)
		b = append(b, ": "...)
		b = append(b, value...)
		b = append(b, "\r\n"...)
	}
	b = fmt.Appendf(b, "HTTP/1.1 %d %s\r\n", a.Status, reason(a.Status))
	line("Server", "nginx/1.22.1")
	line("Date", Date(now))
	if a.Type != "" {
		line("Content-Type", a.Type)
	}
	switch {
	case a.Known && a.Status != http.StatusNotModified:
		line("Content-Length", strconv.Itoa(len(a.Body)))
	case chunked:
		line("Transfer-Encoding", "chunked")
	}
	if a.LastModified != "" {
		line("Last-Modified", a.LastModified)
	}
	connection := "close"
	if again {
		connection = "keep-alive"
	}
	line("Connection", connection)
	for _, f := range a.Header {
		line(f.Name, f.Value)
	}
	return append(b, "\r\n"...)
}
