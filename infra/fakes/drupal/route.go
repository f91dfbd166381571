package drupal

import (
	"net/http"
	"strconv"
	"strings"
)

// route finds the page of a path, as Drupal's menu does. The login block is on every page and its form is read before
// the page's own. What was not recorded is refused: administration but for a form's results, registering, editing.
func (v *visit) route() (*page, error) {
	if p, err := v.blockLogin(); p != nil || err != nil {
		return p, err
	}
	switch v.args[0] {
	case "node":
		if strings.HasPrefix(v.q.Target, "/cron.php") {
			return v.denied(), nil
		}
		return v.node()
	case "rss.xml":
		return v.feed(), nil
	case "user":
		return v.account()
	case "admin", "batch", "overlay", "toolbar", "system":
		return v.denied(), nil
	}
	return v.missing(), nil
}

func (v *visit) node() (*page, error) {
	if len(v.args) == 1 {
		return v.list(), nil
	}
	nid, err := strconv.ParseInt(v.args[1], 10, 64)
	if err != nil {
		if v.args[1] == "add" {
			return v.denied(), nil
		}
		return v.list(), nil // "node/anything" is the page "node" with an argument
	}
	n := v.content.nodes[nid]
	if n == nil {
		return v.missing(), nil
	}
	if !n.published && v.user.uid == 0 {
		return v.denied(), nil
	}
	below := ""
	if len(v.args) > 2 {
		below = v.args[2]
	}
	switch below {
	case "done":
		if n.form != nil {
			return v.done(n), nil
		}
	case "webform-results":
		if n.form != nil && v.user.uid > 0 {
			return v.results(n)
		}
		return v.denied(), nil
	case "edit", "delete", "revisions", "webform", "submission", "submissions":
		return v.denied(), nil
	}
	return v.full(n)
}

// denied and missing are Drupal's 403 and 404: whole pages, which the page cache keeps like any other.
func (v *visit) denied() *page {
	p := v.draw(drawing{title: "Access denied", content: "You are not authorized to access this page.", bare: true})
	p.status = http.StatusForbidden
	return p
}

func (v *visit) missing() *page {
	p := v.draw(drawing{title: "Page not found", bare: true, lost: true,
		content: `The requested page "` + plain(v.q.Target) + `" could not be found.`})
	p.status = http.StatusNotFound
	return p
}
