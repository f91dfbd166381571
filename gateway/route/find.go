package route

import "bytes"

// Match finds a request's route: the first in W-14's order that takes it, or nil. sure is false when a query is one
// that PHP may read otherwise than we do: there is no route then, and the request is legacy's (W-13). It does not
// allocate.
func (t *Table) Match(r *Request) (found *Route, sure bool) {
	if r.Host != "" {
		if p := t.hosts[r.Host]; p != nil {
			if found, sure = p.match(r); found != nil || !sure {
				return found, sure
			}
		}
	}
	return t.all.match(r)
}

func (p *paths) match(r *Request) (*Route, bool) {
	for _, c := range p.exact[string(r.Path)] {
		if took := c.Match.conditions(r); took == Unsure {
			return nil, false
		} else if took == Found {
			return c, true
		}
	}
	for _, c := range p.patterns {
		if !c.Match.Path.takes(r.Path) {
			continue
		}
		if took := c.Match.conditions(r); took == Unsure {
			return nil, false
		} else if took == Found {
			return c, true
		}
	}
	return nil, true
}

// conditions tests all but host and path.
func (m *Match) conditions(r *Request) Reading {
	if m.Method != "" && string(r.Method) != m.Method && (m.Method != "GET" || string(r.Method) != "HEAD") {
		return Missing
	}
	for i := range m.Headers {
		if !m.Headers[i].header(r.Headers) {
			return Missing
		}
	}
	for i := range m.Query {
		c := &m.Query[i]
		value, reading := PHP(r.Query, c.Name)
		if reading == Unsure {
			return Unsure
		}
		if (reading == Missing) != c.Absent || !c.Absent && !Equal(value, c.Value) {
			return Missing
		}
	}
	return Found
}

// header compares one header line's value, byte for byte. Several lines of one name are no match: which of them a
// backend would take is its own affair.
func (c *Condition) header(h Headers) bool {
	if h == nil {
		return c.Absent
	}
	value, lines := h.Header(c.Name)
	if c.Absent {
		return lines == 0
	}
	return lines == 1 && string(value) == c.Value
}

// takes compares a canonical path with a pattern, segment by segment. A parameter takes one segment, not empty.
func (p *Path) takes(path []byte) bool {
	for _, s := range p.segments {
		if len(path) == 0 || path[0] != '/' {
			return false
		}
		path = path[1:]
		end := bytes.IndexByte(path, '/')
		if end < 0 {
			end = len(path)
		}
		if s.param && end == 0 || !s.param && string(path[:end]) != s.text {
			return false
		}
		path = path[end:]
	}
	if p.prefix {
		return len(path) > 0
	}
	return len(path) == 0
}
