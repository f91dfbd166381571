package front

import (
	"net/url"
	"strings"
)

// match finds the route that says most about a path: a fixed segment before a variable, a variable before {proxy+}, a method
// before ANY, and $default last.
func match(routes []Route, method, path string) (*Route, map[string]string) {
	var best *Route
	var bestRank string
	var bestParams map[string]string
	for i := range routes {
		r := &routes[i]
		any := r.Method == "" || r.Method == "ANY"
		if !any && r.Method != method {
			continue
		}
		rank, params, ok := fit(r.Path, path)
		if !ok {
			continue
		}
		if any {
			rank += "z"
		}
		if best == nil || rank < bestRank {
			best, bestRank, bestParams = r, rank, params
		}
	}
	return best, bestParams
}

// fit lays a pattern on a path. Ranks compare as strings: a fixed, b variable, c greedy, d $default.
func fit(pattern, path string) (rank string, params map[string]string, ok bool) {
	if pattern == "$default" {
		return "d", nil, true
	}
	wants, has := strings.Split(strings.Trim(pattern, "/"), "/"), strings.Split(strings.TrimPrefix(path, "/"), "/")
	if n := len(has); n > 1 && has[n-1] == "" {
		has = has[:n-1] // a slash at the end is no segment
	}
	for i, want := range wants {
		name, variable := strings.CutPrefix(want, "{")
		name = strings.TrimSuffix(name, "}")
		greedy := variable && strings.HasSuffix(name, "+")
		if i >= len(has) || (variable && has[i] == "") {
			return "", nil, false
		}
		switch {
		case greedy:
			return rank + "c", with(params, strings.TrimSuffix(name, "+"), strings.Join(has[i:], "/")), true
		case variable:
			rank, params = rank+"b", with(params, name, has[i])
		case want == has[i]:
			rank += "a"
		default:
			return "", nil, false
		}
	}
	return rank, params, len(wants) == len(has)
}

func with(params map[string]string, name, escaped string) map[string]string {
	if params == nil {
		params = map[string]string{}
	}
	if plain, err := url.PathUnescape(escaped); err == nil {
		escaped = plain
	}
	params[name] = escaped
	return params
}
