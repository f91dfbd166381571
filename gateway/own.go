package gateway

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/banyan-migration/banyan/gateway/account"
	"github.com/banyan-migration/banyan/gateway/wire"
)

// own is an answer that the gateway makes itself.
type own struct {
	status int
	class  account.Class
	rule   string // of the wire contract, for the counters
	text   string // for whoever sent the request; empty: no body
	header string // further header lines
}

// reasons are the phrases of the statuses that the gateway itself answers with.
var reasons = map[int]string{200: "OK", 204: "No Content", 400: "Bad Request", 403: "Forbidden", 405: "Method Not Allowed", 408: "Request Timeout",
	411: "Length Required", 413: "Content Too Large", 414: "URI Too Long", 417: "Expectation Failed", 421: "Misdirected Request", 429: "Too Many Requests",
	431: "Request Header Fields Too Large", 500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
	504: "Gateway Timeout", 505: "HTTP Version Not Supported", 508: "Loop Detected"}

const imfFixdate = "Mon, 02 Jan 2006 15:04:05 GMT"

const retryAfter = "Retry-After: 1\r\n"

// refuse answers a request that breaks the wire contract. Where it would have ended is in doubt, so the connection ends with it.
func (x *exchange) refuse(bad *wire.Error) {
	a := own{status: bad.Status, class: account.ClientMalformed, rule: bad.Rule, text: bad.Text}
	switch bad.Status {
	case 408:
		a.class = account.ClientTimeout
	case 413, 414, 417, 431:
		a.class = account.ClientTooLarge
	case 405:
		a.class, a.header = account.GatewayRefused, "Allow: "+wire.Allow+"\r\n"
	case 501, 505:
		a.class = account.GatewayRefused
	}
	x.keep = false
	x.reply(a)
}

// late refuses a request that does not come (W-70).
func late(text string) *wire.Error { return &wire.Error{Status: 408, Rule: "W-70", Text: text} }

// size writes a number of bytes as people read it.
func size(n int64) string {
	switch {
	case n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + " MB"
	case n%(1<<10) == 0:
		return strconv.FormatInt(n>>10, 10) + " KB"
	}
	return strconv.FormatInt(n, 10) + " bytes"
}

// fail answers for an upstream that did not, or cuts the connection if the client has part of an answer already (W-65).
func (x *exchange) fail(class account.Class, status int, text string) {
	x.Class = class
	if x.answered {
		x.keep = false
		x.cut = x.req.Minor == 0 && x.resp.Length < 0
		return
	}
	a := own{status: status, class: class, text: text}
	if status == 503 {
		a.header = retryAfter
	}
	x.reply(a)
}

// reply sends the gateway's own answer. A body of the request that has not been read yet ends the connection, and no 100 was sent (W-53).
func (x *exchange) reply(a own) {
	x.Status, x.Class = a.status, a.class
	if a.rule != "" {
		x.c.g.Reject(a.rule, a.status)
	}
	x.keep = x.keep && x.body.done && x.persistent()
	b := append(x.c.out[:0], "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(a.status), 10)
	b = append(append(append(b, ' '), reasons[a.status]...), "\r\n"...)
	b = appendDate(b)
	b = append(b, a.header...)
	body := ""
	if a.text != "" {
		body = a.text + "\n"
		if a.status >= 400 {
			body += "request " + string(x.ID) + "\n"
		}
		b = append(b, "Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n"...)
	}
	if a.status != 204 {
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), int64(len(body)), 10), "\r\n"...)
	}
	b = append(x.connection(b), "\r\n"...)
	if string(x.req.MethodText) != "HEAD" {
		b = append(b, body...)
		x.Out = int64(len(body))
	}
	x.c.out = b
	x.answered = true
	if x.c.write(b) != nil {
		x.gone()
	}
}

// persistent says whether the client connection may go on after this answer.
func (x *exchange) persistent() bool {
	r := &x.req
	return !r.Close && (r.Minor == 1 || r.KeepAlive) && !x.c.g.leaving.Load()
}

// connection writes the Connection line that tells the client what becomes of the connection.
func (x *exchange) connection(b []byte) []byte {
	switch {
	case !x.keep:
		return append(b, "Connection: close\r\n"...)
	case x.req.Minor == 0:
		return append(b, "Connection: keep-alive\r\n"...)
	}
	return b
}

// date is the Date line of this second, made once.
var date atomic.Pointer[dated]

type dated struct {
	second int64
	line   string
}

func appendDate(b []byte) []byte {
	now := time.Now()
	d := date.Load()
	if d == nil || d.second != now.Unix() {
		d = &dated{now.Unix(), "Date: " + now.UTC().Format(imfFixdate) + "\r\n"}
		date.Store(d)
	}
	return append(b, d.line...)
}
