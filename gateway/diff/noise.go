package diff

import (
	"math"
	"strings"
	"sync"
	"time"
)

// Learning asks for this much before it calls a field noise (F-7). A field is noise if legacy differs from itself in it so often that
// this explains what the new side shows: the rate of differences between the sides is at most explained times that of the replays, or
// no more than closeBy above it.
//
// The start values were: report where the rates are more than 20 % of their sum apart and more than 0.03 % of all. The first is
// raw > 1.5 × noise, so explained is 1.5. A rate of few replays says little, therefore of theirs the lower end of the 95 % interval
// (Wilson) counts: a field that differs each time is noise after 8 replays, one that differs in a tenth of them after some 500, and what
// legacy never does is never noise. In the test's simulation a field that differs twice as often on the new side is never hidden once
// 100 replays are there.
const (
	explained = 1.5
	closeBy   = 0.0003
	wilson95  = 1.96
)

// bounds of what is remembered, so that a site of endless fields cannot fill the memory.
const (
	mostGroups = 1000
	mostFields = 500    // a group
	remembered = 20_000 // comparisons a group; past that all counts are halved, so that what a site was like in spring fades
)

// Evidence is what is known of one field of a group: Raw of Pairs comparisons of the sides differed in it, and Noise of Replays, in
// which legacy was compared with itself.
type Evidence struct {
	Field   string    `json:"field"`
	Raw     int64     `json:"raw"`
	Pairs   int64     `json:"pairs"`
	Noise   int64     `json:"noise"`
	Replays int64     `json:"replays"`
	Since   time.Time `json:"since"`
	Learned bool      `json:"learned"` // the differ leaves it out
}

// learned says whether the evidence is enough.
func (e Evidence) learned() bool {
	if e.Noise == 0 {
		return false
	}
	raw, low := rate(e.Raw, e.Pairs), lowest(e.Noise, e.Replays)
	return raw <= explained*low || raw-low <= closeBy
}

func rate(of, all int64) float64 { return float64(of) / float64(max(all, 1)) }

// lowest is the lower end of a rate's 95 % interval, after Wilson.
func lowest(of, all int64) float64 {
	n, p, z2 := float64(max(all, 1)), rate(of, all), wilson95*wilson95
	return (p + z2/(2*n) - wilson95*math.Sqrt(p*(1-p)/n+z2/(4*n*n))) / (1 + z2/n)
}

// Noise learns from replays which fields of a group differ without meaning anything. It is safe for concurrent use.
type Noise struct {
	mu     sync.RWMutex
	groups map[string]*groupNoise // mu protects what is below
}

type groupNoise struct {
	Pairs   int64 `json:"pairs"`
	Replays int64 `json:"replays"`
	fields  map[string]*Evidence
}

// NewNoise knows of nothing yet.
func NewNoise() *Noise { return &Noise{groups: map[string]*groupNoise{}} }

// is says whether a field is noise. A nil Noise knows none.
func (n *Noise) is(group, field string) bool {
	if n == nil {
		return false
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	g := n.groups[group]
	return g != nil && g.fields[field] != nil && g.fields[field].Learned
}

// stem is a field with the steps of lists as one, so that a list's entries teach each other.
func stem(field string) string {
	what, rest, _ := strings.Cut(field, " ")
	if what != "json" && what != "effect" {
		return field
	}
	steps := strings.Split(rest, "/")
	for i, s := range steps {
		if s != "" && strings.Trim(s, "0123456789") == "" {
			steps[i] = "*"
		}
	}
	return what + " " + strings.Join(steps, "/")
}

// learnable says whether a difference may ever be called noise: never a status, a redirect's way, a cookie, an amount, a consent or
// the name of a form's field (F-7). Date is left out too: it is listed in the packs.
func learnable(d Difference) bool {
	for _, never := range []string{"status", "answer", "header location", "header set-cookie", "header date", "effect"} {
		if d.Field == never || strings.HasPrefix(d.Field, never+" ") {
			return false
		}
	}
	if strings.HasPrefix(d.Field, "html form ") && (d.Kind == Missing || d.Kind == Extra) {
		_, name, _ := strings.Cut(d.Field, " field ")
		return strings.Contains(name, " ") && !d.Critical // its value or options, not the field itself
	}
	return !d.Critical && d.Kind != Cut
}

// Learn counts one comparison towards what is noise, if the Comparer was made with Noise. Effects teach nothing: none of theirs is noise.
func (c *Comparer) Learn(r Request, replay bool, res Result) {
	if c.noise != nil {
		c.noise.Add(r, replay, res)
	}
}

// Add counts one comparison, of the sides or of legacy with itself.
func (n *Noise) Add(r Request, replay bool, res Result) {
	if res.Outcome == Uncomparable || res.Outcome == Capped {
		return
	}
	seen := res.Learned
	for _, d := range res.Differences {
		if learnable(d) {
			seen = once(seen[:len(seen):len(seen)], stem(d.Field))
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	g := n.groups[r.Group]
	if g == nil {
		if len(n.groups) >= mostGroups {
			return
		}
		g = &groupNoise{fields: map[string]*Evidence{}}
		n.groups[r.Group] = g
	}
	g.add(seen, replay, r.At)
}

func (g *groupNoise) add(seen []string, replay bool, at time.Time) {
	if replay {
		g.Replays++
	} else {
		g.Pairs++
	}
	for _, field := range seen {
		e := g.fields[field]
		if e == nil && len(g.fields) < mostFields {
			e = &Evidence{Field: field, Since: at}
			g.fields[field] = e
		}
		switch {
		case e == nil:
		case replay:
			e.Noise++
		default:
			e.Raw++
		}
	}
	if g.Pairs+g.Replays > remembered {
		g.fade()
	}
	for _, e := range g.fields {
		e.Pairs, e.Replays = g.Pairs, g.Replays
		e.Learned = e.learned()
	}
}

func (g *groupNoise) fade() {
	g.Pairs, g.Replays = g.Pairs/2, g.Replays/2
	for field, e := range g.fields {
		if e.Raw, e.Noise = e.Raw/2, e.Noise/2; e.Raw+e.Noise == 0 {
			delete(g.fields, field)
		}
	}
}
