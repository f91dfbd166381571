package drupal

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/banyan-migration/banyan/infra/fakes/drupal/theme"
)

// perPage is default_nodes_main; the feed has as many.
const perPage = 10

// list is the front page: teasers, ten a page.
func (v *visit) list() *page {
	pages := (len(v.content.listed) + perPage - 1) / perPage
	at, _ := strconv.Atoi(v.query.Value("page")) // what is no number is page 0, as in PHP
	at = max(0, min(at, pages-1))
	content := ""
	for _, n := range v.content.listed[min(at*perPage, len(v.content.listed)):min((at+1)*perPage, len(v.content.listed))] {
		body := slices.Clone(n.fields)
		body = slices.DeleteFunc(body, func(f field) bool { return !f.Body })
		content += v.drawNode(n, true, theme.Draw("fields", body))
	}
	if pages > 1 {
		content += theme.Draw("pager", pager(at, pages))
	}
	about := map[string]string{"Site": v.content.name, "Base": v.base}
	name := plain(v.content.name) + " RSS"
	return v.draw(drawing{content: content, feed: theme.Draw("feed-icon", about),
		meta: []string{`<link rel="alternate" type="application/rss+xml" title="` + name + `" href="` + v.base + `/rss.xml" />`}})
}

type pagerItem struct{ Class, Path, Hint, Text string }

// pager is theme_pager with nine numbers, the current one in their middle where it can be.
func pager(at, pages int) []pagerItem {
	path := func(n int) string {
		if n == 0 {
			return "/node"
		}
		return "/node?page=" + strconv.Itoa(n)
	}
	const numbers = 9
	from := max(0, min(at-numbers/2, pages-numbers))
	to := min(pages, from+numbers)
	var items []pagerItem
	if at > 0 {
		items = append(items, pagerItem{"first", path(0), "Go to first page", "« first"},
			pagerItem{"previous", path(at - 1), "Go to previous page", "‹ previous"})
	}
	if from > 0 {
		items = append(items, pagerItem{Class: "ellipsis", Text: "…"})
	}
	for i := from; i < to; i++ {
		item := pagerItem{"item", path(i), fmt.Sprintf("Go to page %d", i+1), strconv.Itoa(i + 1)}
		if i == at {
			item = pagerItem{Class: "current", Text: item.Text}
		}
		items = append(items, item)
	}
	if to < pages {
		items = append(items, pagerItem{Class: "ellipsis", Text: "…"})
	}
	if at < pages-1 {
		items = append(items, pagerItem{"next", path(at + 1), "Go to next page", "next ›"},
			pagerItem{"last", path(pages - 1), "Go to last page", "last »"})
	}
	items[0].Class += " first"
	items[len(items)-1].Class += " last"
	return items
}

// feed is rss.xml. The forms in it leave their warnings in the visitor's session, which therefore begins here (D-10).
func (v *visit) feed() *page {
	type item struct {
		NID                                int64
		Title, Path, Content, Date, Author string
		Comments                           bool
	}
	var items []item
	for _, n := range v.newest() {
		content := theme.Draw("fields", n.fields)
		if n.form != nil {
			content += v.drawForm(n.form, v.buildForm(n.form, nil))
		}
		items = append(items, item{n.nid, n.title, v.content.path(n.path()), content, v.at(n.created, feedDate), n.by, n.comments})
	}
	return &page{status: 200, kind: "application/rss+xml; charset=utf-8",
		body: []byte(theme.Draw("feed", map[string]any{"Site": v.content.name, "Base": v.base, "Items": items}))}
}

// newest is what the feed's query gave. Its order says nothing of nodes made in one second, and MariaDB's bounded sort
// let the last that it saw take the place of the last but one that it first kept, at the end: so recorded.
func (v *visit) newest() []*node {
	listed := v.content.listed
	if len(listed) <= perPage {
		return listed
	}
	sure := slices.IndexFunc(listed, func(n *node) bool { return n.created == listed[perPage-1].created })
	tied := listed[sure:]
	for i, n := range tied {
		if n.created != tied[0].created {
			tied = tied[:i]
			break
		}
	}
	free := perPage - sure
	if free == len(tied) || free < 2 {
		return listed[:perPage]
	}
	kept := tied[len(tied)-free:]
	return slices.Concat(listed[:sure], kept[:1], kept[2:], tied[:1])
}
