package diff

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// common are the keys of queries that many people ask with alike. Any other may be somebody's: a submission's id, a search for a name.
var common = regexp.MustCompile(`^(?:page|sort|order|lang|language|amount|currency|frequency|v|ver|itok|gclid|fbclid|utm_\w+)$`)

// own says whether the answers are for one person, so that no words of theirs may be kept (F-10): anything but a plain GET of a page
// that any cache might give to the next visitor.
func (x *comparison) own() bool {
	r := x.request
	if r.Own || r.Method != "GET" && r.Method != "HEAD" || r.query() {
		return true
	}
	return slices.ContainsFunc(x.heads[:], func(head [][2]string) bool {
		if len(values(head, "set-cookie")) > 0 {
			return true
		}
		return slices.ContainsFunc(words(values(head, "cache-control")), func(w string) bool {
			name, _, _ := strings.Cut(w, "=")
			return name == "private" || name == "no-cache" || name == "no-store"
		})
	})
}

// query says whether the target has one with a key that is not common.
func (r Request) query() bool {
	_, text, _ := strings.Cut(r.Target, "?")
	keys, err := url.ParseQuery(text)
	if err != nil {
		return true
	}
	for key := range keys {
		if !common.MatchString(key) {
			return true
		}
	}
	return false
}
