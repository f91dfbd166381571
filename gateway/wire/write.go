package wire

import (
	"bytes"
	"strconv"
)

// Append writes the head as it goes on: the request line in origin-form, every field that is not dropped in its order and its own
// bytes (W-22), all cookies in one line but the one named own (W-24, D-5). The framing line stands where the client's stood and says
// what Chunked and Length say now. The empty line is the caller's, after what it adds.
func (r *Request) Append(dst []byte, own string) []byte {
	dst = append(dst, r.MethodText...)
	dst = append(dst, ' ')
	dst = append(dst, r.Path...)
	if r.HasQuery {
		dst = append(append(dst, '?'), r.Query...)
	}
	dst = append(dst, " HTTP/1.1\r\n"...)
	cookies := false
	for i := range r.Fields {
		switch f := &r.Fields[i]; {
		case f.Name == TransferEncoding:
			dst = r.framing(dst)
		case f.Drop:
		case f.Name == ContentLength:
			dst = length(dst, f.Key, r.Length)
		case f.Name == Cookie:
			if !cookies {
				dst = r.cookies(dst, i, own)
			}
			cookies = true
		default:
			dst = append(dst, f.Line...)
		}
	}
	return dst
}

func (r *Request) framing(dst []byte) []byte {
	if r.Chunked {
		return append(dst, "Transfer-Encoding: chunked\r\n"...)
	}
	return length(dst, contentLength, r.Length)
}

var contentLength = []byte("Content-Length")

// length writes a length in the one spelling that nobody reads differently, under the name as it came.
func length(dst, key []byte, n int64) []byte {
	dst = append(append(dst, key...), ": "...)
	return append(strconv.AppendInt(dst, n, 10), "\r\n"...)
}

// cookies joins the Cookie lines from the first on. What stands beside our own cookie keeps its bytes, whatever it is.
func (r *Request) cookies(dst []byte, first int, own string) []byte {
	lines, ours := 0, false
	for i := first; i < len(r.Fields); i++ {
		if f := &r.Fields[i]; f.Name == Cookie && !f.Drop {
			lines++
			ours = ours || bytes.Contains(f.Value, []byte(own))
		}
	}
	if lines == 1 && !ours {
		return append(dst, r.Fields[first].Line...)
	}
	start := len(dst)
	dst = append(dst, r.Fields[first].Key...)
	dst = append(dst, ": "...)
	empty := len(dst)
	for i := first; i < len(r.Fields); i++ {
		f := &r.Fields[i]
		if f.Name != Cookie || f.Drop {
			continue
		}
		for rest := f.Value; len(rest) > 0; {
			var part []byte
			if part, rest = cutCookie(rest, own); len(part) == 0 {
				continue
			}
			if len(dst) > empty {
				dst = append(dst, "; "...)
			}
			dst = append(dst, part...)
		}
	}
	if len(dst) == empty {
		return dst[:start]
	}
	return append(dst, "\r\n"...)
}

// cutCookie cuts a Cookie value at the first cookie of a name, which belongs to neither part.
func cutCookie(value []byte, name string) (before, after []byte) {
	for at := 0; at < len(value); {
		pair, rest, _ := bytes.Cut(value[at:], []byte{';'})
		if isCookie(trim(pair), name) {
			return trim(value[:max(0, at-1)]), rest
		}
		at += len(pair) + 1
	}
	return trim(value), nil
}

func isCookie(pair []byte, name string) bool {
	return len(pair) > len(name) && pair[len(name)] == '=' && string(pair[:len(name)]) == name
}

// Cookie is the value of the first cookie of a name, nil if there is none.
func (r *Request) Cookie(name string) []byte {
	for i := range r.Fields {
		if r.Fields[i].Name != Cookie {
			continue
		}
		for rest := r.Fields[i].Value; len(rest) > 0; {
			var pair []byte
			pair, rest, _ = bytes.Cut(rest, []byte{';'})
			if pair = trim(pair); isCookie(pair, name) {
				return pair[len(name)+1:]
			}
		}
	}
	return nil
}

// Header finds a field in any case of its name: the first value, and how many lines have the name.
func (r *Request) Header(name string) (value []byte, lines int) {
	for i := range r.Fields {
		if f := &r.Fields[i]; len(f.Key) == len(name) && equalFold(f.Key, name) {
			if lines++; lines == 1 {
				value = f.Value
			}
		}
	}
	return value, lines
}

func equalFold(key []byte, name string) bool {
	for i, c := range key {
		if lower[c] != lower[name[i]] {
			return false
		}
	}
	return true
}

// Append writes the head as it goes to the client: the status line and every field that is not dropped, in its order and its own bytes
// (W-22, W-23). chunked says that a chunked body follows, or would to a GET: its line stands where the upstream's stood,
// else at the end. The empty line is the caller's.
func (r *Response) Append(dst []byte, chunked bool) []byte {
	dst = append(dst, "HTTP/1.1"...)
	dst = append(dst, r.after...)
	dst = append(dst, "\r\n"...)
	for i := range r.Fields {
		switch f := &r.Fields[i]; {
		case f.Name == TransferEncoding && chunked:
			dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
			chunked = false
		case f.Drop, f.Name == ContentLength && r.Chunked:
		case f.Name == ContentLength:
			dst = length(dst, f.Key, r.Length)
		default:
			dst = append(dst, f.Line...)
		}
	}
	if chunked {
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	}
	return dst
}

// AppendChunkSize writes the line before a chunk of n bytes.
func AppendChunkSize(dst []byte, n int) []byte {
	return append(strconv.AppendInt(dst, int64(n), 16), "\r\n"...)
}
