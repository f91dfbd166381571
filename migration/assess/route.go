package assess

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/banyan-migration/banyan/shared/accesslog"
)

// Route is a method and a pattern of paths. Errors are answers of 500 and above.
type Route struct {
	Method        string           `json:"method"`
	Pattern       string           `json:"pattern"` // {name} stands for a segment that many paths differ in, {…} for one that is not shown
	Requests      int64            `json:"requests"`
	Bots          int64            `json:"bots"`
	Errors        int64            `json:"errors"`
	Statuses      map[string]int64 `json:"statuses"`
	P50           float64          `json:"p50_ms"` // zero where the log has no times
	P95           float64          `json:"p95_ms"`
	P99           float64          `json:"p99_ms"`
	BusyShare     float64          `json:"busy_percent"`    // of all the time that the server spent on answers
	PeakPerSecond int64            `json:"peak_per_second"` // at least: of a route that is asked for all the time, quiet seconds are forgotten
	PeakPerMinute int64            `json:"peak_per_minute"`
	OnNight       int64            `json:"on_the_night"` // requests within Show
	Bytes         int64            `json:"bytes"`        // of answers
	Writes        bool             `json:"writes"`
	WritesTo      string           `json:"writes_to,omitempty"` // in words
	Form          string           `json:"form,omitempty"`      // the webform that the route shows, takes or thanks for
	Group         string           `json:"group"`
	Backend       string           `json:"backend"`             // who answers it today
	Known         string           `json:"known"`               // why it is a route: what the database has, or that it was answered
	Names         map[string]int64 `json:"names,omitempty"`     // requests by what the page was called (D-8), where it was more than its path
	Addresses     int64            `json:"addresses,omitempty"` // of a pattern: how many different ones; 65,536 is at least so many
	Strangers     int64            `json:"strangers,omitempty"` // of them: those that the database does not have
	StrangersGot  int64            `json:"asked_of_strangers,omitempty"`
	kind          string
	at            string // the pattern without its first slash
}

// Absent is an address, or a pattern of addresses, that was asked for and that the site does not have.
type Absent struct {
	Method    string           `json:"method"`
	Pattern   string           `json:"pattern"`
	Requests  int64            `json:"requests"`
	Bots      int64            `json:"bots,omitempty"`
	Addresses int64            `json:"addresses"` // different ones
	Statuses  map[string]int64 `json:"statuses,omitempty"`
	Why       string           `json:"why"`
}

// routesOf sorts what was asked for into what the site has and what it has not.
func (a *Assessment) routesOf(c *counts) {
	for _, t := range []*tree{c.had, c.missed} {
		t.tidy(t.root)
		t.hide(t.root, false)
		a.Hidden += t.hidden()
	}
	everybody := slices.Clone(c.had.root.people)
	everybody.merge(c.missed.root.people)
	a.Few = !everybody.enough()
	var absent []Absent
	for at, n := range c.missed.each() {
		for method, s := range n.seen {
			if home := c.home(at.path); home != nil && (home.page || home.seen[method] != nil) {
				c.had.get(home, method).merge(s)
				continue
			}
			absent = append(absent, absentOf(method, at.path, s, "nothing answered for it"))
		}
	}
	busy := c.reads.sum + c.writes.sum
	for at, n := range c.had.each() {
		for method, s := range n.seen {
			known, why := c.known(at, n, s)
			if known == "" {
				absent = append(absent, absentOf(method, at.path, s, why))
				continue
			}
			r := a.routeOf(c.site, method, at.path, s, busy)
			r.Known, r.kind = known, n.kind
			a.Routes = append(a.Routes, r)
			if s.strange > 0 {
				absent = append(absent, strangersOf(r, s))
			}
		}
	}
	slices.SortFunc(a.Routes, func(x, y Route) int {
		return cmp.Or(cmp.Compare(y.Requests, x.Requests), strings.Compare(x.Pattern, y.Pattern), strings.Compare(x.Method, y.Method))
	})
	slices.SortFunc(absent, func(x, y Absent) int {
		return cmp.Or(cmp.Compare(y.Requests, x.Requests), strings.Compare(x.Pattern, y.Pattern), strings.Compare(x.Method, y.Method))
	})
	a.NotHere = absent
}

// home is the node of the site that a refused address belongs to, nil for none. What was put together at the root is no home
// to all that was probed there, unless the database calls it pages.
func (c *counts) home(path string) *node {
	n := c.had.root
	for name := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if name == "" || n.whole {
			continue
		}
		next := n.kids[name]
		if next == nil {
			next = n.rest
		}
		if next == nil || n == c.had.root && !next.page && (next == n.rest || name == private) {
			return nil
		}
		n = next
	}
	return n
}

// core are the folders and files that every Drupal brings along, which no table names.
var core = []string{"misc/", "modules/", "themes/", "profiles/", "core/", "sites/all/", "robots.txt", "favicon.ico", "index.php", "cron.php", "xmlrpc.php",
	"update.php", "install.php", "authorize.php"}

// known is why an address is a route of the site; where it is none, what speaks against it.
func (c *counts) known(where place, n *node, s *seen) (known, why string) {
	at := strings.TrimPrefix(where.path, "/")
	isCore := slices.ContainsFunc(core, func(p string) bool { return at == p || strings.HasSuffix(p, "/") && strings.HasPrefix(at, p) })
	fine := s.any(func(code int) bool { return answered(code) && code < 500 })
	switch {
	case at == "":
		return "front page", ""
	case n.page && n.check == checkAlias:
		return "aliases", ""
	case n.page:
		return "page", ""
	case where.below:
		return "module", ""
	case fine && (isCore || n.check == checkFile || n.whole && n.name != hidden):
		return "file", ""
	case c.site.known:
		return "", "no alias, page, module or file of the database has it; whoever answered is not this site's Drupal, or it is gone since"
	case fine:
		return "answered", ""
	}
	return "", "it was never answered but by a server that failed"
}

func absentOf(method, path string, s *seen, why string) Absent {
	return Absent{Method: method, Pattern: max(path, "/"), Requests: s.requests, Bots: s.bots, Addresses: max(1, int64(len(s.addresses))), Statuses: statuses(s), Why: why}
}

func strangersOf(r Route, s *seen) Absent {
	return Absent{Method: r.Method, Pattern: r.Pattern, Requests: s.strange, Addresses: int64(len(s.strangers)),
		Why: fmt.Sprintf("of the route's %d addresses the database has %d: these are not among its aliases, nodes or files, or are gone since", r.Addresses, r.Addresses-r.Strangers)}
}

func statuses(s *seen) map[string]int64 {
	all := map[string]int64{}
	for _, a := range s.statuses {
		all[strconv.Itoa(a.code)] = a.n
	}
	return all
}

func (a *Assessment) routeOf(site *Site, method, path string, s *seen, busy int64) Route {
	_, second := s.seconds.peak()
	_, minute := s.minutes.peak()
	took := s.took.ms(50, 95, 99)
	r := Route{
		Method: method, Pattern: max(path, "/"), Requests: s.requests, Bots: s.bots, Errors: s.errors, Statuses: statuses(s),
		P50: took[0], P95: took[1], P99: took[2], PeakPerSecond: second, PeakPerMinute: minute, Bytes: s.bytes,
		Writes: accesslog.Line{Method: method}.Write(), Backend: "drupal",
		Strangers: int64(len(s.strangers)), StrangersGot: s.strange, at: strings.TrimPrefix(path, "/"),
	}
	if n := int64(len(s.addresses)); n > 1 {
		r.Addresses = n
	}
	if busy > 0 {
		r.BusyShare = tenth(100 * float64(s.took.sum) / float64(busy))
	}
	for h, n := range s.hours.all() {
		if at := instant(h * 3600); !at.Before(a.Show.From) && at.Before(a.Show.To) {
			r.OnNight += n
		}
	}
	if s.spelled[byNode]+s.spelled[byQuery] > 0 {
		r.Names = map[string]int64{"path": s.spelled[byPath], "node/N": s.spelled[byNode], "?q=": s.spelled[byQuery]}
	}
	if f, ok := site.formAt(r.at); ok {
		r.Form = f.name()
	}
	r.WritesTo = writesTo(r)
	return r
}

func tenth(v float64) float64 { return float64(int64(v*10+0.5)) / 10 }

// formAt is the webform that an address shows, takes or thanks for: its page under each name, and node/N/done.
func (s *Site) formAt(at string) (webform, bool) {
	for _, f := range s.forms {
		page := fmt.Sprintf("node/%d", f.nid)
		if at == page || at == page+"/done" || f.alias != "" && at == f.alias {
			return f, true
		}
	}
	return webform{}, false
}

// writesTo is what a request of the route changes in the old site, by Drupal's own tables (D-10, D-11).
func writesTo(r Route) string {
	switch {
	case r.Writes && r.Form != "":
		return "a submission; opens a session"
	case strings.HasPrefix(r.at, "user/logout"), r.Writes && (r.at == "user" || strings.HasPrefix(r.at, "user/login")):
		return "sessions, logins, flood limits"
	case strings.HasPrefix(r.at, "user/reset"):
		return "sessions and logins, on a GET"
	case r.Writes:
		return "not known: what this module takes"
	case r.Form != "" && strings.HasSuffix(r.at, "/done"):
		return "ends the session that the post opened, on a GET"
	case strings.Contains(r.at, "/styles/"):
		return "makes the image when it is first asked for"
	case r.at == "rss.xml":
		return "opens a session, on a GET"
	case r.at == "cron.php" || strings.HasPrefix(r.at, "cron/"):
		return "whatever its modules do when cron runs, on a GET"
	}
	return ""
}

// latencyOf lists all reads, all writes and the routes with most requests.
func (a *Assessment) latencyOf(c *counts) {
	a.Latency = []Latency{latency("all reads", &c.reads), latency("all writes", &c.writes)}
	byPattern := map[string]*seen{}
	for at, n := range c.had.each() {
		for method, s := range n.seen {
			byPattern[method+" "+max(at.path, "/")] = s
		}
	}
	for _, r := range a.Routes[:min(12, len(a.Routes))] {
		name := r.Method + " " + r.Pattern
		a.Latency = append(a.Latency, latency(name, &byPattern[name].took))
	}
}

// most are the names with the highest counts, ten at most.
func most(counts map[string]int64) []string {
	all := slices.SortedFunc(maps.Keys(counts), func(x, y string) int {
		return cmp.Or(cmp.Compare(counts[y], counts[x]), strings.Compare(x, y))
	})
	return all[:min(10, len(all))]
}
