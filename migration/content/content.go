// Package content takes the pages of an old site that nobody rewrites out of it. It asks the site for them as a visitor would, keeps what it
// answers in a folder that the gateway, a bucket or any file server gives as it was, compares each page with the site's own by the
// gateway's differ, and writes what editors made as a package that a Drupal 8 takes.
package content

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/frozen"
	"github.com/banyan-migration/banyan/migration/drupal"
)

// Options say what is frozen, from where, and to where.
type Options struct {
	Content drupal.Content        // what the editors made: the addresses to begin with, and the package for Drupal 8
	Site    string                // where the old site answers, scheme://host: the host that it is asked for
	Out     string                // the folder; one that is there is refreshed
	Seen    iter.Seq[string]      // targets that an access log has with 200; nil: none
	Live    []int64               // the webforms that a gateway's route answers: their pages are left to it
	Removed int                   // accept that so many addresses of an earlier freeze are gone at once, however great a share they are
	Rate    int                   // requests a second at most; 0: as fast as the site answers eight at once
	Asked   func(done, known int) // told after each answer; nil: nobody is
	Now     func() time.Time      // nil: the clock
	Client  *http.Client          // nil: one that waits 40 s, as the old site itself gives up after 30

	pause time.Duration // before a page is asked again that failed; doubled each time
}

// Report is what a freeze came to. Lists are in order of their addresses.
type Report struct {
	Site      string        `json:"site"`
	Out       string        `json:"out"`
	Pages     int           `json:"pages"`
	Assets    int           `json:"assets"`
	Redirects int           `json:"redirects"`
	Bytes     int64         `json:"bytes"` // of all bodies, each once
	Fresh     int           `json:"new"`
	Changed   int           `json:"changed"`
	Unchanged int           `json:"unchanged"`   // of an earlier freeze
	Removed   []string      `json:"removed"`     // were frozen, and the site has them no more
	Forms     []Form        `json:"forms"`       // webforms that were met
	Left      []frozen.Left `json:"left"`        // not frozen, and why
	Failed    []frozen.Left `json:"failed"`      // ought to be frozen, and the site failed; an earlier freeze's page stays
	Variants  int           `json:"variants"`    // queries that gave no other page
	Untreed   []frozen.Left `json:"not_in_tree"` // served by the gateway alone: a plain tree of files cannot hold them
	Compared  Compared      `json:"compared"`
	Drupal8   Handover      `json:"drupal8"`
	Requests  int           `json:"requests"`
	Seconds   float64       `json:"seconds"`
}

// Form is a webform of the old site and who answers for it now.
type Form struct {
	Node int64  `json:"node"`
	At   string `json:"at"`
	Live bool   `json:"live"` // a gateway's route; else its page is kept for reading, and a post to it is refused with 405
}

// Compared is what the differ says of the frozen pages beside the site's own.
type Compared struct {
	Equal       int          `json:"equal"`
	Masked      int          `json:"masked"` // equal but for noise
	Differ      int          `json:"differ"`
	Untold      int          `json:"uncomparable"` // the site did not answer a second time
	Differences []Difference `json:"differences"`
}

// Difference is one place where a frozen page is not the site's.
type Difference struct {
	At     string `json:"at"`
	Field  string `json:"field"`
	Kind   string `json:"kind"`
	Site   string `json:"site"`
	Frozen string `json:"frozen"`
}

// Clean says whether every page is frozen and equal to the site's own.
func (r Report) Clean() bool { return r.Compared.Differ+r.Compared.Untold+len(r.Failed) == 0 }

// Freeze makes the folder or refreshes it. Until it is whole nothing changes for whoever serves the folder, and after an error the earlier freeze
// stands as it was. A report with differences is no error: Clean tells. A site that has no home page (ErrHome), or no longer has more than a
// hundredth and more than 20 of the frozen addresses, is one: nothing is changed. A page that has become another under 200 is taken as the
// site's new one and counted in Changed: nobody can tell it from an editor's. One folder is frozen by one process at a time.
func Freeze(ctx context.Context, o Options) (Report, error) {
	began := time.Now()
	site, err := o.ready()
	if err != nil {
		return Report{}, err
	}
	k, err := open(o.Out)
	if err != nil {
		return Report{}, err
	}
	defer k.close()
	comparer, err := diff.New(diff.Options{Masks: masks(o.Content.Version()), Now: o.Now})
	if err != nil {
		return Report{}, err
	}
	c := newCrawl(o, site, k, comparer)
	if err := c.seed(ctx); err != nil {
		return Report{}, fmt.Errorf("content: the database: %w", err)
	}
	if err := c.run(ctx); err != nil {
		return Report{}, fmt.Errorf("content: %w", err)
	}
	m := c.manifest()
	if err := c.guard(); err != nil {
		return Report{}, fmt.Errorf("content: %w", err)
	}
	r := c.report(m)
	if r.Untreed, err = c.plant(m); err != nil {
		return Report{}, fmt.Errorf("content: %w", err)
	}
	if r.Drupal8, err = c.handOver(ctx, m); err != nil {
		return Report{}, fmt.Errorf("content: %w", err)
	}
	if err := k.commit(m); err != nil {
		return Report{}, fmt.Errorf("content: %w", err)
	}
	if r.Compared, err = c.compare(ctx); err != nil {
		return Report{}, fmt.Errorf("content: %w", err)
	}
	r.Requests, r.Seconds = int(c.requests.Load()), float64(time.Since(began).Milliseconds())/1000
	return r, nil
}

// ErrSite says that --site is none.
var ErrSite = errors.New("the site is written as https://www.example.org: scheme and host, a site at the root of its host")

func (o *Options) ready() (*url.URL, error) {
	site, err := url.Parse(o.Site)
	if err != nil || site.Scheme != "http" && site.Scheme != "https" || site.Host == "" || site.User != nil || strings.Trim(site.Path, "/") != "" || site.RawQuery != "" {
		return nil, ErrSite
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Client == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost, t.DisableCompression = workers, true
		o.Client = &http.Client{Transport: t, Timeout: 40 * time.Second}
	}
	client := *o.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	o.Client = &client
	if o.pause == 0 {
		o.pause = 500 * time.Millisecond
	}
	return &url.URL{Scheme: site.Scheme, Host: strings.ToLower(site.Host)}, nil
}
