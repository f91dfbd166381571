package content

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/frozen"
)

const (
	workers     = 8       // pages asked for at once: half of what the old site has processes
	mostAsked   = 500_000 // addresses: a site that has more makes them up
	mostQueries = 1000    // pages that one path may have by its queries
	fruitless   = 3       // queries of the same keys that gave no other page; the next are not asked for
	outage      = 12      // failures without an answer in between: the site is down
)

// crawl is one freeze under way. Its maps belong to mu.
type crawl struct {
	o        Options
	site     *url.URL
	keep     *keep
	comparer *diff.Comparer
	rewrite  *rewriter
	pace     pace
	requests atomic.Int64
	failing  atomic.Int64

	live      map[string]int64     // addresses of live webforms
	hidden    map[string]bool      // of unpublished nodes
	published map[string]bool      // of published ones
	nodes     map[string]int64     // by address
	changed   map[string]time.Time // likewise

	mu      sync.Mutex
	wake    sync.Cond
	queue   []target
	later   []target // with queries: their path's own page comes first
	busy    int
	stopped error
	known   map[target]bool
	guessed map[target]bool // that the site may well not have
	pages   map[string]*frozen.Page
	missing *frozen.Page
	same    map[string]bool // addresses that the site says are unchanged
	left    map[string]string
	failed  map[string]string
	forms   map[int64]Form
	vain    map[string]int // by path and keys: queries that gave no other page
	queries map[string]int // by path: those that did
	without int            // queries that gave no other page
}

func newCrawl(o Options, site *url.URL, k *keep, comparer *diff.Comparer) *crawl {
	c := &crawl{o: o, site: site, keep: k, comparer: comparer, rewrite: newRewriter(site), pace: pace{rate: o.Rate},
		live: map[string]int64{}, hidden: map[string]bool{}, published: map[string]bool{}, nodes: map[string]int64{}, changed: map[string]time.Time{},
		known: map[target]bool{}, guessed: map[target]bool{}, pages: map[string]*frozen.Page{}, same: map[string]bool{}, left: map[string]string{},
		failed: map[string]string{}, forms: map[int64]Form{}, vain: map[string]int{}, queries: map[string]int{}}
	c.wake.L = &c.mu
	return c
}

// run asks for every address that is known or found, until none is left.
func (c *crawl) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(ctx, func() { c.halt(context.Cause(ctx)) })()
	if err := c.lost(ctx); err != nil {
		return err
	}
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for {
				t, ok := c.next()
				if !ok {
					return
				}
				if err := c.visit(ctx, t); err != nil {
					c.halt(err)
				}
				c.done()
			}
		})
	}
	all.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopped
}

// add queues an address once.
func (c *crawl) add(t target, guess bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	base := target{path: t.path}
	for _, one := range []target{base, t} {
		if c.known[one] {
			if !guess {
				delete(c.guessed, one)
			}
			continue
		}
		c.known[one] = true
		if guess {
			c.guessed[one] = true
		}
		if one.query == "" {
			c.queue = append(c.queue, one)
		} else {
			c.later = append(c.later, one)
		}
	}
	c.wake.Broadcast()
}

// next is an address to ask for; those with queries come when all others are done.
func (c *crawl) next() (target, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case c.stopped != nil:
			return target{}, false
		case len(c.known) > mostAsked:
			c.stopped = fmt.Errorf("the site names more than %d addresses: it makes them up, the last was %s; nothing was changed", mostAsked, c.site.JoinPath("..."))
			return target{}, false
		case len(c.queue) == 0 && c.busy == 0:
			if len(c.later) == 0 {
				c.wake.Broadcast()
				return target{}, false
			}
			c.queue, c.later = c.later, nil
			c.wake.Broadcast()
		case len(c.queue) > 0:
			t := c.queue[0]
			c.queue = c.queue[1:]
			c.busy++
			return t, true
		default:
			c.wake.Wait()
		}
	}
}

func (c *crawl) done() {
	c.mu.Lock()
	c.busy--
	asked, known := len(c.known)-len(c.queue)-len(c.later)-c.busy, len(c.known)
	c.wake.Broadcast()
	c.mu.Unlock()
	if c.o.Asked != nil {
		c.o.Asked(asked, known)
	}
}

// halt ends the crawl; the first reason counts.
func (c *crawl) halt(err error) {
	c.mu.Lock()
	if c.stopped == nil {
		c.stopped = err
	}
	c.wake.Broadcast()
	c.mu.Unlock()
}

// visit asks for one address and keeps what the site answers. Its error ends the freeze.
func (c *crawl) visit(ctx context.Context, t target) error {
	if why := c.leave(t); why != "" {
		c.leaveOut(t, why)
		return nil
	}
	if t.query != "" && !c.worth(t) {
		return nil
	}
	a, err := c.ask(ctx, t, true)
	if err != nil {
		return c.fail(t, err)
	}
	if a.unchanged != nil {
		return c.again(t, a.unchanged)
	}
	defer a.discard()
	switch {
	case a.status == http.StatusOK:
		return c.take(ctx, t, a)
	case a.status == 301 || a.status == 302 || a.status == 303 || a.status == 307 || a.status == 308:
		return c.follow(ctx, t, a)
	case a.status >= 500 || a.status == http.StatusTooManyRequests:
		return c.fail(t, fmt.Errorf("the site answers %d", a.status))
	}
	c.mu.Lock()
	guess := c.guessed[t]
	c.mu.Unlock()
	if !guess {
		c.leaveOut(t, fmt.Sprintf("the site answers %d", a.status))
	}
	return nil
}

// worth says whether a query may give another page than its path alone.
func (c *crawl) worth(t target) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	base := c.pages[t.path]
	switch {
	case base == nil, base.Asset, base.Status != http.StatusOK:
		return base == nil && c.left[t.path] == "" && c.failed[t.path] == "" && !c.guessed[target{path: t.path}]
	case c.vain[t.path+"?"+keysOf(t.query)] >= fruitless:
		c.without++
		return false
	case c.queries[t.path] >= mostQueries:
		c.left[t.String()] = fmt.Sprintf("%d pages by queries of this path are enough", mostQueries)
		return false
	}
	return true
}

func (c *crawl) leaveOut(t target, why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.query != "" && c.left[t.path] != "" {
		return // said of its path
	}
	c.left[t.String()] = why
	if n, form := c.live[t.path]; form && c.forms[n].At == "" {
		c.forms[n] = Form{n, t.path, true}
	}
}

// fail notes an address that ought to be there. Without any answer for a while the site is down, and the freeze ends.
func (c *crawl) fail(t target, err error) error {
	if errors.Is(err, errKeep) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) && c.failing.Load() == 0 {
		return err
	}
	c.mu.Lock()
	c.failed[t.String()] = err.Error()
	c.mu.Unlock()
	if n := c.failing.Load(); n >= outage {
		return fmt.Errorf("the site does not answer any more (%w): nothing of the freeze was changed; run it again when the site is back", err)
	}
	return nil
}

// follow keeps a redirect, and asks for where it leads.
func (c *crawl) follow(ctx context.Context, t target, a *answer) error {
	to := a.header.Get("Location")
	if to == "" {
		c.leaveOut(t, fmt.Sprintf("the site answers %d and names no place", a.status))
		return nil
	}
	if strings.HasPrefix(to, "/user") || strings.Contains(to, "/user/login") {
		c.leaveOut(t, "leads to the login")
		return nil
	}
	if next, ok := c.resolve(c.url(t), to); ok {
		c.add(next, false)
	}
	c.put(t, &frozen.Page{Status: a.status, Location: c.rewrite.location(to), When: c.o.Now().UTC().Truncate(time.Second)})
	return nil
}

// put keeps a page under its address, and says whether that is new.
func (c *crawl) put(t target, p *frozen.Page) {
	p.At, _ = frozen.Address(t.path, t.query, strings.Split(keysOf(t.query), "&")...)
	c.mu.Lock()
	defer c.mu.Unlock()
	if was := c.keep.was[p.At]; was != nil && was.Hash == p.Hash && was.Location == p.Location && was.Status == p.Status {
		p.When = was.When
	}
	c.pages[p.At] = p
	if t.query != "" {
		c.queries[t.path]++
	}
}

func (c *crawl) url(t target) *url.URL {
	u := *c.site
	u.Path, _ = url.PathUnescape(t.path) // it is canonical
	u.RawPath, u.RawQuery = t.path, t.query
	return &u
}

func sorted(all map[string]string) []frozen.Left {
	list := make([]frozen.Left, 0, len(all))
	for at, why := range all {
		list = append(list, frozen.Left{At: at, Why: why})
	}
	slices.SortFunc(list, func(a, b frozen.Left) int { return strings.Compare(a.At, b.At) })
	return list
}
