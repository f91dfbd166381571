package content

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/gateway"
	"github.com/banyan-migration/banyan/gateway/frozen"
)

// target is one address as the site is asked for it.
type target struct {
	path  string // canonical
	query string // what is left of it after noise, in the order of its keys
}

func (t target) String() string {
	if t.query == "" {
		return t.path
	}
	return t.path + "?" + t.query
}

// noise are keys that no page of a Drupal goes by: campaigns' and visitors' marks, and the way back after a login.
var noise = regexp.MustCompile(`^(?:utm_\w+|gclid|fbclid|msclkid|mc_[ce]id|_ga|destination)$`)

// resolve reads a link as a browser on a page does, and a ?q= as Drupal does (D-8). ok is false for what is no page of this site.
func (c *crawl) resolve(on *url.URL, link string) (t target, ok bool) {
	u, err := on.Parse(strings.TrimSpace(link))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || !strings.EqualFold(u.Host, c.site.Host) || u.User != nil {
		return target{}, false
	}
	return c.spell(u.EscapedPath(), u.RawQuery)
}

// spell gives a path and a query their one spelling.
func (c *crawl) spell(path, query string) (t target, ok bool) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return target{}, false
	}
	if q := values["q"]; len(q) > 0 && !c.isFile(path) {
		path = (&url.URL{Path: "/" + strings.Trim(q[len(q)-1], "/")}).EscapedPath()
	}
	if path == "" || path == "/index.php" {
		path = "/"
	}
	if len(path) > 1 {
		path = strings.TrimRight(path, "/")
	}
	for key := range values {
		if key == "q" || noise.MatchString(key) {
			delete(values, key)
		}
	}
	if t.path, ok = frozen.Address(path, ""); !ok {
		return target{}, false
	}
	if c.isFile(t.path) || done.MatchString(t.path) {
		return t, true // the web server reads no query of a file, and a thank-you page is the same for every sid
	}
	t.query = values.Encode()
	return t, true
}

// A file's address, which the web server answers without Drupal. What Drupal makes (an image style) has such an address too.
var file = regexp.MustCompile(`^/(?:misc|modules|themes|core|libraries|profiles|sites)/.*\.[a-z0-9]{2,5}$|^/[\w-]+\.(?:ico|png|txt|css|js|svg|webmanifest)$`)

func (c *crawl) isFile(path string) bool {
	return file.MatchString(strings.ToLower(path)) && path != "/robots.txt"
}

// What is for one person, or for those who run the site. A page of such an address is nobody else's.
var personal = []struct{ begins, why string }{
	{"/user", "is for one person"}, {"/admin", "is for those who run the site"}, {"/node/add", "is for editors"}, {"/comment", "is for one person"},
	{"/cart", "is for one person"}, {"/checkout", "is for one person"}, {"/search", "searches: there is no end of its pages"},
	{"/system/files", "is a private file"}, {"/batch", "changes the site"}, {"/cron.php", "changes the site"}, {"/xmlrpc.php", "is no page"},
	{"/update.php", "changes the site"}, {"/install.php", "changes the site"},
}

var editing = regexp.MustCompile(`^/node/\d+/(edit|delete|revisions|webform|webform-results|submission|submissions|track|devel|clone)(?:/|$)`)
var done = regexp.MustCompile(`^/node/\d+/done$`)

// leave says why an address is not asked for; "" if it is.
func (c *crawl) leave(t target) string {
	if n, form := c.live[t.path]; form {
		return fmt.Sprintf("is the webform of node %d: a route of the gateway answers it", n)
	}
	if c.hidden[t.path] {
		return "is of a node that is not published"
	}
	if c.published[t.path] {
		return "" // an editor's page, whatever word its address holds
	}
	for _, p := range personal {
		if t.path == p.begins || strings.HasPrefix(t.path, p.begins+"/") {
			return p.why
		}
	}
	switch {
	case editing.MatchString(t.path):
		return "is for editors"
	case c.isFile(t.path), t.path == "/rss.xml", done.MatchString(t.path):
		return "" // files are made on their first GET, as for any visitor; the feed's cookie is not kept; without a sid nobody is thanked and nothing ends
	case gateway.SideEffects(t.String()):
		return "may change something when it is asked for"
	}
	return ""
}

// keysOf are the keys of a query, which Encode has written.
func keysOf(query string) string {
	values, _ := url.ParseQuery(query) // it was written by Encode
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return strings.Join(keys, "&")
}
