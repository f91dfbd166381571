package interchange

import (
	"slices"
	"strings"
)

// literalFirst keeps an order that differs: API Gateway goes from segment to segment and takes the literal one, here a parameter comes
// before a prefix and a longer prefix before a shorter (W-14). What both would take is said once more, for the group that has it there.
func (w *importer) literalFirst() {
	for _, q := range slices.Clone(w.taken) {
		for _, p := range slices.Clone(w.taken) {
			if !q.prefix || p.group == q.group || len(q.segments) >= len(p.segments) || p.method != "" && q.method != "" && p.method != q.method {
				continue
			}
			both, ok := meet(p.segments, q.segments)
			if !ok {
				continue
			}
			path := "/" + strings.Join(both, "/")
			if p.prefix {
				path += "/*"
			}
			method := q.method
			if method == "" {
				method = p.method
			}
			if _, said := w.seen[method+" "+blank(path)]; !said {
				w.emit(q.group, method, path, q.line)
			}
		}
	}
}

// meet is what a longer pattern and a shorter prefix both take, where the prefix has a literal before the other has one.
func meet(long, short []string) (both []string, ok bool) {
	both = slices.Clone(long)
	decided := false
	for i, s := range short {
		switch {
		case isParam(s) == isParam(long[i]):
			if !isParam(s) && s != long[i] {
				return nil, false
			}
		case isParam(s): // the longer one is literal
			if !decided {
				return nil, false
			}
		default:
			both[i], decided = s, true
		}
	}
	return both, decided
}
