package permissions

import "strings"

// grants says that a statement is about an action on a resource.
func (s Statement) grants(n Need) bool {
	for _, action := range s.Actions {
		if !like(strings.ToLower(action), strings.ToLower(n.Action)) {
			continue
		}
		held := false
		for _, p := range s.Resources {
			held = held || p.holds(n.Resource)
		}
		if held != s.But {
			return true
		}
	}
	return false
}

// holds says that a pattern is of a resource, which is the last part of an ARN; one that the log does not name is held by
// any. What the log leaves open, the key in a bucket, may be any that the pattern has.
func (p Pattern) holds(resource string) bool {
	if resource == "" || p.text == "*" || p.text == open {
		return true
	}
	fields := strings.SplitN(p.text, ":", 6)
	bucket, inside := strings.CutSuffix(resource, "/*")
	switch {
	case len(fields) == 6 && inside:
		of, _, keys := strings.Cut(fields[5], "/")
		return like(fields[5], resource) || keys && like(of, bucket)
	case len(fields) == 6:
		// Secrets Manager adds a hyphen and six characters to a secret's name.
		return like(fields[5], resource) || strings.HasPrefix(resource, "secret:") && like(fields[5], resource+"-AbCdEf")
	case strings.Contains(p.text, open):
		return like(p.text, resource) || like(open+p.text, resource)
	}
	return false
}

// like says that a text is of a pattern, in which * is any text, ? any character, and open any text.
func like(pattern, text string) bool {
	// The last star that was met takes one character more each time that what follows it does not fit.
	p, t, star, from := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && (pattern[p] == '*' || pattern[p] == open[0]):
			star, from = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			from++
			p, t = star+1, from
		default:
			return false
		}
	}
	for p < len(pattern) && (pattern[p] == '*' || pattern[p] == open[0]) {
		p++
	}
	return p == len(pattern)
}

// wide says that a grant has a wildcard that takes in more than one thing: any in its action, and in its resource a star
// that stands for the whole or begins the last part's name. What follows a name (the keys of a bucket, the indexes of a
// table, the six characters after a secret) is the resource's own.
func wide(action string, resource Pattern) bool {
	if strings.ContainsAny(action, "*?") || resource.text == "*" {
		return true
	}
	fields := strings.SplitN(resource.text, ":", 6)
	if len(fields) < 6 {
		return false
	}
	name := fields[5]
	for _, kind := range []string{"table/", "secret:", "parameter/", "stateMachine:", "execution:", "function:", "log-group:"} {
		name = strings.TrimPrefix(name, kind)
	}
	return strings.HasPrefix(name, "*") || strings.HasPrefix(name, "?")
}
