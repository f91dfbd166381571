package assess

import (
	"strings"
	"time"

	"github.com/banyan-migration/banyan/shared/accesslog"
)

// counts is what some files of the log came to. Its size depends on the site, not on the log.
type counts struct {
	site        *Site
	had, missed *tree // addresses that something answered for, and those that were only ever refused as unknown
	requests    int64
	bots        int64
	odd         int64 // requests without a path: a TLS hello, a CONNECT
	skipped     int64
	first       error // why the first line that cannot be read could not
	from, to    int64
	minutes     clock
	human       tally // hours of those who are no bots
	reads       spread
	writes      spread
	zones       map[int]*Zone
	hosts       map[string]int64
	robots      map[string]bool
	formats     map[accesslog.Format]bool
}

// Zone is a clock that the log was written by, and the instants of the first and the last line that have it.
type Zone struct {
	Offset string    `json:"offset"` // +0100
	Lines  int64     `json:"lines"`
	From   time.Time `json:"from"` // UTC
	To     time.Time `json:"to"`   // UTC
}

func newCounts(site *Site) *counts {
	return &counts{site: site, had: site.tree(), missed: site.tree(), zones: map[int]*Zone{}, hosts: map[string]int64{},
		robots: map[string]bool{}, formats: map[accesslog.Format]bool{}}
}

// agents is how many different ones are remembered as a program's or a person's.
const agents = 1 << 12

func (c *counts) bot(agent string) bool {
	bot, known := c.robots[agent]
	if !known {
		if len(c.robots) >= agents {
			clear(c.robots)
		}
		bot = accesslog.Robot(agent)
		c.robots[strings.Clone(agent)] = bot
	}
	return bot
}

func (c *counts) add(l accesslog.Line) {
	unix, bot := l.At.Unix(), c.bot(l.Agent)
	c.requests++
	if c.requests == 1 || unix < c.from {
		c.from = unix
	}
	c.to = max(c.to, unix)
	c.minutes.add(floor(unix, 60), 1)
	if bot {
		c.bots++
	} else {
		c.human.add(floor(unix, 3600))
	}
	if l.Duration > 0 {
		if l.Write() {
			c.writes.add(l.Duration.Microseconds())
		} else {
			c.reads.add(l.Duration.Microseconds())
		}
	}
	c.zone(l.At, unix)
	if l.Host != "" && (len(c.hosts) < fanout || c.hosts[l.Host] > 0) {
		c.hosts[strings.Clone(l.Host)]++
	}
	c.place(l, unix, bot)
}

func (c *counts) zone(at time.Time, unix int64) {
	name, east := at.Zone()
	z := c.zones[east]
	if z == nil {
		if name == "UTC" {
			name = "+0000"
		}
		z = &Zone{Offset: name, From: at.UTC(), To: at.UTC()}
		c.zones[east] = z
	}
	z.Lines++
	if unix < z.From.Unix() {
		z.From = at.UTC()
	}
	if unix > z.To.Unix() {
		z.To = at.UTC()
	}
}

// place counts a line at its address.
func (c *counts) place(l accesslog.Line, unix int64, bot bool) {
	if !strings.HasPrefix(l.Target, "/") {
		c.odd++
		return
	}
	path, spelled := c.site.page(l.Target)
	t := c.had
	if !answered(l.Status) {
		t = c.missed
	}
	who := uint64(0)
	if !bot {
		who = visitor(l.Addr)
	}
	n, pattern, check := t.at(path, who)
	s := t.get(n, method(l.Method))
	s.add(l, unix, bot)
	s.spelled[spelled]++
	if !pattern && !n.whole && s.requests > 1 {
		return
	}
	s.addresses.add(path) // the only one yet; its node may become part of a pattern
	if c.site.lacks(path, check) {
		s.strange++
		s.strangers.add(path)
	}
}

// method is one of those that sites answer; a HEAD is a GET whose body nobody wants.
func method(name string) string {
	switch name {
	case "GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS":
		return name
	case "HEAD":
		return "GET"
	}
	return "OTHER"
}

// close ends a file: what could not be read of it, and how it was written.
func (c *counts) close(log *accesslog.Reader) {
	c.skipped += int64(log.Skipped)
	if c.first == nil {
		c.first = log.First
	}
	if log.Format != "" {
		c.formats[log.Format] = true
	}
}

func (c *counts) merge(o *counts) {
	if o.requests > 0 {
		if c.requests == 0 || o.from < c.from {
			c.from = o.from
		}
		c.to = max(c.to, o.to)
	}
	c.requests, c.bots, c.odd, c.skipped = c.requests+o.requests, c.bots+o.bots, c.odd+o.odd, c.skipped+o.skipped
	if c.first == nil {
		c.first = o.first
	}
	c.minutes.merge(&o.minutes)
	c.human.merge(&o.human)
	c.reads.merge(&o.reads)
	c.writes.merge(&o.writes)
	for east, z := range o.zones {
		mine := c.zones[east]
		if mine == nil {
			c.zones[east] = z
			continue
		}
		mine.Lines += z.Lines
		if z.From.Before(mine.From) {
			mine.From = z.From
		}
		if z.To.After(mine.To) {
			mine.To = z.To
		}
	}
	for host, n := range o.hosts {
		c.hosts[host] += n
	}
	for f := range o.formats {
		c.formats[f] = true
	}
	c.had.graft(c.had.root, o.had.root)
	c.missed.graft(c.missed.root, o.missed.root)
}
