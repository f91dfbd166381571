package drupal

import (
	"slices"

	"github.com/banyan-migration/banyan/gateway/diff"
)

// Drupal7 is the mask pack of gateway.md, section 3: what two answers of a Drupal 7 site may differ in without meaning anything. What
// is drawn into scripts and style sheets' names within a page is no meaning, and needs no mask; PHP's warnings, which a site of another
// PHP version does not show, do.
var Drupal7 = slices.Concat(
	unsent("Etag", "Last-Modified", "Age", "X-Drupal-Cache", "X-Generator", "Server", "Via", "X-Request-Id"),
	[]diff.Mask{
		{ID: "drupal never cached", At: "header expires", Kind: diff.Drop, Pattern: `^Sun, 19 Nov 1978 05:00:00 GMT$`},
		{ID: "drupal nonce", At: "header content-security-policy", Kind: diff.Shape, Pattern: `'nonce-[^']+'`, As: `'nonce-*'`},
		{ID: "drupal submission", At: "header location query sid", Kind: diff.Shape, Pattern: `^\d+$`, As: `*`},
		{ID: "drupal build id", At: "html form * field form_build_id value", Kind: diff.Shape, Pattern: `^form-[\w-]{43}$`, As: `form-*`},
		{ID: "drupal form token", At: "html form * field form_token value", Kind: diff.Shape, Pattern: `^[\w-]{43}$`, As: `*`},
		{ID: "drupal way back", At: "html form * action query destination", Kind: diff.Shape, Pattern: `(?s)^.+$`, As: `*`}, // PHP's reading of the query
		{ID: "drupal link back", At: "html link", Kind: diff.Shape, Pattern: `([?&](?:destination|sid|token)=)[^&#]*`, As: `${1}*`},
		{ID: "drupal generator", At: "html generator", Kind: diff.Drop},
		{ID: "drupal image token", At: "html image * query", Kind: diff.Shape, Pattern: `(\bitok=)[\w-]{8}|^[a-z0-9]{6}$`, As: `${1}*`},
		{ID: "drupal php warning", At: "html message", Kind: diff.Drop, Pattern: `^error (?:Warning|Notice|Deprecated function): .* \(line \d+ of `},
		{ID: "drupal ago", At: "html text", Kind: diff.Shape, As: `* ago`,
			Pattern: `\b\d+ (?:sec|min|hour|day|week|month|year)s?(?: \d+ (?:sec|min|hour|day|week|month)s?)? ago\b`},
		{ID: "drupal cache buster", At: "text", Kind: diff.Shape, Pattern: `(\.(?:css|js)\?)(?:[a-z0-9]{6}\b|v=[\w.]+)`, As: `${1}*`},
		{ID: "drupal aggregate", At: "text", Kind: diff.Shape, Pattern: `((?:css|js)_)[\w-]{43}(\.(?:css|js))`, As: `${1}*${2}`},
		{ID: "drupal form in a feed", At: "xml /rss/channel/item/description", Kind: diff.Shape, Pattern: `(value="form-)[\w-]{43}"`, As: `${1}*"`},
		{ID: "drupal feed built", At: "xml /rss/channel/lastBuildDate", Kind: diff.Shape, Pattern: `^.+$`, As: `*`},
	})

// Drupal8 is the pack of later Drupals: all of Drupal7, and what their render cache says of itself.
var Drupal8 = slices.Concat(Drupal7, unsent("X-Drupal-Dynamic-Cache", "X-Drupal-Cache-Tags", "X-Drupal-Cache-Contexts",
	"X-Drupal-Cache-Max-Age", "Surrogate-Key"))

// Masks is the pack of a backend's kind, drupal7 or drupal8; no other kind has one.
func Masks(kind string) []diff.Mask {
	switch kind {
	case "drupal7":
		return Drupal7
	case "drupal8":
		return Drupal8
	}
	return nil
}

// unsent are masks for headers that only some answers have, such as those from the page cache.
func unsent(names ...string) (all []diff.Mask) {
	for _, name := range names {
		all = append(all, diff.Mask{ID: "drupal " + name, At: "header " + name, Kind: diff.Drop})
	}
	return all
}
