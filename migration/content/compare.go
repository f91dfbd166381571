package content

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/drupal"
	"github.com/banyan-migration/banyan/gateway/frozen"
)

// masks are those of the gateway for the site's Drupal.
func masks(version int) []diff.Mask {
	if version > 7 {
		return drupal.Masks("drupal8")
	}
	return drupal.Masks("drupal7")
}

// compare asks the site for every page once more and holds it against what the folder gives now. What the site has just called unchanged is
// not asked for again.
func (c *crawl) compare(ctx context.Context) (Compared, error) {
	site, err := frozen.Open(c.o.Out)
	if err != nil {
		return Compared{}, err
	}
	var mu sync.Mutex
	sum := Compared{Differences: []Difference{}}
	todo := make(chan *frozen.Answer)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for a := range todo {
				r, err := c.pair(ctx, a)
				mu.Lock()
				switch {
				case err != nil:
					sum.Untold++
					sum.Differences = append(sum.Differences, Difference{a.At, "answer", diff.Missing, err.Error(), "came"})
				case r.Outcome == diff.Differs || r.Outcome == diff.Capped && len(r.Differences) > 0:
					sum.Differ++
					for _, d := range r.Differences {
						sum.Differences = append(sum.Differences, Difference{a.At, d.Field, d.Kind, d.Legacy, d.New})
					}
				case r.Outcome == diff.Equal:
					sum.Equal++
				default:
					sum.Masked++
				}
				mu.Unlock()
			}
		})
	}
	for _, at := range sortedKeys(c.pages) {
		if c.same[at] {
			mu.Lock()
			sum.Equal++
			mu.Unlock()
			continue
		}
		path, query, _ := strings.Cut(at, "?")
		a, _ := site.Find([]byte(path), []byte(query), nil)
		select {
		case todo <- a:
		case <-ctx.Done():
		}
	}
	close(todo)
	all.Wait()
	slices.SortFunc(sum.Differences, func(a, b Difference) int { return strings.Compare(a.At+a.Field, b.At+b.Field) })
	return sum, ctx.Err()
}

// pair compares one page. The site's answer is held to the same rule about its own address as the frozen one.
func (c *crawl) pair(ctx context.Context, a *frozen.Answer) (diff.Result, error) {
	path, query, _ := strings.Cut(a.At, "?")
	t := target{path, query}
	now, err := c.ask(ctx, t, false)
	if err != nil {
		return diff.Result{}, err
	}
	defer now.discard()
	kind := now.header.Get("Content-Type")
	legacy := diff.Answer{Status: now.status, Header: lasting(now.header), Body: now.body}
	if to := now.header.Get("Location"); to != "" {
		legacy.Header, legacy.Body = append(legacy.Header, [2]string{"Location", c.rewrite.location(to)}), nil
	}
	if kind != "" && a.Location == "" {
		legacy.Header = append(legacy.Header, [2]string{"Content-Type", kind})
	}
	if a.Location != "" {
		legacy.Header = slices.DeleteFunc(legacy.Header, func(h [2]string) bool { return h[0] != "Location" })
	}
	ours := diff.Answer{Status: a.Status, Header: own(a.Head())}
	if now.loose != nil {
		legacy.Body, ours.Body = []byte(now.loose.hash()), []byte(a.Hash)
		return c.comparer.Compare(request(t), legacy, ours), nil
	}
	if ours.Body, err = text(a); err != nil {
		return diff.Result{}, err
	}
	switch kindOf(kind) {
	case isPage:
		legacy.Body = c.rewrite.page(legacy.Body)
	case isStyle:
		legacy.Body = c.rewrite.text(legacy.Body)
	}
	return c.comparer.Compare(request(t), legacy, ours), nil
}

func request(t target) diff.Request {
	return diff.Request{Group: "content", Method: http.MethodGet, Target: (&url.URL{RawPath: t.path, Path: t.path, RawQuery: t.query}).String()}
}

// own is a frozen answer's head without what the gateway adds as the page's origin.
func own(head [][2]string) [][2]string {
	return slices.DeleteFunc(head, func(h [2]string) bool { return h[0] == "ETag" || h[0] == "Last-Modified" || h[0] == "Accept-Ranges" })
}

func text(a *frozen.Answer) ([]byte, error) {
	body, err := a.Body()
	if body != nil || err != nil {
		return body, err
	}
	f, err := a.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}
