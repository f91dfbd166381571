package analysis

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/shared/kv"
)

// evidence is what is known of a group's experiment so far, with the place up to which each replica's cells are in it: both are one
// item, written under the condition that nobody else has written it. So a cell counts once, whoever dies or leads twice.
type evidence struct {
	Experiment int64                `json:"experiment"` // of the plan's group; another one begins with nothing
	State      judge.State          `json:"state"`
	Cursor     map[string]int64     `json:"cursor"`   // by replica: the number of the last cell that counts
	Revision   int64                `json:"revision"` // of the newest cell
	Said       said                 `json:"said"`
	Stood      stood                `json:"stood"`
	Alarms     map[string]time.Time `json:"alarms,omitempty"` // what is wrong now, and since when

	rev kv.Condition
}

// said is the newest stored verdict.
type said struct {
	Record   string     `json:"record"`
	Kind     judge.Kind `json:"kind"`
	Reason   string     `json:"reason"`
	Revision int64      `json:"revision"`
	At       time.Time  `json:"at"`
}

func evidences(s kv.Store) kv.Table[evidence] {
	return kv.Table[evidence]{Store: s, Name: "judge/evidence"}
}

// mostAtOnce bounds the cells of one look: after a long absence of the store there are several looks a turn, each with its record.
const mostAtOnce = 300

// look judges a group once, or until nothing new is left, and does what the verdict says.
func (a *Analysis) look(ctx context.Context, store kv.Store, group string, now time.Time) error {
	defer a.caught()
	for ; ; now = now.Add(time.Millisecond) { // each look has an id of its own
		more, err := a.lookOnce(ctx, store, group, now)
		if errors.Is(err, kv.ErrConflict) { // another replica leads: what it wrote is read when this one leads again
			clear(a.groups)
			a.lease.forget()
			return nil
		}
		if err != nil || !more {
			return err
		}
	}
}

func (a *Analysis) lookOnce(ctx context.Context, store kv.Store, group string, now time.Time) (more bool, err error) {
	old, err := a.evidence(ctx, store, group)
	if err != nil {
		return false, err
	}
	g, policy := a.o.Plan.Now().Group(group), a.o.Policy(group)
	ev := old.at(g)
	batch, cursor, more, err := a.fresh(ctx, store, group, ev.Cursor, policy, now)
	if err != nil {
		return false, err
	}
	ev.Cursor = cursor
	r := judge.Record{ID: recordID(group, now), Before: ev.State, Policy: policy}
	r.Cells = ev.fold(batch, g, a.o.Plan.Now().Revision, policy)
	r.Situation = a.situation(group, g, policy, now)
	r.Verdict = judge.Look(ev.State, r.Situation, policy)
	news, told := ev.says(r, now, policy)
	alarms := ev.watch(a.wrong(group, g, r, now), group, g, now)
	// What leads to an act is always written, so that who has lost the lease learns it before the act.
	if len(batch) > 0 || told || r.Verdict.Kind != judge.Hold || ev.differs(old) {
		if err := a.store(ctx, store, group, &ev, old.rev, r, told, news); err != nil {
			return false, err
		}
	}
	a.count(r, told)
	for _, alarm := range alarms {
		a.alarm(alarm)
	}
	if !more || r.Verdict.Kind != judge.PromoteOK { // nobody goes up on half of what is there
		a.act(ctx, group, g, r, ev.Said.Record)
	}
	return more, nil
}

// store writes evidence and, if it is told, the verdict on it, unless another replica has written evidence meanwhile.
func (a *Analysis) store(ctx context.Context, store kv.Store, group string, ev *evidence, on kv.Condition, r judge.Record, told, news bool) error {
	maps.DeleteFunc(ev.Cursor, func(id string, _ int64) bool { return a.peers[id] == nil }) // its cells are forgotten as it is
	writes := []kv.Write{evidences(store).Put(group, *ev, cmp.Or(on, kv.Absent))}
	if told {
		_, sort, _ := placeOf(r.ID)
		w := records(store, group).Put(sort, r, kv.Always)
		if w.Expires = ev.Said.At.Add(keepAgain); news {
			w.Expires = ev.Said.At.Add(keepNew)
		}
		writes = append(writes, w)
	}
	if err := store.Commit(ctx, writes...); err != nil {
		delete(a.groups, group) // it may have been written all the same
		return err
	}
	ev.rev = max(on, 0) + 1
	a.groups[group] = ev
	return nil
}

// differs says whether there is something to write besides cells.
func (e *evidence) differs(old *evidence) bool {
	return old.rev <= 0 || e.Experiment != old.Experiment || e.Stood != old.Stood || !maps.Equal(e.Alarms, old.Alarms)
}

// evidence is a group's as it is stored.
func (a *Analysis) evidence(ctx context.Context, store kv.Store, group string) (*evidence, error) {
	if ev := a.groups[group]; ev != nil {
		return ev, nil
	}
	ev, rev, err := evidences(store).Get(ctx, group)
	if err != nil && !errors.Is(err, kv.ErrNotFound) {
		return nil, err
	}
	ev.rev = rev
	a.groups[group] = &ev
	return &ev, nil
}

// at is the evidence for a group as it stands now: nothing at the beginning of an experiment.
func (e *evidence) at(g cutover.Group) evidence {
	next := *e
	next.Cursor, next.Alarms = maps.Clone(e.Cursor), maps.Clone(e.Alarms)
	if next.Cursor == nil {
		next.Cursor = map[string]int64{}
	}
	if next.Experiment != g.Experiment {
		next.Experiment, next.State, next.Revision = g.Experiment, judge.State{}, 0
	}
	return next
}

// fresh reads the cells of all replicas that are complete and do not count yet, and how far each replica's go then.
func (a *Analysis) fresh(ctx context.Context, store kv.Store, group string, cursor map[string]int64, p judge.Policy, now time.Time) (all []judge.Cell, to map[string]int64, more bool, err error) {
	to = maps.Clone(cursor)
	horizon, plan := a.horizon(now), a.o.Plan.Now().Revision
	for _, id := range slices.Sorted(maps.Keys(a.peers)) {
		if a.peers[id].Last[group] <= cursor[id] {
			continue
		}
		some, err := after(ctx, store, group, id, cursor[id])
		if err != nil {
			return nil, nil, false, err
		}
		for i, c := range some {
			if i == mostAtOnce {
				more = true
				break
			}
			if !complete(c.cell, p.Cell, horizon, now) || c.cell.Revision > plan && !c.cell.At.Add(forgotten).Before(now) {
				break
			}
			all, to[id] = append(all, c.cell), c.n
		}
	}
	return merged(all), to, more, nil
}

// forgotten is how old a cell is whose plan revision will never be known here: the plan was put back to an older one.
const forgotten = 5 * time.Minute

// horizon is up to when every replica that lives has reported.
func (a *Analysis) horizon(now time.Time) time.Time {
	horizon := now
	for _, p := range a.peers {
		if p.lives() && p.Through.Before(horizon) {
			horizon = p.Through
		}
	}
	return horizon
}

// complete says whether a cell is waited for no longer: every living replica has reported past its end; or two cells have passed since, and
// who is late counts by himself; or its end lies so far ahead that a clock is wrong, and nothing of the others' belongs with it.
func complete(c judge.Cell, length time.Duration, horizon, now time.Time) bool {
	end, grace := c.At.Add(length), 2*length
	return !end.After(horizon) || !end.Add(grace).After(now) || end.After(now.Add(grace))
}

// merged adds up the replicas' cells of one time and revision, in order.
func merged(all []judge.Cell) (sum []judge.Cell) {
	slices.SortStableFunc(all, order)
	for _, c := range all {
		if n := len(sum); n > 0 && order(sum[n-1], c) == 0 {
			sum[n-1] = sum[n-1].Plus(c)
		} else {
			sum = append(sum, c)
		}
	}
	return sum
}

// fold adds cells to the evidence and returns those that belong to it: not those of an earlier experiment, nor what ends late of a weight
// that was left, nor of a plan that there no longer is.
func (e *evidence) fold(all []judge.Cell, g cutover.Group, plan int64, p judge.Policy) (counted []judge.Cell) {
	for _, c := range all {
		if c.Revision > plan || c.Revision < g.Experiment || g.Experiment == 0 && c.Weight > 0 || c.Revision < e.Revision && c.Weight != e.State.Weight {
			continue
		}
		e.Revision = max(e.Revision, c.Revision)
		e.State.Add(c, p)
		counted = append(counted, c)
	}
	return counted
}

// again is how often a verdict that says the same is stored, in cells.
const again = 6

// firstCompared says whether a step's first comparisons have come: the plan's guard waits for a stored verdict that has seen them.
func firstCompared(r judge.Record) bool {
	return r.Before.Pairs.Compared == 0 && slices.ContainsFunc(r.Cells, func(c judge.Cell) bool { return c.Pairs.Compared > 0 })
}

// says decides whether a verdict is stored: when it says something new, before everything it does, and now and then.
func (e *evidence) says(r judge.Record, now time.Time, p judge.Policy) (news, told bool) {
	v := r.Verdict
	news = v.Kind != e.Said.Kind || v.Reason != e.Said.Reason || r.Situation.Revision != e.Said.Revision || firstCompared(r)
	since := now.Sub(e.Said.At)
	told = news || since >= again*p.Cell || since < 0
	if told {
		e.Said = said{r.ID, v.Kind, v.Reason, r.Situation.Revision, now}
	}
	return news, told
}
