package wire

import "bytes"

// framing gathers what a head says about where its body ends. Requests and responses judge it by different rules.
type framing struct {
	lengths, codings int
	size             int64
	badLength        bool // malformed (W-37)
	differing        bool // two lengths that are not the same
	chunked          int  // how often chunked is listed
	others           int  // other codings
	lastChunked      bool
	empty            bool // an empty list element
}

// disguised says whether a name that frames nothing is spelled like one that does, punctuation aside: Transfer_Encoding and
// Content--Length are what some servers read as the true ones.
func disguised(key []byte) bool {
	return spells(key, "transferencoding") || spells(key, "contentlength")
}

// spells says whether a key has these letters, in any case, and no others, nor digits.
func spells(key []byte, letters string) bool {
	n := 0
	for _, c := range key {
		switch c |= 0x20; {
		case (c < 'a' || c > 'z') && (c < '0' || c > '9'):
		case n == len(letters) || c != letters[n]:
			return false
		default:
			n++
		}
	}
	return n == len(letters)
}

// length reads one Content-Length line: 1 to 18 digits and nothing else (W-37).
func (f *framing) length(v []byte) {
	f.lengths++
	if len(v) < 1 || len(v) > 18 {
		f.badLength = true
		return
	}
	var n int64
	for _, c := range v {
		if c < '0' || c > '9' {
			f.badLength = true
			return
		}
		n = n*10 + int64(c-'0')
	}
	f.differing = f.differing || (f.lengths > 1 && n != f.size)
	f.size = n
}

// coding reads one Transfer-Encoding line.
func (f *framing) coding(v []byte) {
	f.codings++
	for part := range bytes.SplitSeq(v, []byte{','}) {
		token := trim(part)
		f.lastChunked = Fold(token, "chunked")
		switch {
		case len(token) == 0:
			f.empty = true
		case f.lastChunked:
			f.chunked++
		default:
			f.others++
		}
	}
}

// request judges a request's framing (W-35 to W-39).
func (f *framing) request(r *Request) *Error {
	switch {
	case f.lengths > 0 && f.codings > 0:
		return bad("W-35", "Content-Length and Transfer-Encoding stand together")
	case f.lengths > 1:
		return bad("W-36", "there is more than one Content-Length")
	case f.badLength:
		return bad("W-37", "Content-Length is not a plain number of at most 18 digits")
	case f.codings > 0 && r.Minor == 0:
		return bad("W-39", "HTTP/1.0 has no Transfer-Encoding")
	case f.codings > 0 && (f.empty || f.chunked != 1 || !f.lastChunked || f.codings > 1):
		return bad("W-38", "the one Transfer-Encoding understood here is chunked, once and last")
	case f.codings > 0 && f.others > 0:
		return &Error{501, "W-38", "no transfer coding but chunked is understood here"}
	}
	r.Length = f.size
	if f.codings > 0 {
		r.Chunked, r.Length = true, -1
	}
	return nil
}

// response judges a response's framing (W-45 to W-47). Two equal lengths are one.
func (f *framing) response(r *Response) *Error {
	switch {
	case f.badLength || f.differing:
		return malformed("W-45", "the upstream's Content-Length is malformed or there are two that differ")
	case f.codings > 0 && (f.empty || f.others > 0 || f.chunked != 1):
		return malformed("W-45", "the upstream's Transfer-Encoding is not plain chunked")
	}
	r.Length = -1
	if f.lengths > 0 {
		r.Length = f.size
	}
	if f.codings > 0 {
		r.Suspect = f.lengths > 0 || r.Minor == 0
		r.Chunked, r.Length = true, -1
	}
	return nil
}
