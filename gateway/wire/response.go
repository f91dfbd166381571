package wire

import "bytes"

// Response is a parsed response head of an upstream. The zero value is ready for Parse, which may be called again and again.
type Response struct {
	Minor     int
	Status    int
	after     []byte // what follows the version in the status line, as received
	Fields    []Field
	Length    int64 // the announced length, -1 if none is
	Chunked   bool
	Suspect   bool // length and coding stood together, or HTTP/1.0 sent chunks: close that connection (W-46)
	Close     bool
	KeepAlive bool
	Folds     int // folded lines that were made one (W-21)
	Upgrade   bool
}

func malformed(rule, text string) *Error { return &Error{502, rule, text} }

// FindResponse looks for a whole response head in what has come so far; end is 0 as long as more must come. seen is how much of b an
// earlier call has looked at.
func FindResponse(b []byte, seen int, l Limits) (end int, err *Error) {
	from := max(0, seen-3)
	if i := bytes.Index(b[from:], []byte("\r\n\r\n")); i >= 0 {
		end = from + i + 4
		if end > l.Head {
			return 0, malformed("W-68", "the upstream's head is too long")
		}
		return end, nil
	}
	if lineEnds(b, max(0, seen-1)) != nil {
		return 0, malformed("W-1", "the upstream's head holds a bare CR or LF")
	}
	if n := min(len(b), 5); string(b[:n]) != "HTTP/"[:n] {
		return 0, malformed("W-45", "the upstream does not answer in HTTP/1")
	}
	if len(b) > l.Head {
		return 0, malformed("W-68", "the upstream's head is too long")
	}
	return 0, nil
}

// Parse reads a whole head, from the status line to the empty line, as FindResponse has found it. It may move bytes
// within head to unfold lines; every field's Drop is set as W-25 wants it.
func (r *Response) Parse(head []byte, l Limits) *Error {
	*r = Response{Fields: r.Fields[:0]}
	cut := bytes.IndexByte(head, '\r')
	if head[cut+1] != '\n' {
		return malformed("W-1", "the upstream's head holds a bare CR")
	}
	if err := r.line(head[:cut]); err != nil {
		return err
	}
	lines := head[cut+2:]
	var err *Error
	r.Fields, err = fields(lines, l, r.Fields)
	if err != nil && err.Rule == "W-21" && lines[0] != ' ' && lines[0] != '\t' {
		lines, r.Folds = unfold(lines)
		r.Fields, err = fields(lines, l, r.Fields[:0])
	}
	if err != nil {
		return malformed(err.Rule, "the upstream's head: "+err.Text)
	}
	return r.meaning()
}

func (r *Response) line(b []byte) *Error {
	digit := func(c byte) bool { return '0' <= c && c <= '9' }
	if len(b) < 12 || string(b[:7]) != "HTTP/1." || !digit(b[7]) || b[8] != ' ' ||
		!digit(b[9]) || b[9] == '0' || !digit(b[10]) || !digit(b[11]) || (len(b) > 12 && b[12] != ' ') {
		return malformed("W-45", "the upstream's status line is malformed")
	}
	if b[7] != '0' {
		r.Minor = 1
	}
	r.Status = int(b[9]-'0')*100 + int(b[10]-'0')*10 + int(b[11]-'0')
	r.after = b[8:]
	for _, c := range r.after {
		if kinds[c]&isText == 0 {
			return malformed("W-45", "the upstream's status line holds a control byte")
		}
	}
	return nil
}

func (r *Response) meaning() *Error {
	var f framing
	for i := range r.Fields {
		field := &r.Fields[i]
		field.Drop = field.Drop || field.Name.hop()
		switch field.Name {
		case Connection:
			o, err := nominated(field.Value, r.Fields)
			if err != nil {
				return malformed(err.Rule, "the upstream's "+err.Text)
			}
			r.Close, r.KeepAlive, r.Upgrade = r.Close || o.close, r.KeepAlive || o.keep, r.Upgrade || o.upgrade
		case TransferEncoding:
			f.coding(field.Value)
		case ContentLength:
			field.Drop = f.lengths > 0
			f.length(field.Value)
		}
	}
	return f.response(r)
}

// Bodiless says whether no body follows, whatever the fields say: 1xx, 204, 304, and any answer to HEAD (W-45).
func (r *Response) Bodiless(head bool) bool {
	return head || r.Status < 200 || r.Status == 204 || r.Status == 304
}

// unfold makes one line of a folded one: CRLF and the white space after it become one space. It works in place.
func unfold(b []byte) ([]byte, int) {
	out, folds := b[:0], 0
	for i := 0; i < len(b); i++ {
		if b[i] != '\r' || i+2 >= len(b) || (b[i+2] != ' ' && b[i+2] != '\t') {
			out = append(out, b[i])
			continue
		}
		for i += 2; i+1 < len(b) && (b[i+1] == ' ' || b[i+1] == '\t'); i++ {
		}
		out, folds = append(out, ' '), folds+1
	}
	return out, folds
}
