package drupal

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/drupal/wire"
)

// page is what Drupal made of a request, before the headers.
type page struct {
	status   int
	kind     string // Content-Type, "" is HTML
	body     []byte
	link     string // the Link header of a node's page
	location string // where to go instead: an absolute address
	cookie   string // a Set-Cookie line that was sent before Location
}

const html = "text/html; charset=utf-8"

// answer is the whole way of a request: faults, files, the page cache, a worker's time, Drupal.
func (s *Site) answer(ctx context.Context, q *wire.Request) *wire.Response {
	fault := s.faults.strike(q.Target)
	if a := fault.instead(ctx, s.opt.Now); a != nil {
		return a
	}
	a := s.file(q)
	if a != nil {
		s.pace.pause(ctx, fileTime)
	} else {
		a = s.work(ctx, q)
	}
	return fault.damage(a)
}

// work is PHP's part. A worker is held for the time that the request takes on the old site, no longer.
func (s *Site) work(ctx context.Context, q *wire.Request) *wire.Response {
	leave, err := s.pace.enter(ctx)
	if err != nil {
		return wire.Page(http.StatusServiceUnavailable)
	}
	defer leave()
	began := time.Now()
	v := s.visit(ctx, q)
	key := v.base + q.Target
	readOnly := q.Method == http.MethodGet || q.Method == http.MethodHead
	if readOnly && !v.sent {
		if kept, ok := s.cache.get(key); ok {
			s.pace.until(ctx, began, hitTime)
			return kept.response(q, "HIT", false)
		}
	}
	a, err := s.drupal(v, key, readOnly)
	if err != nil {
		s.opt.Log.Error("drupal: a request failed", "path", v.path, "err", err)
		a = wire.Page(http.StatusInternalServerError)
	}
	s.pace.until(ctx, began, serviceTime(v))
	return a
}

// drupal routes a request, commits what it wrote and puts the headers on.
func (s *Site) drupal(v *visit, key string, readOnly bool) (*wire.Response, error) {
	if err := v.begin(); err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	// Drupal caches no page of a session that holds something, nor one on which it said something.
	cacheable := readOnly && len(v.messages) == 0 && v.user.uid == 0
	p, err := v.route()
	if err != nil {
		return nil, err
	}
	cookie := p.cookie
	if cookie == "" {
		cookie = v.keep()
	}
	if err := s.commit(v); err != nil {
		return nil, fmt.Errorf("commit: %w", err)
	}
	mark := "MISS"
	if v.sent {
		mark = ""
	}
	switch {
	case p.location != "":
		return v.redirect(p, mark, cookie), nil
	case !cacheable || v.spoke:
		return p.uncached(mark, cookie), nil
	}
	kept := &cached{page: p, at: v.now}
	s.cache.put(key, kept)
	a := kept.response(v.q, mark, v.sent)
	if cookie != "" {
		a.Header = append([]wire.Field{{Name: "Set-Cookie", Value: cookie}}, a.Header...)
	}
	return a, nil
}

// uncached is a page for one visitor (D-4). A cookie that it sets or deletes comes last.
func (p *page) uncached(mark, cookie string) *wire.Response {
	a := &wire.Response{Status: p.status, Type: p.kind, Body: p.body}
	if mark != "" {
		a.Add("X-Drupal-Cache", mark)
	}
	a.Add("Expires", longAgo)
	a.Add("Cache-Control", "no-cache, must-revalidate")
	p.describe(a)
	if cookie != "" {
		a.Add("Set-Cookie", cookie)
	}
	return a
}

// longAgo is the birthday that Drupal has every page expire on.
const longAgo = "Sun, 19 Nov 1978 05:00:00 GMT"

func (p *page) describe(a *wire.Response) {
	a.Add("Content-Language", "en")
	a.Add("X-Frame-Options", "SAMEORIGIN")
	a.Add("X-Content-Type-Options", "nosniff")
	if p.kind == html {
		a.Add("X-Generator", "Drupal 7 (http://drupal.org)")
	}
	if p.link != "" {
		a.Add("Link", p.link)
	}
}

// redirect is drupal_goto: a cookie that a session's start or end sets goes before the address, one that its end of the
// request sets goes behind it.
func (v *visit) redirect(p *page, mark, cookie string) *wire.Response {
	a := &wire.Response{Status: http.StatusFound, Type: "text/html; charset=UTF-8"}
	if mark != "" {
		a.Add("X-Drupal-Cache", mark)
	}
	a.Add("Expires", longAgo)
	a.Add("Cache-Control", "no-cache, must-revalidate")
	a.Add("X-Content-Type-Options", "nosniff")
	if p.cookie != "" {
		a.Add("Set-Cookie", p.cookie)
	}
	a.Add("Location", p.location)
	if p.cookie == "" && cookie != "" {
		a.Add("Set-Cookie", cookie)
	}
	return a
}

// commit makes the request's writes durable, all or none. A webform's number is known only inside.
func (s *Site) commit(v *visit) error {
	if len(v.writes) == 0 {
		return nil
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	// A visitor who leaves does not undo what was sent, and a site that closes finishes what it began.
	ctx := context.WithoutCancel(v.ctx)
	tx, err := s.opt.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, w := range v.writes {
		if err := w(ctx, tx); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (v *visit) absolute(path string) string { return v.base + path }

// etag is a page's: when it was made, and whether it is compressed.
func etag(at time.Time, compressed bool) string {
	suffix := "-0"
	if compressed {
		suffix = "-1"
	}
	return `"` + strconv.FormatInt(at.Unix(), 10) + suffix + `"`
}

func accepts(h http.Header, coding string) bool {
	return strings.Contains(strings.Join(h["Accept-Encoding"], ","), coding)
}
