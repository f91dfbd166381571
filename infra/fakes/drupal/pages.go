package drupal

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/drupal/php"
	"github.com/banyan-migration/banyan/infra/fakes/drupal/theme"
)

// How PHP writes the site's dates, in its own time zone.
const (
	shortDate = "01/02/2006 - 15:04"
	longDate  = "Mon, 01/02/2006 - 15:04"
	isoDate   = "2006-01-02T15:04:05-07:00"
	feedDate  = "Mon, 02 Jan 2006 15:04:05 -0700"
)

func (v *visit) at(unix int64, layout string) string {
	return time.Unix(unix, 0).In(v.content.zone).Format(layout)
}

// drawNode draws one node, whole or as a teaser; content is what stands in it.
func (v *visit) drawNode(n *node, teaser bool, content string) string {
	class := "node node-" + strings.ReplaceAll(n.kind, "_", "-")
	if n.promoted {
		class += " node-promoted"
	}
	if !n.published {
		class += " node-unpublished"
	}
	switch {
	case !teaser:
		class += " node-full"
	case v.user.uid > 0:
		class += " node-teaser contextual-links-region"
	default:
		class += " node-teaser"
	}
	return theme.Draw("node", map[string]any{
		"NID": n.nid, "Class": class + " clearfix", "Path": v.content.path(n.path()), "Type": n.kind, "Teaser": teaser, "Title": n.title,
		"User": v.user.name, "Destination": php.Encode(v.destination()), "Submitted": n.kind != "page",
		"Created": v.at(n.created, isoDate), "On": v.at(n.created, longDate), "AuthorID": n.author, "Author": n.by,
		"Content": content, "Links": v.links(n, teaser),
	})
}

// links are the items below a node.
func (v *visit) links(n *node, teaser bool) []string {
	var items []string
	var classes []string
	if teaser {
		title := plain(n.title)
		classes = append(classes, "node-readmore")
		items = append(items, `><a href="`+v.content.path(n.path())+`" rel="tag" title="`+title+`">Read more<span class="element-invisible"> about `+title+`</span></a></li>`)
	}
	if n.comments && v.user.uid == 0 {
		back := n.path() + "%23comment-form"
		classes = append(classes, "comment_forbidden")
		items = append(items, `><span><a href="/user/login?destination=`+back+`">Log in</a> or <a href="/user/register?destination=`+back+`">register</a> to post comments</span></li>`)
	}
	for i := range items {
		if i == 0 {
			classes[i] += " first"
		}
		if i == len(items)-1 {
			classes[i] += " last"
		}
		items[i] = `<li class="` + classes[i] + `"` + items[i]
	}
	return items
}

// full is a node's own page.
func (v *visit) full(n *node) (*page, error) {
	path := v.content.path(n.path())
	d := drawing{title: n.title, class: []string{"node-type-" + className(n.kind)},
		meta: []string{`<link rel="canonical" href="` + path + `" />`, `<link rel="shortlink" href="/` + n.path() + `" />`}}
	content := theme.Draw("fields", n.fields)
	if n.form != nil {
		form, moved, err := v.form(n)
		if moved != nil || err != nil {
			return moved, err
		}
		content += form
		d.form, d.area = true, n.form.has("textarea")
	}
	if v.user.uid > 0 {
		d.tabs = v.nodeTabs(n, path)
	}
	d.content = v.drawNode(n, false, content)
	p := v.draw(d)
	p.link = "<" + path + `>; rel="canonical",</` + n.path() + `>; rel="shortlink"`
	return p, nil
}

// nodeTabs are an editor's; the one of the page at hand is active.
func (v *visit) nodeTabs(n *node, path string) []theme.Link {
	tabs := []theme.Link{{Path: path, Title: "View", Active: len(v.args) == 2}, {Path: "/" + n.path() + "/edit", Title: "Edit"}}
	if n.form != nil {
		tabs = append(tabs, theme.Link{Path: "/" + n.path() + "/webform", Title: "Webform"},
			theme.Link{Path: "/" + n.path() + "/webform-results", Title: "Results", Active: len(v.args) == 3})
	}
	return tabs
}

// done is the page after a form, where the warnings of the post come out.
func (v *visit) done(n *node) *page {
	path := v.content.path(n.path())
	return v.draw(drawing{title: n.title, trail: []theme.Link{{Path: path, Title: n.title}},
		content: theme.Draw("done", map[string]string{"Text": n.form.thanks, "Path": path})})
}

// pageOfResults is how many submissions the results page shows.
const pageOfResults = 50

type resultRow struct {
	SID           int64
	At            string
	User, Address string
	Draft         bool
}

// results lists a webform's submissions, newest first.
func (v *visit) results(n *node) (*page, error) {
	total, rows, err := v.submissions(v.ctx, n.nid)
	if err != nil {
		return nil, fmt.Errorf("results of node %d: %w", n.nid, err)
	}
	path := v.content.path(n.path())
	own := "/" + n.path() + "/webform-results"
	second := []theme.Link{{Path: own, Title: "Submissions", Active: true}}
	for _, title := range []string{"Analysis", "Table", "Download", "Clear"} {
		second = append(second, theme.Link{Path: own + "/" + strings.ToLower(title), Title: title})
	}
	return v.draw(drawing{title: n.title, seven: true, trail: []theme.Link{{Path: path, Title: n.title}},
		tabs: v.nodeTabs(n, path), second: second,
		content: theme.Draw("results", map[string]any{"NID": n.nid, "Base": v.base, "Total": total, "Limit": pageOfResults, "Rows": rows}),
	}), nil
}

func (v *visit) submissions(ctx context.Context, nid int64) (total int, rows []resultRow, err error) {
	err = v.opt.DB.QueryRowContext(ctx, `SELECT count(*) FROM webform_submissions WHERE nid = ?`, nid).Scan(&total)
	if err != nil {
		return 0, nil, err
	}
	found, err := v.opt.DB.QueryContext(ctx, `SELECT s.sid, s.submitted, coalesce(u.name, ''), coalesce(s.remote_addr, ''), s.is_draft
		FROM webform_submissions s LEFT JOIN users u ON u.uid = s.uid WHERE s.nid = ? ORDER BY s.sid DESC LIMIT ?`, nid, pageOfResults)
	if err != nil {
		return 0, nil, err
	}
	defer found.Close()
	for found.Next() {
		var r resultRow
		var at int64
		if err := found.Scan(&r.SID, &at, &r.User, &r.Address, &r.Draft); err != nil {
			return 0, nil, err
		}
		r.At = v.at(at, shortDate)
		rows = append(rows, r)
	}
	return total, rows, found.Err()
}
