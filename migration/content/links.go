package content

import (
	"bytes"
	"io"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/html"
)

// addresses are the attributes that lead to another address, by element; "" is any element.
var addresses = map[string][]string{
	"a": {"href"}, "area": {"href"}, "link": {"href"}, "script": {"src"}, "img": {"src", "srcset", "data-src", "longdesc"}, "source": {"src", "srcset"},
	"video": {"src", "poster"}, "audio": {"src"}, "track": {"src"}, "iframe": {"src"}, "frame": {"src"}, "embed": {"src"}, "object": {"data"},
	"input": {"src"}, "image": {"href", "xlink:href"}, "use": {"href", "xlink:href"}, "body": {"background"}, "table": {"background"}, "td": {"background"},
}

// page is what a crawl needs of an HTML page.
type page struct {
	title string
	base  string // of its <base href>
	links []string
	forms []string // the nodes of the webforms that stand on it
}

var webform = regexp.MustCompile(`^webform_client_form_(\d+)$`)

// read reads an HTML page. Broken markup ends where the browser's parser would give up, which is nowhere.
func read(body []byte) (p page) {
	z := html.NewTokenizer(bytes.NewReader(body))
	inside := ""
	var title strings.Builder
	for {
		switch z.Next() {
		case html.ErrorToken:
			if z.Err() == io.EOF {
				p.title = strings.Join(strings.Fields(title.String()), " ")
			}
			return p
		case html.TextToken:
			switch inside {
			case "title":
				title.Write(z.Text())
			case "style":
				p.links = append(p.links, styleLinks(string(z.Text()))...)
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			inside = t.Data
			if t.Data == "title" && title.Len() > 0 {
				inside = "" // of a picture in the page
			}
			p.element(t)
		case html.EndTagToken:
			inside = ""
		}
	}
}

func (p *page) element(t html.Token) {
	at := map[string]string{}
	for _, a := range t.Attr {
		at[a.Key] = a.Val
	}
	if t.Data == "base" && p.base == "" {
		p.base = at["href"]
	}
	for _, name := range addresses[t.Data] {
		switch v, has := at[name]; {
		case !has:
		case name == "srcset":
			for part := range strings.SplitSeq(v, ",") {
				link, _, _ := strings.Cut(strings.TrimSpace(part), " ")
				p.links = append(p.links, link)
			}
		default:
			p.links = append(p.links, v)
		}
	}
	switch {
	case t.Data == "meta" && strings.EqualFold(at["http-equiv"], "refresh"):
		if _, link, found := strings.Cut(at["content"], "="); found {
			p.links = append(p.links, strings.Trim(link, `'" `))
		}
	case t.Data == "meta" && (strings.HasSuffix(at["property"], ":image") || strings.HasSuffix(at["name"], ":image")):
		p.links = append(p.links, at["content"])
	case t.Data == "input" && at["name"] == "form_id":
		if m := webform.FindStringSubmatch(at["value"]); m != nil {
			p.forms = append(p.forms, m[1])
		}
	}
	if at["style"] != "" {
		p.links = append(p.links, styleLinks(at["style"])...)
	}
}

var inStyle = regexp.MustCompile(`url\(\s*(?:"([^"\n]*)"|'([^'\n]*)'|([^'"()\s]+))\s*\)|@import\s+(?:"([^"\n]*)"|'([^'\n]*)')`)

// styleLinks are the addresses that a style sheet names.
func styleLinks(css string) (all []string) {
	for _, m := range inStyle.FindAllStringSubmatch(css, -1) {
		for _, link := range m[1:] {
			if link != "" && !strings.HasPrefix(link, "data:") {
				all = append(all, link)
			}
		}
	}
	return all
}

var inXML = regexp.MustCompile(`https?://[^\s<>"']+`)

// xmlLinks are the addresses that a feed or a map of the site names; those in the texts of its items are on those items' pages too.
func xmlLinks(body string) (all []string) {
	for _, link := range inXML.FindAllString(body, -1) {
		all = append(all, html.UnescapeString(link))
	}
	return all
}

// linksOf are a body's links by its kind, and what else a page says.
func linksOf(kind string, body []byte, on *url.URL) (p page, base *url.URL) {
	base = on
	switch kindOf(kind) {
	case isPage:
		p = read(body)
		if b, err := on.Parse(p.base); err == nil && p.base != "" {
			base = b
		}
	case isStyle:
		p.links = styleLinks(string(body))
	case isXML:
		p.links = xmlLinks(string(body))
	}
	return p, base
}

type kind int

const (
	isOther kind = iota
	isPage
	isStyle
	isXML
	isText
)

// kindOf is what a Content-Type is to us.
func kindOf(contentType string) kind {
	t, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	switch t = strings.TrimSpace(t); {
	case t == "text/html" || t == "application/xhtml+xml":
		return isPage
	case t == "text/css":
		return isStyle
	case t == "application/xml" || t == "text/xml" || strings.HasSuffix(t, "+xml") && t != "image/svg+xml":
		return isXML
	case strings.HasPrefix(t, "text/") || strings.HasSuffix(t, "javascript") || strings.HasSuffix(t, "json"):
		return isText
	}
	return isOther
}
