package drupal

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"sync"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/drupal/wire"
)

// cacheLife is page_cache_maximum_age, and how long a page is kept here; cacheSize is a bound that bots with made-up
// addresses cannot pass.
const (
	cacheLife = 300 * time.Second
	cacheSize = 4096
)

// cache is Drupal's page cache for visitors without a session: whole pages by their full address.
type cache struct {
	now   func() time.Time
	mu    sync.Mutex
	pages map[string]*cached
}

// cached is a page and when it was made; both forms of its body are made once.
type cached struct {
	*page
	at     time.Time
	once   sync.Once
	zipped []byte
}

func (c *cache) get(key string) (*cached, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.pages[key]
	if ok && c.now().Sub(p.at) >= cacheLife {
		delete(c.pages, key)
		return nil, false
	}
	return p, ok
}

func (c *cache) put(key string, p *cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pages == nil {
		c.pages = map[string]*cached{}
	}
	for k, old := range c.pages {
		if len(c.pages) < cacheSize {
			break
		}
		if c.now().Sub(old.at) >= cacheLife || len(c.pages) >= cacheSize {
			delete(c.pages, k)
		}
	}
	c.pages[key] = p
}

// response is drupal_serve_page_from_cache. mark is the X-Drupal-Cache header, "" for a visitor with a cookie, to
// whom no proxy may give another's copy.
func (p *cached) response(q *wire.Request, mark string, cookie bool) *wire.Response {
	zip := accepts(q.Header, "gzip")
	tag, made := etag(p.at, zip), wire.Date(p.at)
	age := "public, max-age=300"
	if cookie {
		age = "public, max-age=0"
	}
	a := &wire.Response{Status: p.status, Type: p.kind, Body: p.body}
	if mark != "" {
		a.Add("X-Drupal-Cache", mark)
	}
	a.Add("Etag", tag)
	if since, err := http.ParseTime(q.Header.Get("If-Modified-Since")); err == nil &&
		q.Header.Get("If-None-Match") == tag && since.Unix() == p.at.Unix() {
		a.Status, a.Type, a.Body = http.StatusNotModified, "", nil
		a.Add("Cache-Control", age)
		return a
	}
	p.describe(a)
	a.Add("Cache-Control", age)
	a.Add("Last-Modified", made)
	a.Add("Expires", longAgo)
	a.Add("Vary", "Cookie")
	a.Add("Vary", "Accept-Encoding")
	if zip {
		a.Body = p.gzip()
		a.Add("Content-Encoding", "gzip")
	}
	return a
}

func (p *cached) gzip() []byte {
	p.once.Do(func() {
		var b bytes.Buffer
		w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is a constant: no error
		w.Write(p.body)
		w.Close() // a buffer takes everything
		p.zipped = b.Bytes()
	})
	return p.zipped
}
