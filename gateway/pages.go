package gateway

import (
	"io"
	"os"
	"strconv"
	"time"

	"github.com/banyan-migration/banyan/gateway/account"
	"github.com/banyan-migration/banyan/gateway/frozen"
	"github.com/banyan-migration/banyan/gateway/wire"
)

// How a request is answered from a folder of frozen pages. The gateway is the origin then: the answer's head is written as an upstream would
// have sent it and read again, so that all that holds for an upstream's answer (W-34, D-5, what a copy hears) holds for this one too.

var failUnread = &failure{account.UpstreamClosed, 502, "this page cannot be read just now"}

// phrases are those of the statuses that frozen pages have besides the gateway's own.
var phrases = map[int]string{206: "Partial Content", 301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified", 307: "Temporary Redirect",
	308: "Permanent Redirect", 404: "Not Found", 412: "Precondition Failed", 416: "Range Not Satisfiable"}

// attend sends the request to the side that was chosen, or looks its page up.
func (x *exchange) attend(why account.Attempt) *failure {
	if x.backend.pages == nil {
		return x.attempt(why)
	}
	x.c.g.Attempt(x.Side, why)
	return x.lookUp()
}

// page is a frozen page on its way to a client.
type page struct {
	*frozen.Answer              // nil: no folder answers
	part           frozen.Reply // what of it is sent
	body           []byte       // its whole body; nil: it is long, and is read from its file
	room           []byte       // where its address is looked up in
}

// lookUp finds the frozen page and writes its head.
func (x *exchange) lookUp() *failure {
	if m := x.req.Method; m != wire.GET && m != wire.HEAD {
		x.reply(own{status: 405, class: account.GatewayRefused, rule: "dir", header: "Allow: GET, HEAD\r\n",
			text: "this page is kept for reading: it takes no forms any more, and nothing of what was sent was taken"})
		return failAnswered
	}
	began, p := time.Since(x.At), &x.page
	var a *frozen.Answer
	a, p.room = x.backend.pages.Find(x.path, x.req.Query, p.room)
	if a == nil {
		x.reply(own{status: 404, text: "there is no such page here"})
		return failAnswered
	}
	p.body, p.part = nil, a.Decide(x.conditions())
	if p.part.To > p.part.From {
		body, err := a.Body()
		if err != nil {
			x.spoilt(err)
			return failUnread
		}
		p.body = body
	}
	p.Answer = a
	x.writeHead(a)
	x.Head = time.Since(x.At) - began
	return nil
}

func (x *exchange) spoilt(err error) {
	x.c.g.o.Log.Error("a frozen page cannot be read: freeze the site again with the same --out, or look at the disk", "backend", x.backend.Name, "error", err)
}

// conditions are the lines that may make an answer short; scrub has dropped those that two live sides must not hear (W-61).
func (x *exchange) conditions() (q frozen.Ask) {
	for i := range x.req.Fields {
		f := &x.req.Fields[i]
		switch {
		case f.Drop:
		case f.Name == wire.IfNoneMatch:
			q.NoneMatch = f.Value
		case f.Name == wire.IfModifiedSince:
			q.ModifiedSince = f.Value
		case f.Name == wire.IfRange:
			q.IfRange = f.Value
		case f.Name == wire.Range && x.req.Method == wire.GET:
			q.Range = f.Value
		case wire.Fold(f.Key, "if-match"):
			q.Match = f.Value
		}
	}
	return q
}

// writeHead writes the answer's head and reads it, as if an upstream had sent it.
func (x *exchange) writeHead(a *frozen.Answer) {
	if x.buf == nil {
		x.buf = buffers.Get().(*[]byte)
	}
	status := x.page.part.Status
	phrase, ok := reasons[status]
	if !ok {
		phrase = phrases[status]
	}
	b := append((*x.buf)[:0], "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(append(append(b, ' '), phrase...), "\r\n"...)
	b = appendDate(b)
	b = append(a.AppendHead(b, x.page.part), "\r\n"...)
	if len(b) > len(*x.buf) { // it has grown past the buffer
		x.buf = &b
	}
	x.end, x.n = len(b), len(b)
	if bad := x.resp.Parse((*x.buf)[:x.end], wire.ResponseLimits); bad != nil {
		panic("gateway: a frozen page's head: " + bad.Error()) // Open has checked every field
	}
	x.Upstream = status
}

// hand sends the page that lookUp has found.
func (x *exchange) hand() *failure {
	if f := x.prepare(); f != nil {
		return f
	}
	x.keep = x.keep && x.body.done && x.persistent()
	x.c.out = x.top(false)
	p := &x.page
	switch {
	case x.resp.Bodiless(x.req.Method == wire.HEAD), p.part.To == p.part.From:
		return x.put(x.c.out, 0)
	case p.body == nil:
		return x.pour()
	}
	body := p.body[p.part.From:p.part.To]
	if x.wants() {
		x.shade.copy.Body(body)
	}
	if len(body) <= joinMax {
		x.c.out = append(x.c.out, body...)
		return x.put(x.c.out, len(body))
	}
	if f := x.put(x.c.out, 0); f != nil {
		return f
	}
	return x.put(body, len(body))
}

// pour sends a long body from its file, by the kernel alone where the client's end is a plain socket.
func (x *exchange) pour() *failure {
	part := x.page.part
	file, err := x.page.Open()
	if err != nil {
		x.spoilt(err)
		return failUnread
	}
	defer file.Close()
	if _, err := file.Seek(part.From, io.SeekStart); err != nil {
		x.spoilt(err)
		return failUnread
	}
	if f := x.put(x.c.out, 0); f != nil {
		return f
	}
	for left := part.To - part.From; left > 0; {
		n, f := x.piece(file, left)
		if f != nil {
			return f
		}
		left -= n
	}
	x.c.timer.Clear()
	return nil
}

// piece sends some of a file.
func (x *exchange) piece(file *os.File, left int64) (int64, *failure) {
	if x.c.tcp != nil && left >= spliceMin && !x.wants() {
		x.c.timer.Set(x.c.g.pace.stall)
		n, err := x.c.tcp.ReadFrom(&io.LimitedReader{R: file, N: spliceMin})
		x.Out += n
		switch _, again := x.c.timer.Overdue(err); {
		case n == spliceMin || err != nil && again:
			return n, nil
		case err == nil: // the file has become shorter
			return n, failTruncated
		}
		return n, failGone
	}
	b := (*x.buf)[:min(int64(pieceMax), left)]
	n, err := file.Read(b)
	if n == 0 || err != nil {
		return 0, failTruncated
	}
	if x.wants() {
		x.shade.copy.Body(b[:n])
	}
	return int64(n), x.put(b[:n], n)
}
