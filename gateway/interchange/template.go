package interchange

import (
	"fmt"
	"strings"
)

// template is a CloudFormation template: what its functions refer to is looked up within the file; what only a deployment knows becomes
// ${NAME}, a variable of the gateway's environment.
type template struct {
	*spaces
	parameters, mappings, resources value
	unknown                         []string // since the last look
}

func (s *spaces) template(doc, resources value) {
	t := &template{spaces: s, parameters: doc.get("Parameters"), mappings: doc.get("Mappings"), resources: resources}
	for i, id := range resources.keys {
		r := resources.sub[i]
		switch r.get("Type").text {
		case "AWS::RefactorSpaces::Service":
			t.service(id, r)
		case "AWS::RefactorSpaces::Route":
			t.route(id, r)
		default:
			continue
		}
		if c := r.get("Condition"); c.text != "" {
			s.add(c.line, id, "stands there only if %s holds: taken as if it held", c.text)
		}
	}
}

func (t *template) service(id string, r value) {
	p := r.get("Properties")
	one := &service{id: id, name: id, line: r.line}
	if name, ok := t.text(p.get("Name"), ""); ok && name != "" {
		one.name = name
	}
	t.unknown = nil
	one.url, _ = t.text(p.get("UrlEndpoint").get("Url"), one.name+"_URL")
	one.unknown = t.unknown
	if arn := p.get("LambdaEndpoint").get("Arn"); arn.kind != none {
		t.unknown = nil
		if text, known := t.text(arn, "arn"); known {
			one.lambda = text
		} else {
			one.lambda = strings.Join(t.unknown, ", ")
		}
	}
	t.spaces.service(one)
}

func (t *template) route(id string, r value) {
	p := r.get("Properties")
	uri := p.get("UriPathRoute")
	known := true
	text := func(v value) string {
		s, ok := t.text(v, id)
		known = known && ok
		return s
	}
	made := &spaceRoute{line: r.line, standard: text(p.get("RouteType")) == "DEFAULT", path: text(uri.get("SourcePath")),
		children: text(uri.get("IncludeChildPaths")) == "true", prepend: text(uri.get("AppendSourcePath")) == "true", state: text(uri.get("ActivationState"))}
	if made.standard {
		if made.state = text(p.get("DefaultRoute").get("ActivationState")); made.state == "" {
			made.state = "ACTIVE"
		}
	}
	for _, m := range uri.get("Methods").sub {
		made.methods = append(made.methods, text(m))
	}
	made.service = t.refersTo(p.get("ServiceIdentifier"))
	if !known {
		t.add(r.line, "route "+id, "a property is a value that only a deployment knows: %s; write it out", strings.Join(t.unknown, ", "))
		made.state = "unknown"
	}
	t.spaces.route(made)
}

// refersTo is the resource that a value names: Ref, Fn::GetAtt or Fn::Sub of one; else its text, such as a parameter's default.
func (t *template) refersTo(v value) string {
	name, arg, _ := v.single()
	of := ""
	switch name {
	case "Ref":
		of = arg.text
	case "Fn::GetAtt":
		if of, _, _ = strings.Cut(arg.text, "."); arg.kind == array && len(arg.sub) > 0 {
			of = arg.sub[0].text
		}
	case "Fn::Sub":
		if inner, ok := strings.CutPrefix(arg.text, "${"); ok && strings.HasSuffix(inner, "}") {
			of, _, _ = strings.Cut(strings.TrimSuffix(inner, "}"), ".")
		}
	}
	if t.resources.get(of).kind == object {
		return of
	}
	text, _ := t.text(v, "")
	return text
}

// text is a value's text. Where a part of it is not in the file, ${NAME} stands for it and ok is false; alone is the name of a value of
// which nothing is known.
func (t *template) text(v value, alone string) (s string, ok bool) { return t.resolve(v, alone, 0) }

func (t *template) resolve(v value, alone string, depth int) (string, bool) {
	switch {
	case v.kind == none:
		return "", true
	case v.kind == scalar:
		return strings.ReplaceAll(v.text, "${", "{"), true // a literal one is no variable of ours
	case depth > maxDepth:
		return t.missing(alone, "a value within too many others")
	}
	name, arg, single := v.single()
	switch {
	case !single:
		return t.missing(alone, "a list or a map")
	case name == "Ref":
		return t.named(arg.text, nil, depth)
	case name == "Fn::GetAtt" && arg.kind == array && len(arg.sub) == 2:
		return t.missing(arg.sub[0].text+"."+arg.sub[1].text, arg.sub[0].text+"."+arg.sub[1].text)
	case name == "Fn::GetAtt":
		return t.missing(arg.text, arg.text)
	case name == "Fn::Sub":
		return t.sub(arg, depth)
	case name == "Fn::Join" && arg.kind == array && len(arg.sub) == 2 && arg.sub[1].kind == array:
		return t.join(arg.sub[0].text, arg.sub[1].sub, alone, depth)
	case name == "Fn::FindInMap" && arg.kind == array && len(arg.sub) == 3:
		return t.findInMap(arg.sub, alone, depth)
	}
	return t.missing(alone, name)
}

// missing is a part that the file does not hold.
func (t *template) missing(name, what string) (string, bool) {
	t.unknown = append(t.unknown, what)
	return "${" + variable(name) + "}", false
}

// named is what a name stands for: a value given with Fn::Sub, or a parameter's default.
func (t *template) named(name string, given map[string]value, depth int) (string, bool) {
	if v, ok := given[name]; ok {
		return t.resolve(v, name, depth+1)
	}
	if v := t.parameters.get(name).get("Default"); v.kind == scalar {
		return t.resolve(v, name, depth+1)
	}
	return t.missing(name, name)
}

func (t *template) sub(arg value, depth int) (string, bool) {
	pattern, given := arg.text, map[string]value{}
	if arg.kind == array && len(arg.sub) == 2 {
		pattern = arg.sub[0].text
		for i, k := range arg.sub[1].keys {
			given[k] = arg.sub[1].sub[i]
		}
	}
	var b strings.Builder
	known := true
	for {
		before, rest, found := strings.Cut(pattern, "${")
		name, after, closed := strings.Cut(rest, "}")
		b.WriteString(before)
		if !found || !closed {
			return b.String(), known
		}
		if literal, is := strings.CutPrefix(name, "!"); is { // ${!X} is the text ${X}
			b.WriteString("{" + literal + "}")
		} else {
			s, ok := t.named(strings.TrimSpace(name), given, depth)
			b.WriteString(s)
			known = known && ok
		}
		pattern = after
	}
}

func (t *template) join(between string, parts []value, alone string, depth int) (string, bool) {
	all, known := make([]string, len(parts)), true
	for i, p := range parts {
		s, ok := t.resolve(p, fmt.Sprint(alone, "_", i+1), depth+1)
		all[i], known = s, known && ok
	}
	return strings.Join(all, between), known
}

func (t *template) findInMap(keys []value, alone string, depth int) (string, bool) {
	at := t.mappings
	for _, k := range keys {
		name, ok := t.resolve(k, alone, depth+1)
		if !ok {
			return name, false
		}
		at = at.get(name)
	}
	if at.kind != scalar {
		return t.missing(alone, "Fn::FindInMap")
	}
	return at.text, true
}

// variable makes a name of the environment: upper case, '_' for what is neither a letter nor a digit.
func variable(name string) string {
	s := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return r
		}
		return '_'
	}, name)
	if s == "" || '0' <= s[0] && s[0] <= '9' {
		s = "X_" + s
	}
	return s[:min(len(s), 64)]
}
