package content

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/banyan-migration/banyan/gateway/frozen"
)

// What a site answers is not believed where no visitor could use it, or where it takes out of an earlier freeze what no editor takes out in a day.

const (
	mostHops = 20  // redirects that a browser follows one after another
	most     = 20  // addresses that may be gone at once whatever share of all they are,
	share    = 100 // and one in so many may be whatever their number
)

// ErrHome says that the freeze would have no home page. Nothing was changed.
var ErrHome = errors.New("the home page is no page")

// errGone says that nothing was taken out.
type errGone struct {
	gone, of   int
	first, why string // one of them, and what the site says of it
	home       string // why there would be no home page either
}

func (e errGone) Error() string {
	says := fmt.Sprintf("the site no longer has %d of the %d frozen addresses (%s: %s; and others); that is more than 1 %% and more than %d at once, so nothing was changed, "+
		"and the earlier freeze stands. Run it again when the site is well, or, if --site is right and they are meant to go, accept that many with --removed %d", e.gone, e.of, e.first, e.why, most, e.gone)
	if e.home != "" {
		says += fmt.Sprintf(" (but not as long as the home page is none: %s)", e.home)
	}
	return says
}

// guard says what stands against making a freeze of these pages.
func (c *crawl) guard() error {
	gone, home := c.removed(), c.homeless()
	if len(gone) > c.o.Removed && tooMany(len(gone), len(c.keep.was)) {
		return errGone{gone: len(gone), of: len(c.keep.was), first: gone[0], why: cmp.Or(c.left[gone[0]], "it is a page no more"), home: home}
	}
	if home != "" {
		return fmt.Errorf("%w: %s %s; nothing was changed. Run it again when the site is well; if it answers under another scheme or host, name that with --site", ErrHome, c.site.JoinPath("/"), home)
	}
	return nil
}

func tooMany(gone, of int) bool { return gone > most && gone*share > of }

// removed are the addresses of the earlier freeze that the site has no more, in order. One that fails is not among them.
func (c *crawl) removed() []string {
	gone := []string{}
	for at := range c.keep.was {
		if c.pages[at] == nil && c.failed[at] == "" {
			gone = append(gone, at)
		}
	}
	slices.Sort(gone)
	return gone
}

// homeless says why there is no home page; "" if there is one, or a live form's page stands for it.
func (c *crawl) homeless() string {
	last, _ := c.end("/")
	p := c.pages[last]
	switch {
	case c.live[last] != 0, p != nil && p.Status == http.StatusOK && kindOf(p.Type) == isPage:
		return ""
	case c.failed["/"] != "":
		return c.failed["/"]
	case c.left["/"] != "":
		return c.left["/"]
	case last != "/":
		return "leads to " + last + ", which is no page"
	}
	return "is " + p.Type
}

// end follows the redirects from an address, as whoever is given the frozen pages does. ends is false where a browser gives up.
func (c *crawl) end(at string) (last string, ends bool) {
	for range mostHops + 1 {
		p := c.pages[at]
		if p == nil || p.Location == "" {
			return at, true
		}
		at = c.step(p)
	}
	return at, false
}

// unturn makes failures of the redirects that end nowhere.
func (c *crawl) unturn() {
	turning := map[string]string{}
	for at, p := range c.pages {
		if _, ends := c.end(at); ends {
			continue
		}
		turning[at] = "redirects round and round, and ends at no page"
		if c.step(p) == at {
			turning[at] = "redirects to itself"
		}
	}
	maps.Copy(c.failed, turning)
	maps.DeleteFunc(c.pages, func(at string, _ *frozen.Page) bool { return turning[at] != "" })
}

// step is where one redirect leads: an address that is kept, or as it was written.
func (c *crawl) step(p *frozen.Page) string {
	on, err := c.site.Parse(p.At)
	if err != nil {
		return p.Location
	}
	t, ok := c.resolve(on, p.Location)
	if !ok {
		return p.Location
	}
	if c.pages[t.String()] == nil {
		return t.path // a query that makes no other page
	}
	return t.String()
}
