package content

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/frozen"
)

// textMax bounds what is held in memory: pages, style sheets, feeds. Whatever else there is goes to the disk as it comes.
const textMax = 16 << 20

// answer is what the site said. Its body is in memory, or in a file of its own that nobody names yet.
type answer struct {
	status    int
	header    http.Header
	body      []byte
	loose     *loose       // not nil: the body's file
	unchanged *frozen.Page // the site says that it has not changed since this
}

func (a *answer) discard() {
	if a.loose != nil {
		a.loose.discard()
	}
}

// ask is one GET, asked again where the site failed. again says that an earlier freeze's page may be named as known.
func (c *crawl) ask(ctx context.Context, t target, again bool) (a *answer, err error) {
	wait := c.o.pause
	for try := range 3 {
		if try > 0 {
			timer := time.NewTimer(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return nil, ctx.Err()
			}
			wait *= 2
		}
		if err = c.pace.wait(ctx); err != nil {
			return nil, err
		}
		a, err = c.get(ctx, t, again)
		switch {
		case ctx.Err() != nil, errors.Is(err, errKeep):
			return a, err
		case err != nil:
			if c.failing.Add(1) >= outage {
				return nil, err
			}
			continue
		}
		if c.failing.Store(0); a.status < 500 && a.status != http.StatusTooManyRequests {
			return a, nil
		}
	}
	return a, err
}

func (c *crawl) get(ctx context.Context, t target, again bool) (*answer, error) {
	c.requests.Add(1)
	u := c.url(t)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	r.Header = http.Header{"Accept-Encoding": {"identity"}, "User-Agent": {"banyan migrate content (bot)"}, "Accept": {"*/*"}}
	var was *frozen.Page
	if again {
		was = c.keep.was[t.String()]
	}
	if was != nil && c.changed[t.path].After(was.When) {
		was = nil // the page is new, whatever the site's cache says
	}
	if was != nil && was.Hash != "" {
		if was.ETag != "" {
			r.Header.Set("If-None-Match", was.ETag)
		}
		if was.Modified != "" {
			r.Header.Set("If-Modified-Since", was.Modified)
		}
	}
	res, err := c.o.Client.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the address, which is said already
		}
		return nil, err
	}
	defer res.Body.Close()
	a := &answer{status: res.StatusCode, header: res.Header}
	if res.StatusCode == http.StatusNotModified && was != nil {
		a.unchanged = was
		return a, nil
	}
	return a, c.body(a, res)
}

// body reads an answer's body. One that breaks off is an error: half a page is none.
func (c *crawl) body(a *answer, res *http.Response) (err error) {
	if kindOf(a.header.Get("Content-Type")) == isOther && a.status == http.StatusOK {
		a.loose, err = c.keep.write(res.Body)
		return err
	}
	a.body, err = io.ReadAll(io.LimitReader(res.Body, textMax+1))
	if err == nil && len(a.body) > textMax {
		err = fmt.Errorf("a text of more than %d MB is no page", textMax>>20)
	}
	return err
}

// passing are header lines of one answer and not of a page, and those that the gateway writes itself; the rest is kept.
var passing = []string{"Date", "Server", "Set-Cookie", "Etag", "Last-Modified", "Expires", "Age", "Vary", "Content-Type", "Content-Length", "Content-Encoding",
	"Transfer-Encoding", "Connection", "Keep-Alive", "Accept-Ranges", "Location", "Via", "Alt-Svc", "X-Request-Id", "X-Powered-By", "X-Generator", "Trailer",
	"Upgrade", "Proxy-Connection", "Surrogate-Key", "Surrogate-Control", "Pragma", "Status"}

// lasting are the header lines that a page keeps, in the order of their names.
func lasting(h http.Header) (all [][2]string) {
	for name, values := range h {
		if slices.Contains(passing, name) || strings.HasPrefix(name, "X-Drupal-") || strings.HasPrefix(name, "X-Banyan-") {
			continue
		}
		for _, v := range values {
			all = append(all, [2]string{name, v})
		}
	}
	slices.SortStableFunc(all, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return all
}

// foreign says whether an answer sets a cookie that is not the gateway's own.
func foreign(h http.Header) bool {
	return slices.ContainsFunc(h.Values("Set-Cookie"), func(line string) bool { return !strings.HasPrefix(line, "__banyan=") })
}

// take keeps a page or a file, and queues what it leads to.
func (c *crawl) take(ctx context.Context, t target, a *answer) error {
	if foreign(a.header) {
		second, err := c.ask(ctx, t, false)
		if err != nil {
			return c.fail(t, err)
		}
		defer second.discard()
		if second.status != a.status || !c.alike(t, a, second) {
			c.leaveOut(t, "is another page for each session")
			return nil
		}
	}
	kind := a.header.Get("Content-Type")
	p := &frozen.Page{Status: http.StatusOK, Type: kind, Headers: lasting(a.header), Asset: c.isFile(t.path), When: c.o.Now().UTC().Truncate(time.Second),
		ETag: a.header.Get("ETag"), Modified: a.header.Get("Last-Modified")}
	if a.loose != nil {
		var err error
		p.Hash, p.Size, err = a.loose.keep()
		p.File = frozen.File(p.Hash)
		if err == nil {
			c.put(t, p)
		}
		return err
	}
	read, base := linksOf(kind, a.body, c.url(t))
	body := c.rewrite.freeze(kind, a.body)
	if t.query != "" && c.likeBase(t, a.body, kind) {
		c.mu.Lock()
		c.vain[t.path+"?"+keysOf(t.query)]++
		c.without++
		c.mu.Unlock()
		return nil
	}
	l, err := c.keep.write(bytes.NewReader(body))
	if err != nil {
		return err
	}
	if p.Hash, p.Size, err = l.keep(); err != nil {
		return err
	}
	p.File, p.Title = frozen.File(p.Hash), read.title
	c.put(t, p)
	c.learn(t, read)
	c.links(base, read.links)
	return nil
}

// again keeps what an earlier freeze has, which the site says is still so.
func (c *crawl) again(t target, was *frozen.Page) error {
	p := *was
	c.put(t, &p)
	c.mu.Lock()
	c.same[p.At] = true
	c.mu.Unlock()
	if kindOf(p.Type) == isOther {
		return nil
	}
	body, err := c.keep.read(&p)
	if err != nil {
		return err
	}
	read, base := linksOf(p.Type, body, c.url(t))
	c.learn(t, read)
	c.links(base, read.links)
	return nil
}

func (c *crawl) links(on *url.URL, links []string) {
	for _, link := range links {
		if t, ok := c.resolve(on, link); ok {
			c.add(t, false)
		}
	}
}

// likeBase says whether a query's page is its path's own but for noise.
func (c *crawl) likeBase(t target, body []byte, kind string) bool {
	c.mu.Lock()
	base := c.pages[t.path]
	c.mu.Unlock()
	if base == nil || base.Hash == "" || base.Type != kind {
		return false
	}
	kept, err := c.keep.read(base)
	if err != nil {
		return false
	}
	return c.equal(t, kept, c.rewrite.freeze(kind, body), kind)
}

// alike says whether two answers are one but for noise.
func (c *crawl) alike(t target, a, b *answer) bool {
	kind := a.header.Get("Content-Type")
	return a.loose == nil && b.loose == nil && c.equal(t, c.rewrite.freeze(kind, a.body), c.rewrite.freeze(kind, b.body), kind)
}

func (c *crawl) equal(t target, one, other []byte, kind string) bool {
	if bytes.Equal(one, other) {
		return true
	}
	head := [][2]string{{"Content-Type", kind}}
	r := c.comparer.Compare(diff.Request{Group: "content", Method: http.MethodGet, Target: t.path}, diff.Answer{Status: 200, Header: head, Body: one}, diff.Answer{Status: 200, Header: head, Body: other})
	return r.Outcome == diff.Equal || r.Outcome == diff.Masked
}

// lost keeps the site's page for addresses that it does not have.
func (c *crawl) lost(ctx context.Context) error {
	t := target{path: "/page-not-found"}
	a, err := c.ask(ctx, t, false)
	if err != nil {
		return fmt.Errorf("the site does not answer: %w; nothing was changed", err)
	}
	defer a.discard()
	kind := a.header.Get("Content-Type")
	if a.status != http.StatusNotFound || kindOf(kind) != isPage {
		return nil
	}
	l, err := c.keep.write(bytes.NewReader(c.rewrite.freeze(kind, a.body)))
	if err != nil {
		return err
	}
	read, base := linksOf(kind, a.body, c.url(t))
	p := &frozen.Page{At: t.path, Status: a.status, Type: kind, Headers: lasting(a.header), Title: read.title, When: c.o.Now().UTC().Truncate(time.Second)}
	if p.Hash, p.Size, err = l.keep(); err != nil {
		return err
	}
	p.File, c.missing = frozen.File(p.Hash), p
	c.links(base, read.links)
	return nil
}
