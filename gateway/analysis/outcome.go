package analysis

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/tally"
	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/kv"
)

// Outcome is what became of an accepted write, told by a service by the request's id.
type Outcome struct {
	Request string `json:"request"`
	OK      bool   `json:"ok"`
}

// gifts are the writes that the new side accepted through this gateway and whose outcome is not known yet. A gateway that ends takes
// its own with it: nothing is said of them.
type gifts struct {
	mu      sync.Mutex
	waiting map[string]tally.Accepted
	early   map[string]early // outcomes of writes that are not known here, or not yet
	told    map[string]bool  // groups of which an outcome has ever been told: of the others a missing one says nothing
	open    map[string]judge.Cell
	shared  int64 // the number of the last outcome that was passed on to the other replicas

	turn     sync.Mutex // one writes what is passed on at a time, so that numbers appear in their order
	reserved int64      // the last number that was tried
}

type early struct {
	ok bool
	at time.Time
}

// mostGifts bounds each of the two maps. What is over says nothing.
const mostGifts = 100_000

func outcomes(s kv.Store, replica string) kv.Table[Outcome] {
	return kv.Table[Outcome]{Store: s, Name: "judge/outcome/" + replica}
}

// Outcomes takes what services tell of accepted writes. The same outcome may come twice, and any outcome to any replica: one that is
// not known here is passed on. On an error some may have been taken; telling all again is safe.
func (a *Analysis) Outcomes(ctx context.Context, all []Outcome) error {
	now := a.o.Now()
	var elsewhere []Outcome
	for i, o := range all {
		if o.Request == "" || len(o.Request) > 128 {
			return fault.Wrong(fmt.Sprintf("[%d].request", i), "the id of the request whose outcome this is, 1 to 128 characters; nothing of this list was taken")
		}
	}
	a.gifts.mu.Lock()
	for _, o := range all {
		if !a.resolve(o, now) {
			elsewhere = append(elsewhere, o)
		}
	}
	a.gifts.mu.Unlock()
	if len(elsewhere) == 0 {
		return nil
	}
	store, err := a.o.Store()
	if err == nil {
		err = a.share(ctx, store, elsewhere, now)
	}
	if err != nil {
		return &fault.Error{Kind: fault.Unavailable, Text: "the store cannot be reached: outcomes of other gateways' requests were not taken; tell them again", Err: err}
	}
	return nil
}

// share passes outcomes on to the other replicas.
func (a *Analysis) share(ctx context.Context, store kv.Store, all []Outcome, now time.Time) error {
	g := &a.gifts
	g.turn.Lock()
	defer g.turn.Unlock()
	for some := range slices.Chunk(all, batch) {
		var writes []kv.Write
		for _, o := range some {
			g.reserved = max(g.reserved+1, now.UnixMicro())
			w := outcomes(store, a.o.Replica).Put(cellID(g.reserved), o, kv.Always)
			w.Expires = now.Add(longest)
			writes = append(writes, w)
		}
		if err := store.Commit(ctx, writes...); err != nil {
			return err
		}
		g.mu.Lock()
		g.shared = g.reserved
		g.mu.Unlock()
	}
	return nil
}

// longest is how long an outcome is remembered for a write that is not known yet.
const longest = time.Hour

// hear reads the outcomes that another replica passes on.
func (a *Analysis) hear(ctx context.Context, store kv.Store, replica string, p *peer) error {
	if replica == a.o.Replica {
		return nil
	}
	for p.heard < p.Outcomes {
		rows, _, err := outcomes(store, replica).List(ctx, "0/"+cellID(p.heard), page)
		if err != nil {
			return err
		}
		a.gifts.mu.Lock()
		for _, row := range rows {
			a.resolve(row.Value, a.o.Now())
			p.heard = number(row.ID)
		}
		a.gifts.mu.Unlock()
		if len(rows) < page {
			p.heard = max(p.heard, p.Outcomes) // what is missing has expired
		}
	}
	return nil
}

// resolve counts an outcome if its write is known here, else remembers it for a while. gifts.mu is held.
func (a *Analysis) resolve(o Outcome, now time.Time) bool {
	g := &a.gifts
	w, known := g.waiting[o.Request]
	if !known {
		if g.early == nil {
			g.early = map[string]early{}
		}
		if len(g.early) < mostGifts {
			g.early[o.Request] = early{o.OK, now}
		}
		return false
	}
	delete(g.waiting, o.Request)
	g.tell(w.Group)
	a.gift(w, !o.OK, now)
	return true
}

func (g *gifts) tell(group string) {
	if g.told == nil {
		g.told = map[string]bool{}
	}
	g.told[group] = true
}

// know takes the groups of which another replica, or this one before, was told an outcome.
func (g *gifts) know(groups []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, group := range groups {
		g.tell(group)
	}
}

func (g *gifts) said() (told []string, shared int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Sorted(maps.Keys(g.told)), g.shared
}

// gift counts a write whose outcome is known or overdue, in the cell of this moment. A write of an earlier ramp is no evidence of this one.
func (a *Analysis) gift(w tally.Accepted, lost bool, now time.Time) {
	stands := a.o.Plan.Now().Group(w.Group)
	if stands.Experiment == 0 || w.Revision < stands.Experiment {
		return
	}
	g := &a.gifts
	if g.open == nil {
		g.open = map[string]judge.Cell{}
	}
	c, begun := g.open[w.Group]
	if !begun {
		c = judge.Cell{At: slot(now, a.o.Policy(w.Group).Cell), Revision: stands.Revision, Weight: stands.Weight}
	}
	c.Side[judge.New].Gifts++
	if lost {
		c.Side[judge.New].Lost++
	}
	g.open[w.Group] = c
}

// settle takes the writes that were accepted since the last turn, counts those whose outcome is overdue, and returns what of all that
// lies in cells that have ended.
func (a *Analysis) settle(now time.Time) map[string]judge.Cell {
	g := &a.gifts
	g.mu.Lock()
	defer g.mu.Unlock()
	if a.o.Accepted != nil {
		a.await(a.o.Accepted(), now)
	}
	for id, w := range g.waiting {
		if overdue := a.o.Policy(w.Group).Overdue; now.Sub(w.At) < overdue {
			continue
		}
		delete(g.waiting, id)
		if g.told[w.Group] {
			a.gift(w, true, now)
		}
	}
	for id, e := range g.early {
		if now.Sub(e.at) > longest {
			delete(g.early, id)
		}
	}
	ended := map[string]judge.Cell{}
	for group, c := range g.open {
		if length := a.o.Policy(group).Cell; !c.At.Add(length).After(now) {
			ended[group] = c
			delete(g.open, group)
		}
	}
	return ended
}

func (a *Analysis) await(accepted []tally.Accepted, now time.Time) {
	g := &a.gifts
	if g.waiting == nil {
		g.waiting = map[string]tally.Accepted{}
	}
	for _, w := range accepted {
		if e, known := g.early[w.Request]; known {
			delete(g.early, w.Request)
			g.tell(w.Group)
			a.gift(w, !e.ok, now)
		} else if len(g.waiting) < mostGifts {
			g.waiting[w.Request] = w
		}
	}
}

// slot is the beginning of the cell that a moment is in.
func slot(now time.Time, length time.Duration) time.Time {
	n := now.UnixNano()
	return time.Unix(0, n-n%int64(length)).UTC()
}
