package drupal

import (
	"regexp"
	"strings"

	"github.com/banyan-migration/banyan/infra/fakes/drupal/php"
)

// filter is Drupal's check_markup for the three formats of its standard profile, without the making of links: no text
// of the recorded site holds an address.
func filter(text, format string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	switch format {
	case "full_html":
	case "filtered_html":
		text = tag.ReplaceAllStringFunc(text, func(t string) string {
			if allowed[strings.ToLower(tag.FindStringSubmatch(t)[1])] {
				return t
			}
			return ""
		})
	default:
		return paragraphs(php.Plain(text))
	}
	return ampersand.ReplaceAllString(paragraphs(text), "&amp;$1")
}

var (
	tag       = regexp.MustCompile(`</?([A-Za-z][A-Za-z0-9]*)[^>]*>`)
	block     = regexp.MustCompile(`^<(?:p|ul|ol|dl|li|dt|dd|blockquote|div|table|pre|h[1-6])\b`)
	blank     = regexp.MustCompile(`\n\s*\n`)
	ampersand = regexp.MustCompile(`&([^A-Za-z#]|$)`)
	allowed   = map[string]bool{"a": true, "em": true, "strong": true, "cite": true, "blockquote": true, "code": true,
		"ul": true, "ol": true, "li": true, "dl": true, "dt": true, "dd": true}
)

// paragraphs is Drupal's filter_autop: blank lines make paragraphs, line ends make breaks, blocks stay.
func paragraphs(text string) string {
	var b strings.Builder
	for _, part := range blank.Split(strings.Trim(text, "\n"), -1) {
		switch {
		case part == "":
		case block.MatchString(part):
			b.WriteString(part + "\n")
		default:
			b.WriteString("<p>" + strings.ReplaceAll(part, "\n", "<br />\n") + "</p>\n")
		}
	}
	return b.String()
}
