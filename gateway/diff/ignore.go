package diff

import (
	"fmt"
	"slices"
	"strings"
)

// places are the parts of an HTML page that can be ignored by name.
var places = []string{"frame", "refresh", "alternate", "generator", "title", "canonical", "robots", "description", "lang", "hreflang", "json-ld", "heading", "link", "image", "message", "text"}

// named are those of which one can be meant: an image by its address, a language, a path within JSON-LD.
var named = []string{"image", "hreflang", "json-ld"}

// ParseIgnore reads what a route's `ignore:` says: the differ leaves that field out. It takes
//
//	header NAME        a header; header set-cookie NAME is one cookie
//	html PLACE         title, canonical, robots, description, lang, hreflang, json-ld, heading, link, image,
//	                   frame, refresh, alternate, generator, message or text
//	html text in #ID   the text below one element
//	css SELECTOR       a part of a page: tag, #id, .class, [name=value]
//	form PAGE FIELD    a form's field: the path that the form posts to without its first slash, and the field's name or its last part
//	json POINTER       a value and all below it; * stands for any step
//	xml PATH           an element, such as /rss/channel/lastBuildDate
//	text, body         a text, anything else
//
// The mask is for every request: the caller narrows it to a group or a route.
func ParseIgnore(text string) (Mask, error) {
	what, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	rest = strings.TrimSpace(rest)
	m := Mask{ID: "ignore " + text, At: what + " " + rest, Kind: Drop}
	wrong := func(right string) (Mask, error) {
		return Mask{}, fmt.Errorf("%q is no field that can be ignored: %s", text, right)
	}
	switch what {
	case "header":
		if name, more, _ := strings.Cut(rest, " "); name == "" || strings.ContainsAny(name, ":*") || more != "" && !strings.EqualFold(name, "set-cookie") {
			return wrong("a header is named alone, as in header X-Generator")
		}
	case "html":
		place, more, _ := strings.Cut(rest, " ")
		if !slices.Contains(places, place) {
			return wrong("of a page can be named " + strings.Join(places, ", "))
		}
		if more != "" && !strings.HasPrefix(more, "in #") && !slices.Contains(named, place) {
			return wrong("after the place comes nothing, or in #ID")
		}
	case "css":
		if _, err := parseSelector(rest); err != nil {
			return wrong(err.Error())
		}
	case "form":
		if page, name, _ := strings.Cut(rest, " "); page == "" || name == "" || strings.Contains(name, " ") {
			return wrong("a form's field is named by page and field, as in form donate message")
		}
	case "json", "xml":
		if !strings.HasPrefix(rest, "/") {
			return wrong("the path begins with a slash, as in " + what + " /a/b")
		}
	case "text", "body":
		if rest != "" {
			return wrong("it stands alone")
		}
		m.At = what
	case "status":
		return wrong("a status means what it says, so it is always compared")
	default:
		return wrong("it begins with header, html, css, form, json, xml, text or body")
	}
	return m, nil
}

// fields are the globs that a mask's At stands for.
func fields(at string) []string {
	what, rest, _ := strings.Cut(at, " ")
	switch what {
	case "header":
		name, more, has := strings.Cut(rest, " ")
		at = "header " + strings.ToLower(name)
		if has {
			at += " " + more
		}
	case "form":
		page, name, _ := strings.Cut(rest, " ")
		form := "html form /" + strings.TrimPrefix(page, "/")
		var all []string
		for _, f := range []string{form, form + "?*"} {
			all = append(all, f+" field "+name, f+" field *["+name+"]")
		}
		return all
	case "json":
		return []string{at, "html json-ld" + strings.TrimPrefix(at, "json")}
	}
	return []string{at}
}
