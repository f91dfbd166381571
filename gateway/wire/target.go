package wire

import "bytes"

// place splits the target into path and query (W-4 to W-6).
func (r *Request) place() *Error {
	t := r.Target
	switch {
	case t[0] == '/':
	case len(t) == 1 && t[0] == '*':
		if r.Method != OPTIONS {
			return bad("W-4", "the target * belongs to OPTIONS")
		}
		r.Asterisk, r.Path = true, t
		return nil
	default:
		var err *Error
		if t, err = r.absolute(t); err != nil {
			return err
		}
	}
	r.Path = t
	if i := bytes.IndexByte(t, '?'); i >= 0 {
		r.Path, r.Query, r.HasQuery = t[:i], t[i+1:], true
	}
	if len(r.Path) == 0 {
		r.Path = root
		if r.Asterisk = r.Method == OPTIONS && !r.HasQuery; r.Asterisk {
			r.Path = asterisk // RFC 9112, 3.2.4: OPTIONS of an address without a path asks the server itself
		}
	}
	return nil
}

var root, asterisk = []byte("/"), []byte("*")

// absolute takes scheme and authority off an absolute-form target (W-5). SameHost checks the authority, since HTTP/1.0 may
// leave the host to the gateway's configuration.
func (r *Request) absolute(t []byte) ([]byte, *Error) {
	i := bytes.Index(t, []byte("://"))
	if i < 0 || !(Fold(t[:i], "http") || Fold(t[:i], "https")) {
		return nil, bad("W-6", "the target is neither a path nor an http address")
	}
	rest := t[i+3:]
	end := bytes.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	r.authority, r.https = rest[:end], len(t[:i]) == len("https")
	if bytes.IndexByte(r.authority, '@') >= 0 {
		return nil, bad("W-6", "the target holds user information")
	}
	if !validHost(r.authority) {
		return nil, bad("W-5", "the target's authority is empty or holds bytes that no host may hold")
	}
	if r.Host != nil {
		if err := r.SameHost(r.Host); err != nil {
			return nil, err
		}
	}
	return rest[end:], nil
}

// SameHost refuses an absolute-form target whose authority is not host, the case of letters and the default port aside.
// Parse has called it already if there is a Host line.
func (r *Request) SameHost(host []byte) *Error {
	if r.authority == nil {
		return nil
	}
	port := ":80"
	if r.https {
		port = ":443"
	}
	a, b := bytes.TrimSuffix(r.authority, []byte(port)), bytes.TrimSuffix(host, []byte(port))
	if !bytes.EqualFold(a, b) {
		return bad("W-5", "the target's authority is not the Host line's")
	}
	return nil
}

// validHost says whether a Host value is a host and perhaps a port (W-15).
func validHost(h []byte) bool {
	name, port, ok := cutPort(h)
	if !ok || len(name) == 0 || len(port) > 5 {
		return false
	}
	number := 0
	for _, c := range port {
		if c < '0' || c > '9' {
			return false
		}
		number = number*10 + int(c-'0')
	}
	if number > 65535 {
		return false
	}
	if name[0] == '[' {
		for _, c := range name[1 : len(name)-1] {
			if kinds[c]&isHex == 0 && c != ':' && c != '.' {
				return false
			}
		}
		return len(name) > 3
	}
	for _, c := range name {
		if kinds[c]&isHost == 0 {
			return false
		}
	}
	return true
}

// Hostname is a Host value without its port; an IPv6 address keeps its brackets.
func Hostname(h []byte) []byte {
	name, _, _ := cutPort(h)
	return name
}

func cutPort(h []byte) (name, port []byte, ok bool) {
	if len(h) > 0 && h[0] == '[' {
		end := bytes.IndexByte(h, ']')
		if end < 0 {
			return nil, nil, false
		}
		name, h = h[:end+1], h[end+1:]
		if len(h) == 0 {
			return name, nil, true
		}
		return name, h[1:], h[0] == ':'
	}
	if i := bytes.IndexByte(h, ':'); i >= 0 {
		return h[:i], h[i+1:], true
	}
	return h, nil, true
}
