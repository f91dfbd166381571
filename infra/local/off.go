package local

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/migration/content"
	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/accesslog"
)

// SwitchOff lets a folder of frozen pages answer in the old site's place, and stops the old site.
func (w *World) SwitchOff(ctx context.Context, dir string) error {
	c, err := w.config()
	if err != nil {
		return err
	}
	c.Backends["drupal"] = &config.Backend{Name: "drupal", Dir: dir} // in gateway.yaml: drupal: {dir: DIR}
	if err := w.gate.Reload(ctx, c); err != nil {
		return err
	}
	return w.old.Close()
}

// freeze keeps the pages that nobody rewrites, as the gateway shows them.
func (d *demo) freeze(ctx context.Context) (string, error) {
	pages, err := drupal.OpenContent(ctx, "sqlite:"+filepath.Join(d.dir, "legacy.db"))
	if err != nil {
		return "", err
	}
	defer pages.Close()
	d.asked, err = pagesOfTheLog()
	if err != nil {
		return "", err
	}
	r, err := content.Freeze(ctx, content.Options{Content: pages, Site: "http://" + siteHost, Out: filepath.Join(d.dir, "frozen"), Seen: slices.Values(d.asked), Live: []int64{2},
		Client: d.visitor()})
	if err != nil {
		return "", err
	}
	d.left = map[string]bool{}
	for _, left := range r.Left {
		d.left[left.At] = true
	}
	d.check(r.Clean() && r.Pages > 0, "every frozen page is the old site’s, by the gateway’s differ", "%d pages, %d files and %d redirects, %d differ",
		r.Pages, r.Assets, r.Redirects, r.Compared.Differ+r.Compared.Untold)
	return fmt.Sprintf("%d pages, %d files, %.1f MB", r.Pages, r.Assets, float64(r.Bytes)/1e6), nil
}

// visitor asks the gateway under the site's name.
func (d *demo) visitor() *http.Client {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, strings.TrimPrefix(d.world.Gateway, "http://"))
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 16},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// pagesOfTheLog are the addresses that the log has with 200, each once.
func pagesOfTheLog() (targets []string, err error) {
	seen := map[string]bool{}
	r := accesslog.NewReader("access.log.gz", bytes.NewReader(site.AccessLog))
	for l := range r.Lines() {
		if l.Method == http.MethodGet && l.Status == http.StatusOK && !seen[l.Target] {
			seen[l.Target] = true
			targets = append(targets, l.Target)
		}
	}
	return targets, r.Err()
}

// off stops the monolith, and asks for every address again.
func (d *demo) off(ctx context.Context) (string, error) {
	if err := d.world.SwitchOff(ctx, filepath.Join(d.dir, "frozen")); err != nil {
		return "", err
	}
	client, work := d.visitor(), new(errgroup.Group)
	work.SetLimit(16)
	answers := make([]int, len(d.asked))
	for i, target := range d.asked {
		work.Go(func() error {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+siteHost+target, nil)
			if err != nil {
				return err
			}
			res, err := client.Do(r)
			if err != nil {
				return err
			}
			defer res.Body.Close()
			answers[i] = res.StatusCode
			_, err = io.Copy(io.Discard, res.Body)
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return "", err
	}
	var good int
	var bad []string
	never := map[string]bool{}
	for i, target := range d.asked {
		switch page := pageOf(target); {
		case answers[i] == http.StatusOK:
			good++
		case d.left[target] || d.left[page]:
			never[page] = true
		default:
			bad = append(bad, target)
		}
	}
	d.check(len(bad) == 0 && good > 0, "with the monolith switched off, every address of the log that it had a page for still answers",
		"%d addresses answer, %d it never had or showed one person alone%s", good, len(never), named(bad))
	return fmt.Sprintf("%d addresses answer without Drupal", good), nil
}

// pageOf is the page that Drupal reads in an address: ?q= names it, or else its path (D-8).
func pageOf(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return target
	}
	if q := u.Query().Get("q"); q != "" {
		u.Path, u.RawPath = "/"+q, ""
	}
	return u.EscapedPath()
}
