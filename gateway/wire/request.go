package wire

import "bytes"

// Method is a request method of the default list (W-3).
type Method uint8

// The methods that are routed. Refused ones have none.
const (
	GET Method = iota + 1
	HEAD
	POST
	PUT
	PATCH
	DELETE
	OPTIONS
)

// Allow is the value of the Allow field in answers that refuse a method.
const Allow = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

// Request is a parsed request head. The zero value is ready for Parse, which may be called again and again.
type Request struct {
	Raw           []byte // the request line without its CRLF
	MethodText    []byte
	Method        Method
	Target        []byte // as received
	Path, Query   []byte // origin-form as it goes on: the query without its '?'
	HasQuery      bool   // a lone '?' counts
	Asterisk      bool   // OPTIONS *
	HighBytes     bool   // the target holds bytes from 0x80: legacy only (W-7)
	Minor         int    // 0 or 1; HTTP/1.2 and up count as 1.1
	Fields        []Field
	Host          []byte // the Host line's value, or nil in HTTP/1.0 without one
	Length        int64  // the body's length; 0 without a body, -1 when chunked
	Chunked       bool
	Close         bool // the client does not want another answer on this connection
	KeepAlive     bool // Connection: keep-alive, which HTTP/1.0 needs
	Upgrade       bool // Connection lists upgrade
	Continue      bool // Expect: 100-continue that asks for an answer (W-53)
	TakesTrailers bool // TE: trailers
	authority     []byte
	https         bool
}

// HasBody says whether bytes follow the head; a chunked body may still turn out empty.
func (r *Request) HasBody() bool { return r.Chunked || r.Length > 0 }

// Safe says whether the request asks to change nothing: GET, HEAD, OPTIONS.
func (r *Request) Safe() bool { return r.Method == GET || r.Method == HEAD || r.Method == OPTIONS }

// Find looks for a whole request head in what has come so far. seen is how much of b an earlier call has looked at.
// It returns where the head begins (one empty line before it is skipped, W-1) and where it ends; end is 0 as long as more
// must come. What can never become a head is refused at once, so that nobody waits for the rest.
func Find(b []byte, seen int, l Limits) (start, end int, err *Error) {
	if len(b) >= 2 && b[0] == '\r' && b[1] == '\n' {
		start = 2
	}
	from := max(start, seen-3)
	if from < len(b) {
		if i := bytes.Index(b[from:], []byte("\r\n\r\n")); i >= 0 {
			return start, from + i + 4, nil
		}
	}
	return start, 0, hopeless(b, start, max(start, seen-1), l)
}

// hopeless checks an unfinished head.
func hopeless(b []byte, start, from int, l Limits) *Error {
	if len(b) == start || (len(b) == 1 && b[0] == '\r') {
		return nil
	}
	if lower[b[start]] == 0 {
		return bad("W-2", "what begins here is no request line")
	}
	if err := lineEnds(b, from); err != nil {
		return err
	}
	line := bytes.IndexByte(b[start:], '\n')
	if line < 0 {
		if len(b)-start > l.Line+1 {
			return overlong(b[start:], l)
		}
		return nil
	}
	var r Request
	if err := r.line(b[start:start+line-1], l); err != nil {
		return err
	}
	if len(b)-start-line-1 > l.Head+2 {
		return over(431, "W-67", "the header lines together are too long", l.Head, "bytes")
	}
	return nil
}

// lineEnds refuses a CR without LF and a LF without CR (W-1). A CR at the very end may still get its LF.
func lineEnds(b []byte, from int) *Error {
	for i := from; i < len(b); i++ {
		switch b[i] {
		case '\r':
			if i+1 < len(b) && b[i+1] != '\n' {
				return bad("W-1", "a CR stands without its LF")
			}
		case '\n':
			if i == 0 || b[i-1] != '\r' {
				return bad("W-1", "a line ends with a bare LF")
			}
		}
	}
	return nil
}

// Parse reads a whole head, from the request line to the empty line, as Find has found it.
func (r *Request) Parse(head []byte, l Limits) *Error {
	*r = Request{Fields: r.Fields[:0]}
	if err := r.parts(head, l); err != nil {
		if broken := lineBreaks(head); broken != nil {
			return broken // the better name for what is wrong: no part accepts a bare CR or LF
		}
		return err
	}
	if err := r.meaning(); err != nil {
		return err
	}
	if err := r.method(); err != nil {
		return err
	}
	return r.place()
}

// parts parses the request line and the fields.
func (r *Request) parts(head []byte, l Limits) (err *Error) {
	cut := bytes.IndexByte(head, '\r')
	if head[cut+1] != '\n' {
		return bad("W-1", "a CR stands without its LF")
	}
	if err = r.line(head[:cut], l); err == nil {
		r.Fields, err = fields(head[cut+2:], l, r.Fields)
	}
	return err
}

// lineBreaks refuses bare CR and LF in a whole head.
func lineBreaks(head []byte) *Error {
	for rest := head; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		if i < 1 || rest[i-1] != '\r' {
			return bad("W-1", "a line ends with a bare LF")
		}
		if bytes.IndexByte(rest[:i-1], '\r') >= 0 {
			return bad("W-1", "a CR stands without its LF")
		}
		rest = rest[i+1:]
	}
	return nil
}

// line parses the request line (W-2).
func (r *Request) line(b []byte, l Limits) *Error {
	if len(b) > l.Line {
		return overlong(b, l)
	}
	r.Raw = b
	i := 0
	for i < len(b) && lower[b[i]] != 0 {
		i++
	}
	if i == 0 || i == len(b) || b[i] != ' ' {
		return bad("W-2", "a request line is METHOD SP TARGET SP HTTP/1.1")
	}
	r.MethodText = b[:i]
	j := i + 1
	for j < len(b) && kinds[b[j]]&isTarget != 0 {
		r.HighBytes = r.HighBytes || b[j] >= 0x80
		j++
	}
	if j < len(b) && b[j] != ' ' {
		return bad("W-7", "the target holds a fragment or a byte that no target may hold")
	}
	if j == i+1 || j == len(b) {
		return bad("W-2", "a request line is METHOD SP TARGET SP HTTP/1.1")
	}
	r.Target = b[i+1 : j]
	return r.version(b[j+1:])
}

// overlong says what is wrong with a request line over the limit: its target is too long, unless no target has begun yet.
func overlong(b []byte, l Limits) *Error {
	if bytes.IndexByte(b[:l.Line], ' ') < 0 {
		return bad("W-2", "a request line is METHOD SP TARGET SP HTTP/1.1")
	}
	return over(414, "W-66", "the request line is too long", l.Line, "bytes")
}

func (r *Request) version(v []byte) *Error {
	digit := func(c byte) bool { return '0' <= c && c <= '9' }
	if len(v) != 8 || string(v[:5]) != "HTTP/" || !digit(v[5]) || v[6] != '.' || !digit(v[7]) {
		return bad("W-2", "the version is not HTTP/1.x")
	}
	switch {
	case v[5] == '0':
		return bad("W-2", "HTTP/0.9 is not spoken here")
	case v[5] != '1':
		return &Error{505, "W-2", "only HTTP/1.0 and HTTP/1.1 are spoken here"}
	case v[7] != '0':
		r.Minor = 1
	}
	return nil
}

// method finds the method in the list (W-3).
func (r *Request) method() *Error {
	switch string(r.MethodText) {
	case "GET":
		r.Method = GET
	case "HEAD":
		r.Method = HEAD
	case "POST":
		r.Method = POST
	case "PUT":
		r.Method = PUT
	case "PATCH":
		r.Method = PATCH
	case "DELETE":
		r.Method = DELETE
	case "OPTIONS":
		r.Method = OPTIONS
	case "TRACE", "CONNECT":
		return &Error{405, "W-3", "this method is not allowed here"}
	default:
		return &Error{501, "W-3", "this method is not known here"}
	}
	return nil
}

// meaning reads the fields that the gateway itself acts on.
func (r *Request) meaning() *Error {
	var f framing
	hosts, expects, other := 0, 0, false
	for i := range r.Fields {
		field := &r.Fields[i]
		field.Drop = field.Drop || field.Name.hop()
		switch field.Name {
		case Host:
			hosts++
			r.Host = field.Value
		case Connection:
			o, err := nominated(field.Value, r.Fields)
			if err != nil {
				return err
			}
			r.Close, r.KeepAlive, r.Upgrade = r.Close || o.close, r.KeepAlive || o.keep, r.Upgrade || o.upgrade
		case TransferEncoding:
			f.coding(field.Value)
		case ContentLength:
			f.length(field.Value)
		case TE:
			r.TakesTrailers = r.TakesTrailers || trailers(field.Value)
		case Expect:
			field.Drop = true
			expects++
			other = other || !Fold(field.Value, "100-continue")
		case Other, ContentOther:
			if disguised(field.Key) {
				return bad("W-38", "a header line is called almost as one that frames the message")
			}
		}
	}
	if hosts > 1 || (hosts == 0 && r.Minor == 1) {
		return bad("W-15", "a request has exactly one Host line")
	}
	if hosts == 1 && !validHost(r.Host) {
		return bad("W-15", "the Host line is empty or holds bytes that no host may hold")
	}
	if err := f.request(r); err != nil {
		return err
	}
	if r.Minor == 0 {
		return nil // Expect is HTTP/1.1's (W-52)
	}
	if other {
		return &Error{417, "W-52", "the only expectation known here is 100-continue"}
	}
	r.Continue = expects > 0 && r.HasBody()
	return nil
}

// trailers says whether a TE value lists trailers.
func trailers(value []byte) bool {
	for part := range bytes.SplitSeq(value, []byte{','}) {
		if Fold(trim(part), "trailers") {
			return true
		}
	}
	return false
}
