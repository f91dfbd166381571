// Package assess says what a monolith does, from what its access log shows and its database holds: which routes there are,
// how often they are asked, how slow they are, how they fail, what they write, what a move of each would lose and cost,
// and what to move first.
//
// It tells nothing of anybody. Addresses of clients and queries are not kept. A segment of a path is shown where the database
// or Drupal itself has the path, or where at least 20 visitors asked for it: different addresses of no robots, of which those
// of one IPv6 /48 are one. Any other is {…}, and so is, whoever asked:
//
//   - what stands below search, unsubscribe, reset and the like, unless the database has it;
//   - what holds an @, seven digits in a row or a long token, unless the database has it;
//   - what people are called by: aliases of users, and of nodes that visitors made, are always one {name}.
//
// A path that many asked for, or that editors wrote, may still name somebody: the files are for their owner alone.
package assess

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-migration/banyan/shared/accesslog"
)

// Assessment is what a log shows. Bots are in every count, since the server had to answer them, and counted apart.
type Assessment struct {
	Requests int       `json:"requests"`
	Bots     int       `json:"bots"`
	Skipped  int64     `json:"skipped_lines"` // that could not be read
	First    string    `json:"first_skipped,omitempty"`
	Odd      int64     `json:"without_path"` // requests that were no HTTP, or named no path
	From     time.Time `json:"from"`         // UTC, as are all times here
	To       time.Time `json:"to"`
	Formats  []string  `json:"formats"` // of the files
	Zones    []Zone    `json:"zones"`   // the clocks that the log was written by, in order of time
	Site     string    `json:"site,omitempty"`
	Database bool      `json:"database"`     // whether one was asked; without, what was answered is taken for a route
	Few      bool      `json:"few_visitors"` // fewer than it takes to show a path: a proxy's address may stand in the visitors' place
	Hidden   int64     `json:"hidden"`       // requests whose path is shown with a {…}
	Routes   []Route   `json:"routes"`       // the most asked first
	NotHere  []Absent  `json:"not_here"`     // addresses in the log that the site does not have, the most asked first
	Hours    []Hour    `json:"hours"`        // every hour that had a request
	Show     Show      `json:"show"`
	Latency  []Latency `json:"latency"` // of the routes with most requests, and of all reads and writes
	Groups   []Group   `json:"groups"`  // of routes that move together
	Order    []Group   `json:"order"`   // of cutover, as proposed
	Cost     Cost      `json:"cost"`
	Holds    []Holding `json:"holds,omitempty"`    // what lies in the database, the most rows first
	Oddities []Strange `json:"oddities,omitempty"` // and what is strange in it

	hosts   []string
	version int
}

// Hour is a load. Hours are of instants: the night on which clocks change has as many as others.
type Hour struct {
	At       time.Time `json:"at"`
	Requests int64     `json:"requests"`
	Bots     int64     `json:"bots"`
}

// Show is the log's night: the seven hours with most requests, which is how long the case's show lasts.
type Show struct {
	From          time.Time `json:"from"`
	To            time.Time `json:"to"`
	Requests      int64     `json:"requests"`
	Peak          time.Time `json:"peak"` // the busiest minute
	PeakPerMinute int64     `json:"peak_per_minute"`
	Minutes       []int64   `json:"minutes"` // each minute's requests
}

// Latency is how long so many of a hundred requests took at most, in three digits.
type Latency struct {
	What     string  `json:"what"`
	Requests int64   `json:"requests"` // of which the log has a time
	P50      float64 `json:"p50_ms"`
	P90      float64 `json:"p90_ms"`
	P95      float64 `json:"p95_ms"`
	P99      float64 `json:"p99_ms"`
	Max      float64 `json:"max_ms"`
}

func latency(what string, s *spread) Latency {
	at := s.ms(50, 90, 95, 99, 100)
	return Latency{what, s.n, at[0], at[1], at[2], at[3], at[4]}
}

// showHours is how long a show lasts (story.md section 6.2).
const showHours = 7

// Read assesses one log, without a database. An error is of the file, and nothing is assessed then: half a log would give
// half a plan.
func Read(log *accesslog.Reader) (*Assessment, error) {
	j := Job{}
	c := newCounts(Unknown())
	if err := j.read(context.Background(), log, c); err != nil {
		return nil, err
	}
	return c.assess()
}

// Job assesses the logs in files, in any order: lines count by their own times. Site nil is Unknown.
type Job struct {
	Files []string
	Site  *Site

	lines atomic.Int64
	mu    sync.Mutex
	open  []*accesslog.Reader
}

// Progress is how many bytes of the files, as they lie on the disk, and how many lines have been read. It may be asked
// while Run runs.
func (j *Job) Progress() (bytes, lines int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range j.open {
		bytes += r.Taken()
	}
	return bytes, j.lines.Load()
}

// Run reads the files, as many at once as there are processors. An error is of a file, or the context's.
func (j *Job) Run(ctx context.Context) (*Assessment, error) {
	if j.Site == nil {
		j.Site = Unknown()
	}
	workers := min(len(j.Files), runtime.GOMAXPROCS(0))
	files := make(chan string, len(j.Files))
	for _, f := range j.Files {
		files <- f
	}
	close(files)
	all, errs := make([]*counts, workers), make([]error, workers)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var wait sync.WaitGroup
	for i := range workers {
		all[i] = newCounts(j.Site)
		wait.Go(func() {
			for name := range files {
				if errs[i] = j.file(ctx, name, all[i]); errs[i] != nil {
					stop()
					return
				}
			}
		})
	}
	wait.Wait()
	slices.SortStableFunc(errs, func(a, b error) int { // the file's own error before what it stopped
		return b2i(errors.Is(a, context.Canceled)) - b2i(errors.Is(b, context.Canceled))
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	if workers == 0 {
		return nil, errors.New("assess: there is no log to read")
	}
	for _, c := range all[1:] {
		all[0].merge(c)
	}
	return all[0].assess()
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (j *Job) file(ctx context.Context, name string, c *counts) error {
	log, f, err := accesslog.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	j.mu.Lock()
	j.open = append(j.open, log)
	j.mu.Unlock()
	return j.read(ctx, log, c)
}

// often is how many lines are read between two looks at whether somebody wants to stop.
const often = 1 << 12

func (j *Job) read(ctx context.Context, log *accesslog.Reader, c *counts) error {
	n := int64(0)
	for l := range log.Lines() {
		c.add(l)
		if n++; n%often == 0 {
			j.lines.Add(often)
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	j.lines.Add(n % often)
	c.close(log)
	return log.Err()
}

// assess makes of what was counted what a reader wants to know.
func (c *counts) assess() (*Assessment, error) {
	if c.requests == 0 {
		return nil, errors.Join(errors.New("assess: the log has no line that can be read"), c.first)
	}
	a := &Assessment{Requests: int(c.requests), Bots: int(c.bots), Skipped: c.skipped, Odd: c.odd, From: instant(c.from), To: instant(c.to),
		Site: c.site.Name, Database: c.site.known, version: c.site.Version}
	if c.first != nil {
		a.First = c.first.Error()
	}
	for f := range c.formats {
		a.Formats = append(a.Formats, string(f))
	}
	slices.Sort(a.Formats)
	for _, z := range c.zones {
		a.Zones = append(a.Zones, *z)
	}
	slices.SortFunc(a.Zones, func(x, y Zone) int { return x.From.Compare(y.From) })
	a.Holds, a.Oddities = holdings(c.site.census)
	a.hosts = most(c.hosts)
	a.hoursOf(c)
	a.Show = show(&c.minutes)
	a.routesOf(c)
	a.latencyOf(c)
	a.groupsOf(c.site)
	if err := a.price(); err != nil {
		return nil, fmt.Errorf("assess: %w", err)
	}
	return a, nil
}

func instant(unix int64) time.Time { return time.Unix(unix, 0).UTC() }

func (a *Assessment) hoursOf(c *counts) {
	human := c.human.all()
	for h := range c.minutes.hours {
		n := c.minutes.of(h)
		a.Hours = append(a.Hours, Hour{instant(h * 3600), n, n - human[h]})
	}
	slices.SortFunc(a.Hours, func(x, y Hour) int { return x.At.Compare(y.At) })
}

// show finds the busiest hours in a row, the first of equals, and the busiest minute of all.
func show(c *clock) Show {
	first, sum := int64(0), int64(0)
	var s Show
	for last, page := range c.hours {
		for m, n := range page {
			at := instant((last*60 + int64(m)) * 60)
			if int64(n) > s.PeakPerMinute || int64(n) == s.PeakPerMinute && at.Before(s.Peak) {
				s.Peak, s.PeakPerMinute = at, int64(n)
			}
		}
		for from := last - showHours + 1; from <= last; from++ {
			n := int64(0)
			for h := range int64(showHours) {
				n += c.of(from + h)
			}
			if n > sum || n == sum && from < first {
				first, sum = from, n
			}
		}
	}
	s.From, s.To, s.Requests = instant(first*3600), instant((first+showHours)*3600), sum
	for h := range int64(showHours) {
		page := c.hours[first+h]
		if page == nil {
			page = new([60]int32)
		}
		for _, n := range page {
			s.Minutes = append(s.Minutes, int64(n))
		}
	}
	return s
}
