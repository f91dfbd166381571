package drupal

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"strconv"
	"strings"
)

// PHP's own limits on what it reads: values a request, and brackets a name. What is beyond is dropped, and no form
// of people's hands comes near.
const (
	maxVars  = 1000
	maxDepth = 64
)

// array is what PHP makes of a query or a posted body ($_GET, $_POST): keys in the order of their first mention, of
// which the last value counts (W-13). A value is a text or another array.
type array struct {
	keys []string
	of   map[string]*value
	next int // the number that name[] gets
}

type value struct {
	text string
	list *array // not nil: an array, and text means nothing
}

// set registers one pair as PHP does: leading spaces go, '.' and ' ' in the first part of a name become '_', brackets
// make arrays, and a NUL ends the name.
func (a *array) set(name, text string) {
	name, _, _ = strings.Cut(strings.TrimLeft(name, " "), "\x00")
	base, rest, _ := cutBefore(name, "[")
	if base == "" {
		return
	}
	base = mangled.Replace(base)
	if !strings.Contains(rest, "]") { // an open bracket that never closes is part of the name
		rest = strings.Replace(rest, "[", "_", 1)
		a.put(base+rest, &value{text: text})
		return
	}
	path := []string{}
	for strings.HasPrefix(rest, "[") {
		key, more, closed := strings.Cut(rest[1:], "]")
		if !closed {
			break
		}
		path, rest = append(path, strings.TrimLeft(key, " \t\r\n")), more
	}
	if len(path) > maxDepth {
		return
	}
	key := base
	for _, sub := range path {
		a = a.enter(key)
		if key = sub; key == "" {
			key = strconv.Itoa(a.next)
		}
	}
	a.put(key, &value{text: text})
}

var mangled = strings.NewReplacer(".", "_", " ", "_")

func cutBefore(s, sep string) (before, from string, found bool) {
	if i := strings.Index(s, sep); i >= 0 {
		return s[:i], s[i:], true
	}
	return s, "", false
}

func (a *array) put(key string, v *value) {
	if a.of == nil {
		a.of = map[string]*value{}
	}
	if a.of[key] == nil {
		a.keys = append(a.keys, key)
	}
	a.of[key] = v
	if n, err := strconv.Atoi(key); err == nil && n >= a.next {
		a.next = n + 1
	}
}

// enter is the array below key, made if need be; a text that stood there is replaced.
func (a *array) enter(key string) *array {
	if v := a.of[key]; v != nil && v.list != nil {
		return v.list
	}
	v := &value{list: &array{}}
	a.put(key, v)
	return v.list
}

// text is the plain value of key; "" if it is absent or an array.
func (a *array) text(key string) string {
	if v := a.of[key]; v != nil && v.list == nil {
		return v.text
	}
	return ""
}

// at walks down; nil if nothing is there.
func (a *array) at(path ...string) *value {
	v := &value{list: a}
	for _, key := range path {
		if v == nil || v.list == nil {
			return nil
		}
		v = v.list.of[key]
	}
	return v
}

// build is drupal_http_build_query: the pairs again, encoded as Drupal does, slashes in values readable.
func (a *array) build(parent string) string {
	var pairs []string
	for _, key := range a.keys {
		name := rawURL(key)
		if parent != "" {
			name = parent + rawURL("["+key+"]")
		}
		if v := a.of[key]; v.list != nil {
			pairs = append(pairs, v.list.build(name))
		} else {
			pairs = append(pairs, name+"="+readable(v.text))
		}
	}
	return strings.Join(pairs, "&")
}

// rawURL is PHP's rawurlencode.
func rawURL(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func readable(s string) string { return strings.ReplaceAll(rawURL(s), "%2F", "/") }

// parseQuery reads a query or a urlencoded body: split on '&' alone, '+' is a space, a '%' without two hex digits
// stands for itself.
func parseQuery(raw string) *array {
	a := &array{}
	for n := 0; raw != "" && n < maxVars; {
		pair, rest, _ := strings.Cut(raw, "&")
		raw = rest
		if pair == "" {
			continue
		}
		name, text, _ := strings.Cut(pair, "=")
		a.set(unescape(name), unescape(text))
		n++
	}
	return a
}

func unescape(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			out = append(out, ' ')
		case s[i] == '%' && i+2 < len(s):
			b, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil {
				out = append(out, '%')
				continue
			}
			out = append(out, byte(b))
			i += 2
		default:
			out = append(out, s[i])
		}
	}
	return string(out)
}

var errNoForm = errors.New("drupal: the body is no form: neither urlencoded nor multipart")

// parseBody reads a posted form. Files are left out, as PHP keeps them apart.
func parseBody(contentType string, body []byte) (*array, error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, errNoForm
	}
	switch kind {
	case "application/x-www-form-urlencoded":
		return parseQuery(string(body)), nil
	case "multipart/form-data":
		return parseParts(params["boundary"], body)
	}
	return nil, errNoForm
}

func parseParts(boundary string, body []byte) (*array, error) {
	if boundary == "" {
		return nil, errNoForm
	}
	a := &array{}
	parts := multipart.NewReader(strings.NewReader(string(body)), boundary)
	for range maxVars {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("drupal: a multipart body: %w", err)
		}
		_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
		if err != nil {
			return nil, fmt.Errorf("drupal: a part's Content-Disposition: %w", err)
		}
		if _, file := params["filename"]; file || params["name"] == "" {
			continue
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return nil, fmt.Errorf("drupal: a multipart body: %w", err)
		}
		a.set(params["name"], string(text))
	}
	return a, nil
}
