package content

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/html"
)

// What a frozen page differs in from what the site answered, and nothing else does:
//
//   - an address that names the site's own scheme and host is one of a path alone (D-15), in attributes, scripts and style sheets. What
//     people read, feeds and <meta> keep theirs: a feed is read elsewhere.
//   - a form's build id and the token of scripts, which Drupal draws anew for each page, are those that every freeze draws: so an unchanged
//     page has the same hash each time, under each of its names. No anonymous form needs its own (D-6).

// rewriter changes the pages of one site.
type rewriter struct {
	own *regexp.Regexp // scheme and host in an address, with what stands before it
}

func newRewriter(site *url.URL) *rewriter {
	host := regexp.QuoteMeta(site.Host)
	return &rewriter{regexp.MustCompile(`(?i)(^|["'(,\s]|\s[\w:-]+=)(?:https?:)?(?:(//)|(\\/\\/))` + host + `(\\?/|["'?#)\s]|$)(\\?/)?`)}
}

// freeze is a body as it is kept.
func (w *rewriter) freeze(contentType string, body []byte) []byte {
	switch kindOf(contentType) {
	case isPage:
		return calm(w.page(body))
	case isStyle:
		return w.text(body)
	case isXML:
		return calm(body)
	}
	return body
}

// page rewrites the tags, scripts and styles of a page and copies the rest byte for byte.
func (w *rewriter) page(body []byte) []byte {
	var out bytes.Buffer
	z := html.NewTokenizer(bytes.NewReader(body))
	inside := ""
	for {
		t := z.Next()
		raw := bytes.Clone(z.Raw()) // reading the tag's name changes its bytes
		switch t {
		case html.ErrorToken:
			out.Write(raw)
			return out.Bytes()
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			if inside = string(name); inside != "meta" {
				raw = w.text(raw)
			}
		case html.EndTagToken:
			inside = ""
		case html.TextToken:
			if inside == "script" || inside == "style" {
				raw = w.text(raw)
			}
		}
		out.Write(raw)
	}
}

// text makes the site's own addresses in it paths.
func (w *rewriter) text(b []byte) []byte {
	return w.own.ReplaceAllFunc(b, func(found []byte) []byte {
		m := w.own.FindSubmatch(found)
		end := m[4]
		if m[5] != nil {
			return found // http://host//x would become //x, which is another host
		}
		if !bytes.HasSuffix(end, []byte("/")) { // the host alone
			slash := []byte("/")
			if m[3] != nil {
				slash = []byte(`\/`)
			}
			end = append(slash, end...)
		}
		return append(bytes.Clone(m[1]), end...)
	})
}

// location is where a redirect leads, as a path where it stays on the site.
func (w *rewriter) location(to string) string { return string(w.text([]byte(to))) }

var (
	buildID  = regexp.MustCompile(`form-[\w-]{43}`)
	inBuild  = regexp.MustCompile(`(name=(?:"|&quot;)form_build_id(?:"|&quot;)[^<>]*?value=(?:"|&quot;))(form-[\w-]{43})`)
	inScript = regexp.MustCompile(`("theme_token":")[\w-]{43}(")`)
)

// calm draws what a page's own draws were, the same in each freeze.
func calm(body []byte) []byte {
	body = inBuild.ReplaceAllFunc(body, func(found []byte) []byte {
		return buildID.ReplaceAll(found, []byte("form-"+drawn))
	})
	return inScript.ReplaceAll(body, []byte("${1}"+drawn+"${2}"))
}

// drawn has the shape of what Drupal draws.
var drawn = func() string {
	sum := sha256.Sum256([]byte("a page that banyan has frozen"))
	return strings.TrimRight(base64.URLEncoding.EncodeToString(sum[:]), "=")
}()
