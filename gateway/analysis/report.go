package analysis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/tally"
	"github.com/banyan-migration/banyan/shared/kv"
)

// heartbeat is what a replica says of itself, every turn. Its cells lie beside it, numbered by group, and are written with it: each number once.
type heartbeat struct {
	Boot     string                 `json:"boot"`
	Beat     int64                  `json:"beat"`
	Revision int64                  `json:"revision"` // of the plan
	Seen     time.Time              `json:"seen"`
	Through  time.Time              `json:"through"` // every cell that ended by then is reported
	Last     map[string]int64       `json:"last"`    // the number of each group's last cell
	Trips    map[string]*tally.Trip `json:"trips,omitempty"`
	Dead     map[string]string      `json:"dead,omitempty"` // groups whose shadow is dead, and why
	Leads    bool                   `json:"leads,omitempty"`
	Told     []string               `json:"told,omitempty"`     // groups of which an outcome has ever been told
	Outcomes int64                  `json:"outcomes,omitempty"` // the number of the last outcome that this replica shares
	Left     bool                   `json:"left,omitempty"`
}

func replicas(s kv.Store) kv.Table[heartbeat] {
	return kv.Table[heartbeat]{Store: s, Name: "judge/replica"}
}

func cells(s kv.Store, group, replica string) kv.Table[judge.Cell] {
	return kv.Table[judge.Cell]{Store: s, Name: "judge/cell/" + group + "/" + replica}
}

func cellID(n int64) string { return fmt.Sprintf("%016x", n) }

// remembered is how long reported cells lie in the store: longer than Curves shows them one by one.
const remembered = 26 * time.Hour

// report is what this replica has counted and not told yet.
type report struct {
	unsent []counted
	trips  map[string]*tally.Trip
	dead   map[string]string

	rev     kv.Condition // of the stored heartbeat; 0: to be read
	was     kv.Condition // rev before a write of which nobody knows whether it arrived
	beat    int64
	tried   int // cells of a write of which nobody knows whether it arrived
	last    map[string]int64
	through time.Time
}

type counted struct {
	group string
	cell  judge.Cell
}

// mostUnsent bounds what is kept while the store is away, and batch what is written at once.
const (
	mostUnsent = 20_000
	batch      = 80
)

// gather takes what this replica has counted since the last turn.
func (a *Analysis) gather(now time.Time) {
	r := &a.report
	if a.o.Collect != nil {
		for group, ended := range a.o.Collect(now) {
			for _, c := range ended {
				r.unsent = append(r.unsent, counted{group, c})
			}
		}
	}
	r.through = now
	for group, c := range a.settle(now) {
		r.unsent = append(r.unsent, counted{group, c})
	}
	if over := len(r.unsent) - mostUnsent; over > 0 {
		a.o.Log.Error("the judge's store has been away for so long that counts are lost: the judge goes on without them", "cells", over)
		r.unsent, r.tried = append([]counted(nil), r.unsent[over:]...), max(0, r.tried-over)
	}
	plan := a.o.Plan.Now()
	r.trips, r.dead = map[string]*tally.Trip{}, map[string]string{}
	for _, name := range a.names() {
		if a.o.Trip != nil {
			if t := a.o.Trip(name, plan.Group(name).Revision, now); t != nil {
				r.trips[name] = t
			}
		}
		if a.o.Shadow != nil {
			if why := a.o.Shadow(name); why != "" {
				r.dead[name] = why
			}
		}
	}
}

// send writes the heartbeat and the cells that have not been told, each cell once: when it is not known whether a write has arrived,
// the heartbeat that lies in the store says so.
func (a *Analysis) send(ctx context.Context, store kv.Store, now time.Time) error {
	r := &a.report
	if r.rev == 0 {
		if err := a.resume(ctx, store); err != nil {
			return err
		}
	}
	for {
		n := min(len(r.unsent), batch)
		if err := a.sendSome(ctx, store, r.unsent[:n], now, n == len(r.unsent)); err != nil {
			return err
		}
		if r.unsent = r.unsent[n:]; len(r.unsent) == 0 {
			r.unsent = nil
			return nil
		}
	}
}

func (a *Analysis) sendSome(ctx context.Context, store kv.Store, some []counted, now time.Time, all bool) error {
	r := &a.report
	last := maps.Clone(r.last)
	var writes []kv.Write
	for _, c := range some {
		last[c.group] = max(last[c.group]+1, now.UnixMicro()) // past what a forgotten heartbeat of this id had
		w := cells(store, c.group, a.o.Replica).Put(cellID(last[c.group]), c.cell, kv.Always)
		w.Expires = now.Add(remembered)
		writes = append(writes, w)
	}
	doc := r.doc(a, now, false)
	if doc.Last = last; !all {
		doc.Through = some[0].cell.At
	}
	doc.Beat++
	w := replicas(store).Put(a.o.Replica, doc, r.rev)
	w.Expires = now.Add(remembered)
	if err := store.Commit(ctx, append(writes, w)...); err != nil {
		r.beat, r.tried, r.was, r.rev = doc.Beat, len(some), r.rev, 0
		return err
	}
	r.beat, r.last, r.rev = doc.Beat, last, max(r.rev, 0)+1
	return nil
}

// doc is the heartbeat as it stands.
func (r *report) doc(a *Analysis, now time.Time, left bool) heartbeat {
	d := heartbeat{Boot: a.boot, Beat: r.beat, Revision: a.o.Plan.Now().Revision, Seen: now.UTC(), Through: r.through.UTC(), Last: r.last, Trips: r.trips, Dead: r.dead, Left: left}
	d.Told, d.Outcomes = a.gifts.said()
	a.mu.Lock()
	defer a.mu.Unlock()
	d.Leads = a.leads && !left
	return d
}

// resume reads where this replica's report stands: at the start, and after a write of which nobody knows whether it arrived.
func (a *Analysis) resume(ctx context.Context, store kv.Store) error {
	r := &a.report
	there, rev, err := replicas(store).Get(ctx, a.o.Replica)
	switch {
	case errors.Is(err, kv.ErrNotFound):
		r.rev, r.last, r.tried = kv.Absent, map[string]int64{}, 0
		return nil
	case err != nil:
		return err
	case there.Boot == a.boot && there.Beat == r.beat: // the write had arrived
		r.unsent = r.unsent[r.tried:]
	case there.Boot != a.boot && r.last != nil && rev != r.was: // else the write has not arrived, and an earlier process's still lies there
		a.o.Log.Error("another gateway reports under this one's id: the judge counts both as one; give each its own gateway_id", "replica", a.o.Replica)
	}
	r.tried = 0
	a.gifts.know(there.Told)
	if r.rev, r.last = rev, there.Last; r.last == nil {
		r.last = map[string]int64{}
	}
	return nil
}
