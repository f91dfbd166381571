package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"os"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/gateway/frozen"
	"github.com/banyan-migration/banyan/migration/content"
	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/services/all"
	"github.com/banyan-migration/banyan/shared/accesslog"
	"github.com/banyan-migration/banyan/shared/form"
)

// keeping is `banyan migrate content`: the pages that nobody rewrites, frozen or handed over.
type keeping struct {
	*world
	from, site, out string
	logs            []string
	rate, removed   int
	asJSON          bool
}

func migrateContent(w *world) *cobra.Command {
	k := &keeping{world: w}
	c := &cobra.Command{
		Use:   "content",
		Short: "Freeze the pages that nobody rewrites, and write them up for a Drupal 8",
		Long: `Ask the old site for every page and file that its database, its own links and access logs know of, as a visitor would,
and keep the answers in a folder that the gateway serves ("backends: {pages: {dir: DIR}}"), that a bucket or any file
server serves (DIR/public, DIR/serve), and beside them what editors made as a package for Drupal 8 (DIR/drupal8). Then
ask for each page once more and compare it with the frozen one by the gateway's differ: status 1 where one differs, or
where the site failed, a redirect to itself or round and round included.

Only GETs are sent, and none that may change something or is for one person. Webforms whose service exists are left to
the gateway's route; the pages of others are kept for reading. Run it again with the same --out to refresh it: what the
site calls unchanged is not fetched, what is gone is taken out, and until all is whole the earlier freeze stands. More
than a hundredth of the addresses gone at once, and more than 20, stop it with nothing changed (status 3), since a site
that is ill, or asks for a login, looks the same; --removed accepts them. A home page that is no page stops it too (status 1).
A page that answers 200 and says something else cannot be told from an editor's change: look at how many have changed.
(Under maintenance Drupal 7 answers 503, which is a failure.)`,
		Example: "  banyan migrate content --from dump.sql.gz --site https://www.example.org --out frozen --log access.log.gz --rate 20",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return k.run(c.Context()) },
	}
	c.Flags().StringVar(&k.from, "from", "", "the old site's database: mysql://USER:${PASSWORD}@HOST/DATABASE, sqlite:FILE, or a dump (FILE.sql or FILE.sql.gz) (needed)")
	c.Flags().StringVar(&k.site, "site", "", "the old site's address, or the gateway's; its host is what the site is asked for (needed)")
	c.Flags().StringVar(&k.out, "out", "", "the folder to write, or to refresh (needed)")
	c.Flags().StringArrayVar(&k.logs, "log", nil, "an access log, gzipped or not: what it has with 200 is asked for too; may be given again")
	c.Flags().IntVar(&k.rate, "rate", 0, "requests a second at most; 0: as fast as the site answers eight at once")
	c.Flags().IntVar(&k.removed, "removed", 0, "take out so many addresses at once that the site has no more, however great a share of the frozen ones they are")
	c.Flags().BoolVar(&k.asJSON, "json", false, "one JSON document")
	for _, name := range []string{"from", "site", "out"} {
		_ = c.MarkFlagRequired(name) // all are defined above
	}
	return c
}

func (k *keeping) run(ctx context.Context) error {
	if k.rate < 0 {
		return fail(wrong, "--rate is %d; it is a number of requests a second, or 0 for no limit", k.rate)
	}
	if k.removed < 0 {
		return fail(wrong, "--removed is %d; it is a number of addresses that may be taken out at once", k.removed)
	}
	for _, name := range k.logs {
		if _, err := os.Stat(name); err != nil {
			return fail(wrong, "--log: %w", err)
		}
	}
	source, err := drupal.OpenContent(ctx, k.from)
	if err != nil {
		return fail(wrong, "--from: %w", err)
	}
	defer source.Close()
	var done, known atomic.Int64
	bar := newBar(ctx, k.err, "content", func() float64 { return float64(done.Load()) / float64(max(1, known.Load())) })
	var broken error
	r, err := content.Freeze(ctx, content.Options{Content: source, Site: k.site, Out: k.out, Removed: k.removed, Rate: k.rate, Live: liveForms(), Seen: k.seen(&broken),
		Asked: func(d, n int) { done.Store(int64(d)); known.Store(int64(n)); bar.add(1) }})
	bar.end()
	switch {
	case errors.Is(err, content.ErrSite):
		return fail(wrong, "--site is %q; %w", k.site, err)
	case errors.Is(err, content.ErrHome):
		return fail(unheld, "%w", err)
	case errors.Is(err, context.Canceled):
		return fail(outside, "interrupted. The earlier freeze stands as it was: run the same command again")
	case err != nil:
		return fail(outside, "%w", err)
	case broken != nil:
		return fail(wrong, "--log: %w. What stood before was asked for; the freeze is whole without the rest", broken)
	}
	if k.asJSON {
		err = printJSON(k.world.out, r)
	} else {
		printFrozen(k.world.out, r)
	}
	if err == nil && !r.Clean() {
		err = fail(unheld, "%d pages are not as the site has them now, %d could not be asked for, %d failed: each is named; run it again when the site is calm",
			r.Compared.Differ, r.Compared.Untold, len(r.Failed))
	}
	return err
}

// liveForms are the webforms that a gateway's route answers, since their service exists.
func liveForms() (nodes []int64) {
	for _, f := range form.Forms {
		if e, exists := all.Named(f.Service); exists && e.Import != nil {
			nodes = append(nodes, f.Node)
		}
	}
	return nodes
}

// seen are the targets that the logs have with 200.
func (k *keeping) seen(broken *error) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, name := range k.logs {
			r, file, err := accesslog.Open(name)
			if err != nil {
				*broken = err
				return
			}
			for l := range r.Lines() {
				if l.Method == http.MethodGet && l.Status == http.StatusOK && !yield(l.Target) {
					file.Close()
					return
				}
			}
			*broken = errors.Join(*broken, r.Err(), file.Close())
		}
	}
}

func printFrozen(w io.Writer, r content.Report) {
	fmt.Fprintf(w, "%s frozen to %s: %d pages, %d files, %d redirects, %.1f MB (%d new, %d changed, %d as before, %d removed)\n",
		r.Site, r.Out, r.Pages, r.Assets, r.Redirects, float64(r.Bytes)/1e6, r.Fresh, r.Changed, r.Unchanged, len(r.Removed))
	fmt.Fprintf(w, "compared with the site: %d equal, %d equal but for noise, %d differ, %d could not be compared\n",
		r.Compared.Equal, r.Compared.Masked, r.Compared.Differ, r.Compared.Untold)
	for _, d := range r.Compared.Differences {
		fmt.Fprintf(w, "  %s: %s %s: site %q, frozen %q\n", d.At, d.Field, d.Kind, d.Site, d.Frozen)
	}
	list(w, "the site failed", r.Failed)
	for _, at := range r.Removed {
		fmt.Fprintf(w, "removed: %s, which the site has no more\n", at)
	}
	for _, f := range r.Forms {
		if !f.Live {
			fmt.Fprintf(w, "closed form: node %d (%s) has no service yet: its page is kept for reading, a post to it is refused with 405\n", f.Node, f.At)
		}
	}
	list(w, "not in public/", r.Untreed)
	list(w, "left out", r.Left)
	d := r.Drupal8
	fmt.Fprintf(w, "for Drupal 8: %d nodes, %d addresses, %d redirects, %d menu links, %d files (%d not given by the site)\n", d.Nodes, d.Aliases, d.Redirects, d.Menus, d.Files, len(d.Absent))
	fmt.Fprintf(w, "%d requests in %.1f s; serve it: backends: {pages: {dir: %s}}\n", r.Requests, r.Seconds, r.Out)
}

// mostListed is how many addresses of one reason a person reads; --json has all.
const mostListed = 8

// list prints addresses by their reason, the first few of each.
func list(w io.Writer, what string, all []frozen.Left) {
	count, first := map[string]int{}, []string{}
	for _, l := range all {
		if count[l.Why]++; count[l.Why] == 1 {
			first = append(first, l.Why)
		}
	}
	for _, why := range first {
		fmt.Fprintf(w, "%s, %d: %s\n", what, count[why], why)
		n := 0
		for _, l := range all {
			if l.Why != why {
				continue
			}
			if n++; n > mostListed {
				fmt.Fprintf(w, "  … (--json names all)\n")
				break
			}
			fmt.Fprintf(w, "  %s\n", l.At)
		}
	}
}
