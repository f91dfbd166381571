package drupal

import (
	"regexp"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/gateway/diff"
)

// drawn are the parts of a page, and of header lines, that Drupal draws anew, with PHP's warnings, which the adapter never shows: for
// tests that hold the adapter's pages against the recorded ones byte for byte.
var drawn = []struct {
	pattern *regexp.Regexp
	as      string
}{
	{regexp.MustCompile(`(name="form_build_id" value=")form-[\w-]+"`), `${1}form-*"`},
	{regexp.MustCompile(`(name="form_token" value=")[\w-]+"`), `${1}*"`},
	{regexp.MustCompile(`("theme_token":")[\w-]+"`), `${1}*"`},
	{regexp.MustCompile(`(\.(?:css|js)\?)(?:[a-z0-9]{6}\b|v=[\w.]+)`), `${1}*`},
	{regexp.MustCompile(`((?:css|js)_)[\w-]{43}(\.(?:css|js))`), `${1}*${2}`},
	{regexp.MustCompile(`<meta name="Generator"[^>]*>`), ``},
	{regexp.MustCompile(`(/done\?(?:.*&)?sid=)\d+`), `${1}*`},
	{regexp.MustCompile(`(S?SESS[0-9a-f]{32}=)[\w%-]+; expires=[^;]+`), `${1}*; expires=*`},
	{regexp.MustCompile(`(\?destination=)[^"]*`), `${1}*`},
	{regexp.MustCompile(`charset=UTF-8`), `charset=utf-8`},
	{regexp.MustCompile(`^Sun, 19 Nov 1978 05:00:00 GMT$`), ``},
	{regexp.MustCompile(`  <li><em class="placeholder">(?:Warning|Notice|Deprecated function)</em>: .*</li>\n`), ``},
	// A block of messages that held nothing else goes with its frame; one message alone has no list around it.
	{regexp.MustCompile(`<div class="messages error">\n<h2 class="element-invisible">Error message</h2>\n <ul>\n </ul>\n</div>\n?`), ``},
	{regexp.MustCompile(`(<h2 class="element-invisible">Error message</h2>\n) <ul>\n  <li>(.*)</li>\n </ul>\n(</div>)`), `$1$2$3`},
	{regexp.MustCompile(`<div id="messages"><div class="section clearfix">\s*</div></div>`), ``},
	{regexp.MustCompile(`(<!-- /\.section, /#header -->)\s+(?:<!-- /\.section, /#messages -->\s+)?`), "$1\n"},
}

// unmoved is a text less what is drawn anew.
func unmoved(text string) string {
	for _, d := range drawn {
		text = d.pattern.ReplaceAllString(text, d.as)
	}
	return text
}

// noisy says whether the mask pack leaves a header out.
func noisy(name string) bool {
	return strings.EqualFold(name, "Date") || slices.ContainsFunc(Drupal7, func(m diff.Mask) bool {
		return m.Kind == diff.Drop && m.Pattern == "" && strings.EqualFold(m.At, "header "+name)
	})
}
