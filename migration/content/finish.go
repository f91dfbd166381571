package content

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/gateway/frozen"
)

// manifest is what the crawl has found. A page whose site failed this time stays as an earlier freeze has it.
func (c *crawl) manifest() *frozen.Manifest {
	c.unturn()
	for at := range c.failed {
		if was := c.keep.was[at]; was != nil && c.pages[at] == nil {
			c.pages[at] = was
			c.same[at] = true
			c.failed[at] += "; the page stays as it was frozen before"
		}
	}
	c.unturn() // a redirect of then and one of now may make a round
	m := &frozen.Manifest{Site: c.site.String(), Made: c.o.Now().UTC().Truncate(time.Second), Missing: c.missing, Left: sorted(c.left)}
	for _, at := range slices.Sorted(maps.Keys(c.pages)) {
		m.Pages = append(m.Pages, *c.pages[at])
	}
	return m
}

func (c *crawl) report(m *frozen.Manifest) Report {
	r := Report{Site: m.Site, Out: c.o.Out, Left: m.Left, Failed: sorted(c.failed), Variants: c.without, Removed: c.removed(), Forms: []Form{}}
	bodies := map[string]bool{}
	for _, p := range m.Pages {
		switch {
		case p.Location != "":
			r.Redirects++
		case p.Asset:
			r.Assets++
		default:
			r.Pages++
		}
		if p.Hash != "" && !bodies[p.Hash] {
			bodies[p.Hash] = true
			r.Bytes += p.Size
		}
		switch was := c.keep.was[p.At]; {
		case was == nil:
			r.Fresh++
		case was.Hash != p.Hash || was.Location != p.Location:
			r.Changed++
		default:
			r.Unchanged++
		}
	}
	for _, f := range c.forms {
		r.Forms = append(r.Forms, f)
	}
	slices.SortFunc(r.Forms, func(a, b Form) int { return cmp.Compare(a.Node, b.Node) })
	return r
}

// learn notes the webforms whose own page this is.
func (c *crawl) learn(t target, p page) {
	for _, node := range p.forms {
		c.guess("/node/" + node + "/done")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, node := range p.forms {
		n := c.nodes[t.path]
		if n == 0 || number(node) != n || t.query != "" {
			continue // a form on another page, such as a list
		}
		if known, is := c.forms[n]; !is || strings.HasPrefix(known.At, "/node/") {
			c.forms[n] = Form{n, t.path, false}
		}
	}
}

func number(s string) (n int64) {
	for i := range len(s) {
		n = n*10 + int64(s[i]-'0')
	}
	return n
}
