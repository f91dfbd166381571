package route

import (
	"fmt"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/gateway/split"
)

// Match is which requests a route takes.
type Match struct {
	Host    string // lower case without port; empty: any
	Method  string // empty: any; GET takes HEAD too, unless a route names it
	Path    Path
	Query   []Condition // all must hold, by PHP's reading
	Headers []Condition // all must hold; names in any case
}

// Condition is what a query key or a header must be.
type Condition struct {
	Name, Value string
	Absent      bool // it must not be there at all; Value is empty
}

// Path is a pattern: exact, with {parameter} segments, or a prefix that ends in /*. /a/* takes what begins with /a/
// and not /a itself.
type Path struct {
	text     string
	segments []segment
	prefix   bool
	params   bool
}

type segment struct {
	text  string // the literal, in canonical form
	param bool   // one whole segment, not empty
}

func (p Path) String() string { return p.text }

// Exact is the one path that the pattern takes, and whether it is of that kind.
func (p Path) Exact() (string, bool) { return p.text, !p.prefix && !p.params }

// ParseMatch reads "[METHOD ][HOST]/PATH[?KEY=VALUE&KEY=VALUE]". A key that must be absent is written !KEY.
func ParseMatch(s string) (Match, error) {
	var m Match
	rest := s
	if method, after, ok := strings.Cut(s, " "); ok {
		if err := CheckMethod(method); err != nil {
			return Match{}, err
		}
		m.Method, rest = method, after
	}
	slash := strings.IndexByte(rest, '/')
	if slash < 0 {
		return Match{}, fmt.Errorf("match %q has no path: write it as POST /donate", s)
	}
	if slash > 0 {
		m.Host = rest[:slash]
		if err := CheckHost(m.Host); err != nil {
			return Match{}, err
		}
	}
	path, query, hasQuery := strings.Cut(rest[slash:], "?")
	var err error
	if m.Path, err = ParsePath(path); err != nil {
		return Match{}, err
	}
	if hasQuery {
		m.Query, err = parseConditions(query)
	}
	return m, err
}

// CheckMethod refuses what the engine never passes on (W-3).
func CheckMethod(method string) error {
	if slices.Contains(Methods, method) {
		return nil
	}
	return fmt.Errorf("%q is not a method that passes: one of %s, or none for all", method, strings.Join(Methods, " "))
}

// Methods are those that the engine passes on (W-3).
var Methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// CheckHost accepts a host name or address in lower case without a port.
func CheckHost(host string) error {
	bare := host
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		bare = strings.ReplaceAll(host[1:len(host)-1], ":", "")
	}
	for i := 0; i < len(bare); i++ {
		c := bare[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return fmt.Errorf("%q is not a host: lower-case letters, digits, '.' and '-', without scheme or port", host)
		}
	}
	if bare == "" || strings.HasSuffix(bare, ".") || len(bare) > 253 {
		return fmt.Errorf("%q is not a host: a name such as www.rednosefund.example", host)
	}
	return nil
}

// ParsePath reads a pattern. A literal must be in canonical form already, since that is what it is compared with.
func ParsePath(s string) (Path, error) {
	if !strings.HasPrefix(s, "/") {
		return Path{}, fmt.Errorf("path %q does not begin with a slash", s)
	}
	p := Path{text: s}
	body, prefix := strings.CutSuffix(s, "/*")
	p.prefix = prefix
	if prefix && body == "" {
		return p, nil // everything
	}
	parts := strings.Split(body[1:], "/")
	for i, part := range parts {
		if part == "" && (prefix || i < len(parts)-1) {
			return Path{}, fmt.Errorf("path %q: an empty segment can never match: such requests always go to legacy (W-11)", s)
		}
		seg, err := parseSegment(s, part)
		if err != nil {
			return Path{}, err
		}
		p.params = p.params || seg.param
		p.segments = append(p.segments, seg)
	}
	return p, nil
}

func parseSegment(path, part string) (segment, error) {
	if name, ok := strings.CutPrefix(part, "{"); ok {
		if name, ok = strings.CutSuffix(name, "}"); !ok || !split.Name(name) {
			return segment{}, fmt.Errorf("path %q: a parameter is a whole segment, {name}", path)
		}
		return segment{param: true}, nil
	}
	if strings.ContainsAny(part, "*{}") {
		return segment{}, fmt.Errorf("path %q: '*' stands alone at the end after a slash, {name} is a whole segment", path)
	}
	canonical, flags, ok := Canonical(nil, []byte("/"+part))
	if !ok || flags != 0 {
		return segment{}, fmt.Errorf("path %q: segment %q can never match: such requests always go to legacy (W-11)", path, part)
	}
	if string(canonical[1:]) != part {
		return segment{}, fmt.Errorf("path %q: write segment %q as %q, the spelling that is compared", path, part, canonical[1:])
	}
	return segment{text: part}, nil
}

func parseConditions(query string) ([]Condition, error) {
	var all []Condition
	for _, pair := range strings.Split(query, "&") {
		name, value, has := strings.Cut(pair, "=")
		absent := strings.HasPrefix(name, "!")
		c := Condition{Name: strings.TrimPrefix(name, "!"), Value: value, Absent: absent}
		if c.Name == "" || absent == has || strings.ContainsAny(c.Name, "[]. %+") {
			return nil, fmt.Errorf("query condition %q: write KEY=VALUE, or !KEY for a key that must be absent", pair)
		}
		all = append(all, c)
	}
	return all, nil
}

// String is the match in one spelling: conditions in order of their names.
func (m Match) String() string {
	var b strings.Builder
	if m.Method != "" {
		b.WriteString(m.Method + " ")
	}
	b.WriteString(m.Host + m.Path.text)
	for i, c := range sorted(m.Query) {
		b.WriteByte("?&"[min(i, 1)])
		b.WriteString(c.String())
	}
	for _, c := range sorted(m.Headers) {
		c.Name = strings.ToLower(c.Name)
		b.WriteString(" [" + c.String() + "]")
	}
	return b.String()
}

func (c Condition) String() string {
	if c.Absent {
		return "!" + c.Name
	}
	return c.Name + "=" + c.Value
}

func sorted(all []Condition) []Condition {
	return slices.SortedFunc(slices.Values(all), func(a, b Condition) int { return strings.Compare(a.String(), b.String()) })
}
