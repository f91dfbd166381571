package drupal

import (
	"regexp"
	"slices"
	"strings"
)

// Pack is what two answers of a Drupal site may differ in without meaning anything: noise that a differ leaves out.
type Pack struct {
	Headers []string // names, compared without case
	Parts   []Mask   // of bodies and of header values
}

// Mask names a kind of noise. What its pattern matches is replaced by As, in which $1 keeps what it frames.
type Mask struct {
	Name    string
	Pattern *regexp.Regexp
	As      string
}

// Drupal7 is the mask pack of gateway.md, section 3, as far as the sample site was seen to need it; PHP's warnings,
// which a site of another PHP version does not show and the adapter never does, besides.
var Drupal7 = Pack{
	Headers: []string{"Date", "Etag", "Last-Modified", "Age", "X-Drupal-Cache", "X-Generator", "Server", "Via", "X-Request-Id"},
	Parts: []Mask{
		{"build id", regexp.MustCompile(`(name="form_build_id" value=")form-[\w-]+"`), `${1}form-*"`},
		{"form token", regexp.MustCompile(`(name="form_token" value=")[\w-]+"`), `${1}*"`},
		{"theme token", regexp.MustCompile(`("theme_token":")[\w-]+"`), `${1}*"`},
		{"cache buster", regexp.MustCompile(`(\.(?:css|js)\?)(?:[a-z0-9]{6}\b|v=[\w.]+)`), `${1}*`},
		{"aggregate", regexp.MustCompile(`((?:css|js)_)[\w-]{43}(\.(?:css|js))`), `${1}*${2}`},
		{"generator", regexp.MustCompile(`<meta name="Generator"[^>]*>`), ``},
		{"submission", regexp.MustCompile(`(/done\?(?:.*&)?sid=)\d+`), `${1}*`},
		{"session", regexp.MustCompile(`(S?SESS[0-9a-f]{32}=)[\w%-]+; expires=[^;]+`), `${1}*; expires=*`},
		{"login's way back", regexp.MustCompile(`(\?destination=)[^"]*`), `${1}*`}, // PHP's reading of the query
		{"charset", regexp.MustCompile(`charset=UTF-8`), `charset=utf-8`},
		{"no caching", regexp.MustCompile(`^Sun, 19 Nov 1978 05:00:00 GMT$`), ``}, // a header that is left empty counts as absent
		{"php warning", regexp.MustCompile(`  <li><em class="placeholder">(?:Warning|Notice|Deprecated function)</em>: .*</li>\n`), ``},
		// A block of messages that held nothing else goes with its frame; one message alone has no list around it.
		{"empty messages", regexp.MustCompile(`<div class="messages error">\n<h2 class="element-invisible">Error message</h2>\n <ul>\n </ul>\n</div>\n?`), ``},
		{"single message", regexp.MustCompile(`(<h2 class="element-invisible">Error message</h2>\n) <ul>\n  <li>(.*)</li>\n </ul>\n(</div>)`), `$1$2$3`},
		{"empty frame", regexp.MustCompile(`<div id="messages"><div class="section clearfix">\s*</div></div>`), ``},
		{"room of messages", regexp.MustCompile(`(<!-- /\.section, /#header -->)\s+(?:<!-- /\.section, /#messages -->\s+)?`), "$1\n"},
	},
}

// Mask is a body, or a header's value, less the noise.
func (p Pack) Mask(text string) string {
	for _, m := range p.Parts {
		text = m.Pattern.ReplaceAllString(text, m.As)
	}
	return text
}

// Ignores says whether a header line is noise altogether.
func (p Pack) Ignores(name string) bool {
	return slices.ContainsFunc(p.Headers, func(h string) bool { return strings.EqualFold(h, name) })
}
