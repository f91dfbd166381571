package diff

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Row is one kind of difference of a group: the same difference again adds to its count.
type Row struct {
	Group   string     `json:"group"`
	Route   string     `json:"route"`
	Example Difference `json:"example"` // the newest, redacted
	Request string     `json:"request"` // its id
	Target  string     `json:"target"`  // its path, without the query
	Count   int64      `json:"count"`
	First   time.Time  `json:"first"`
	Last    time.Time  `json:"last"`
}

// Tally is what became of a group's comparisons; Compared is the sum of Equal, Masked, Differing and Capped (F-12). Replays are
// counted apart.
type Tally struct {
	Compared     int64 `json:"compared"`
	Equal        int64 `json:"equal"`
	Masked       int64 `json:"masked"`
	Differing    int64 `json:"differing"`
	Capped       int64 `json:"capped"`
	Uncomparable int64 `json:"uncomparable"` // not compared, so in no sum
	Replays      int64 `json:"replays"`      // legacy against itself
	Noise        int64 `json:"noise"`        // of them, differing
}

// Sample is one comparison that can be listed, equal ones too (F-12).
type Sample struct {
	Request string    `json:"request"` // its id
	Route   string    `json:"route"`
	Method  string    `json:"method"`
	Target  string    `json:"target"` // its path, without the query
	At      time.Time `json:"at"`
	Replay  bool      `json:"replay,omitempty"`
	Result  Result    `json:"result"`
}

// What is kept (F-9).
const (
	keep        = 14 * 24 * time.Hour
	mostRows    = 500 // kinds of differences a group; past that the one not seen for longest goes
	mostSamples = 200 // a group an hour; further ones are counted only
	sampleRing  = 400 // samples a group at any time
)

// kind is what makes two differences the same one.
type kind struct{ route, field, kind string }

// groupLedger is one group's part.
type groupLedger struct {
	tally   Tally
	rows    map[kind]*Row
	samples []Sample // a ring
	next    int
	hour    time.Time // in which taken samples were taken
	taken   int
}

// Ledger keeps the kinds of differences of all groups, bounded, for fourteen days (F-9). It is safe for concurrent use.
type Ledger struct {
	now    func() time.Time
	mu     sync.Mutex
	groups map[string]*groupLedger // mu protects it
}

// NewLedger makes an empty one.
func NewLedger(now func() time.Time) *Ledger {
	return &Ledger{now: now, groups: map[string]*groupLedger{}}
}

// Add counts one comparison. replay says that legacy was compared with itself: its differences are noise, and make no rows.
func (l *Ledger) Add(r Request, replay bool, res Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.group(r.Group)
	if g == nil {
		return
	}
	now := l.now()
	g.tally.add(replay, res.Outcome)
	g.sample(now, Sample{short(r.ID), r.Route, r.Method, target(r), now, replay, res})
	if replay || res.Outcome == Uncomparable {
		return
	}
	for _, d := range res.Differences {
		k := kind{r.Route, stem(d.Field), d.Kind}
		row := g.rows[k]
		if row == nil {
			g.room(now)
			row = &Row{Group: r.Group, Route: r.Route, First: now}
			g.rows[k] = row
		}
		row.Example, row.Request, row.Target, row.Last = d, short(r.ID), target(r), now
		row.Count++
	}
}

func target(r Request) string { return short(redactor{}.text(r.path())) }

// group is a group's part; nil if there are too many.
func (l *Ledger) group(name string) *groupLedger {
	g := l.groups[name]
	if g == nil && len(l.groups) < mostGroups {
		g = &groupLedger{rows: map[kind]*Row{}}
		l.groups[name] = g
	}
	return g
}

func (t *Tally) add(replay bool, o Outcome) {
	switch {
	case o == Uncomparable:
		t.Uncomparable++
		return
	case replay:
		t.Replays++
		if o == Differs {
			t.Noise++
		}
		return
	}
	t.Compared++
	switch o {
	case Equal:
		t.Equal++
	case Masked:
		t.Masked++
	case Capped:
		t.Capped++
	default:
		t.Differing++
	}
}

// sample keeps a comparison, if the hour has room.
func (g *groupLedger) sample(now time.Time, s Sample) {
	if hour := now.Truncate(time.Hour); !hour.Equal(g.hour) {
		g.hour, g.taken = hour, 0
	}
	if g.taken++; g.taken > mostSamples {
		return
	}
	if len(g.samples) < sampleRing {
		g.samples = append(g.samples, s)
		return
	}
	g.samples[g.next%sampleRing] = s
	g.next++
}

// room makes room for a row: what is too old goes, and if that is nothing the one not seen for longest.
func (g *groupLedger) room(now time.Time) {
	if len(g.rows) < mostRows {
		return
	}
	var oldest kind
	for k, r := range g.rows {
		if now.Sub(r.Last) > keep {
			delete(g.rows, k)
		} else if o := g.rows[oldest]; o == nil || r.Last.Before(o.Last) {
			oldest = k
		}
	}
	if len(g.rows) >= mostRows {
		delete(g.rows, oldest)
	}
}

// Rows are a group's kinds of differences of the last fourteen days, the most frequent first; every group's for "".
func (l *Ledger) Rows(group string) []Row {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rows(group)
}

func (l *Ledger) rows(group string) []Row {
	now := l.now()
	all := []Row{}
	for name, g := range l.groups {
		for _, r := range g.rows {
			if (group == "" || name == group) && now.Sub(r.Last) <= keep {
				all = append(all, *r)
			}
		}
	}
	slices.SortFunc(all, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Group, b.Group), cmp.Compare(a.Route, b.Route),
			cmp.Compare(a.Example.Field, b.Example.Field), cmp.Compare(a.Example.Kind, b.Example.Kind))
	})
	return all
}

// Commonest says in words what differs most often in a group, an amount or a consent before all else; "" where nothing is known to differ.
func (l *Ledger) Commonest(group string) string {
	rows := l.Rows(group)
	if len(rows) == 0 {
		return ""
	}
	most := rows[max(0, slices.IndexFunc(rows, func(r Row) bool { return r.Example.Critical }))]
	times := "once"
	if most.Count > 1 {
		times = fmt.Sprintf("%d times", most.Count)
	}
	return fmt.Sprintf("most often %s of %s (%s, %s, last in request %s)", most.Example.Field, most.Target, most.Example.Kind, times, most.Request)
}

// Samples are a group's newest comparisons, the newest first, at most limit.
func (l *Ledger) Samples(group string, limit int) []Sample {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.groups[group]
	if g == nil {
		return []Sample{}
	}
	return g.newest(limit, l.now())
}

func (g *groupLedger) newest(limit int, now time.Time) []Sample {
	all := []Sample{}
	for i := range len(g.samples) {
		s := g.samples[(g.next+len(g.samples)-1-i)%len(g.samples)]
		if len(all) < limit && now.Sub(s.At) <= keep {
			all = append(all, s)
		}
	}
	return all
}

// Groups are the names of all groups of which anything was compared, in order.
func (l *Ledger) Groups() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.groups))
}

// Rate is which share of the comparisons differed, and the 95 % interval that the share of all requests is in (F-11).
func (t Tally) Rate() (share, low, high float64) {
	return rate(t.Differing, t.Compared), lowest(t.Differing, t.Compared), 1 - lowest(t.Compared-t.Differing, t.Compared)
}

// Tally is what became of a group's comparisons; of every group's for "".
func (l *Ledger) Tally(group string) Tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	var t Tally
	for name, g := range l.groups {
		if group == "" || name == group {
			t.plus(g.tally)
		}
	}
	return t
}

func (t *Tally) plus(o Tally) {
	t.Compared += o.Compared
	t.Equal += o.Equal
	t.Masked += o.Masked
	t.Differing += o.Differing
	t.Capped += o.Capped
	t.Uncomparable += o.Uncomparable
	t.Replays += o.Replays
	t.Noise += o.Noise
}
