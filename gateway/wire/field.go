package wire

import (
	"bytes"
	"encoding/binary"
)

// Name tells the header fields that the gateway treats in a way of their own from all Other ones.
type Name uint8

// The names. Those from Forwarded to Banyan are the ones that only a trusted peer may send (W-27).
const (
	Other Name = iota
	Host
	Connection
	Hop // Keep-Alive, Proxy-Connection, Proxy-Authenticate, Proxy-Authorization: no more than hop-by-hop
	TE
	Trailer
	TransferEncoding
	Upgrade
	HTTP2Settings
	ContentLength
	ContentType
	ContentOther // any other Content-*
	Expect
	Cookie
	Authorization
	Via
	RequestID
	Traceparent
	AcceptEncoding
	UserAgent
	IfNoneMatch
	IfModifiedSince
	IfRange
	Range
	SetCookie
	CacheControl
	Location
	Refresh
	Link
	ContentSecurityPolicy
	KeepAlive
	AccelBuffering
	Date
	Control        // what else steers a request, its answer or its reader, and so has no place among trailers (W-41, W-42)
	Forwarded      // the standard one
	ForwardedFor   // X-Forwarded-For
	ForwardedProto // X-Forwarded-Proto
	ForwardedOther // any other X-Forwarded-*
	Impersonating  // X-Real-IP, X-Original-URL, X-HTTP-Method-Override, Proxy and their like
	BanyanSide     // X-Banyan-Side: a tester's override (S-4)
	BanyanMark     // X-Banyan-Mark: shadow or test traffic
	BanyanHop      // X-Banyan-Hop: loop detection (W-33)
	Banyan         // any other X-Banyan-*
	numberOfNames
)

// Field is one header line. Line is the line as it came, with its CRLF; Key and Value are parts of it, Value without the white space around it.
type Field struct {
	Line, Key, Value []byte
	Name             Name
	Underscore       bool // the key holds '_', which PHP cannot tell from '-' (W-29)
	Drop             bool // do not pass it on
}

// name finds what a key means. key is in lower case, cut at the length of the longest name of interest.
func name(key []byte) Name {
	switch string(key) {
	case "host":
		return Host
	case "connection":
		return Connection
	case "keep-alive":
		return KeepAlive
	case "proxy-connection", "proxy-authenticate", "proxy-authorization":
		return Hop
	case "te":
		return TE
	case "trailer":
		return Trailer
	case "transfer-encoding":
		return TransferEncoding
	case "upgrade":
		return Upgrade
	case "http2-settings":
		return HTTP2Settings
	case "content-length":
		return ContentLength
	case "content-type":
		return ContentType
	case "content-security-policy", "content-security-policy-report-only":
		return ContentSecurityPolicy
	case "expect":
		return Expect
	case "cookie":
		return Cookie
	case "authorization":
		return Authorization
	case "via":
		return Via
	case "x-request-id":
		return RequestID
	case "traceparent":
		return Traceparent
	case "accept-encoding":
		return AcceptEncoding
	case "user-agent":
		return UserAgent
	case "if-none-match":
		return IfNoneMatch
	case "if-modified-since":
		return IfModifiedSince
	case "if-range":
		return IfRange
	case "range":
		return Range
	case "set-cookie":
		return SetCookie
	case "cache-control":
		return CacheControl
	case "location":
		return Location
	case "refresh":
		return Refresh
	case "link":
		return Link
	case "date":
		return Date
	case "x-accel-buffering":
		return AccelBuffering
	case "max-forwards", "if-match", "if-unmodified-since", "www-authenticate", "age", "expires", "pragma", "retry-after", "vary", "warning":
		return Control
	case "forwarded":
		return Forwarded
	case "x-forwarded-for":
		return ForwardedFor
	case "x-forwarded-proto":
		return ForwardedProto
	case "x-real-ip", "x-client-ip", "client-ip", "true-client-ip", "x-cluster-client-ip", "x-original-url",
		"x-rewrite-url", "x-http-method", "x-http-method-override", "x-method-override", "front-end-https", "proxy":
		return Impersonating
	case "x-banyan-side":
		return BanyanSide
	case "x-banyan-mark":
		return BanyanMark
	case "x-banyan-hop":
		return BanyanHop
	}
	switch {
	case bytes.HasPrefix(key, []byte("x-forwarded-")):
		return ForwardedOther
	case bytes.HasPrefix(key, []byte("x-banyan-")):
		return Banyan
	case bytes.HasPrefix(key, []byte("content-")):
		return ContentOther
	}
	return Other
}

// hop says whether a field is between two neighbours only and never passes (W-25).
func (n Name) hop() bool {
	switch n {
	case Connection, KeepAlive, Hop, TE, Trailer, TransferEncoding, Upgrade, HTTP2Settings:
		return true
	}
	return false
}

// protected says whether Connection may not list a name (W-26).
func (n Name) protected() bool {
	switch n {
	case Host, ContentLength, ContentType, ContentOther, ContentSecurityPolicy, Cookie, Authorization, Via, RequestID, Traceparent, SetCookie:
		return true
	}
	return n >= Forwarded && n < numberOfNames
}

// Spoofable says whether a field is dropped when it does not come from a trusted peer (W-27). A mark and an override are
// read by the caller before they are dropped.
func (n Name) Spoofable() bool { return n >= Forwarded && n < numberOfNames }

const longestName = 40

// field parses the header line at the start of b, which holds at least one CRLF.
func field(b []byte, limit int, f *Field) *Error {
	if b[0] == ' ' || b[0] == '\t' {
		return bad("W-21", "a header line begins with white space: folded lines are not accepted")
	}
	var key [longestName]byte
	i := 0
	for ; b[i] != ':'; i++ {
		c := lower[b[i]]
		if c == 0 {
			return bad("W-20", "a header name holds a byte that no name may hold, or no colon follows it at once")
		}
		if i < longestName {
			key[i] = c
		}
	}
	if i == 0 {
		return bad("W-20", "a header line has no name")
	}
	end := i + 1 + bytes.IndexByte(b[i+1:], '\r') // there is one: the CRLF
	if b[end+1] != '\n' || !text(b[i+1:end]) {
		return bad("W-20", "a header value holds a control byte")
	}
	if end > limit {
		return over(431, "W-67", "a header line is too long", limit, "bytes")
	}
	f.Line, f.Key, f.Value = b[:end+2], b[:i], trim(b[i+1:end])
	f.Name, f.Drop = name(key[:min(i, longestName)]), false
	f.Underscore = bytes.IndexByte(f.Key, '_') >= 0
	return nil
}

// text says whether a field value may hold all these bytes. It looks at eight at a time for one below 0x20 or equal to 0x7F, and closer
// only if there is one: it may be a tab.
func text(v []byte) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for len(v) >= 8 {
		x := binary.LittleEndian.Uint64(v)
		if del := x ^ 0x7F*ones; (x-0x20*ones)&^x&tops|(del-ones)&^del&tops != 0 {
			break
		}
		v = v[8:]
	}
	for _, c := range v {
		if kinds[c]&isText == 0 {
			return false
		}
	}
	return true
}

// fields parses header lines until the empty one. b ends with CRLF CRLF, or is the CRLF that says there are none.
func fields(b []byte, l Limits, into []Field) ([]Field, *Error) {
	if len(b)-2 > l.Head {
		return into, over(431, "W-67", "the header lines together are too long", l.Head, "bytes")
	}
	for len(b) > 2 {
		if len(into) == l.Count {
			return into, over(431, "W-67", "there are too many header lines", l.Count, "lines")
		}
		if len(into) < cap(into) {
			into = into[:len(into)+1]
		} else {
			into = append(into, Field{})
		}
		f := &into[len(into)-1]
		if err := field(b, l.Field, f); err != nil {
			return into, err
		}
		b = b[len(f.Line):]
	}
	return into, nil
}

// nominated drops the fields that a Connection value lists, and tells the options that the gateway itself heeds.
func nominated(value []byte, all []Field) (o options, err *Error) {
	for part := range bytes.SplitSeq(value, []byte{','}) {
		token := trim(part)
		var key [longestName]byte
		for i := range min(len(token), longestName) {
			key[i] = lower[token[i]]
		}
		low := key[:min(len(token), longestName)]
		switch string(low) {
		case "":
			continue
		case "close":
			o.close = true
			continue
		case "keep-alive":
			o.keep = true
			continue
		}
		n := name(low)
		if n.protected() {
			return o, bad("W-26", "Connection lists a field that is not the neighbour's to drop")
		}
		o.upgrade = o.upgrade || n == Upgrade
		for i := range all {
			if len(all[i].Key) == len(token) && bytes.EqualFold(all[i].Key, token) {
				all[i].Drop = true
			}
		}
	}
	return o, nil
}

// options are the tokens of Connection that the gateway acts on.
type options struct{ close, keep, upgrade bool }
