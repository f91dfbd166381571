package cutover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/kv"
)

// patience is how long a rollback waits for the store, and then for the disk, before it is done without: it is in force within a
// second of the call (G19).
const (
	patience     = 500 * time.Millisecond
	diskPatience = 250 * time.Millisecond
)

// Pending is a rollback that is in force at this gateway, and that the store does not have yet: other gateways do not know of it.
type Pending struct {
	Group    string    `json:"group"`
	Who      string    `json:"who"`
	Why      string    `json:"why"`
	Ticket   string    `json:"ticket,omitempty"`
	Evidence string    `json:"evidence,omitempty"`
	Loses    string    `json:"loses,omitempty"` // what the caller was told that it loses
	At       time.Time `json:"at"`              // it was asked for
	Seen     int64     `json:"seen"`            // the plan's revision that this gateway knew then
}

// Rollback sends a group back to legacy at once. It is never refused for being stale, nor frozen, held, or out of hours. What would
// be lost must be said (Change.Lose) unless readiness is green. Past the point of no return it freezes the group instead: the answer
// has the weight that it had, and Frozen. Twice is as once. Where the store does not take it within half a second it is in force at
// this gateway alone: the answer is Pending, outlasts the process, and goes into the plan when the store is back, unless a person has
// raised the group since it was asked for. ctx does not end it.
func (p *Plan) Rollback(ctx context.Context, c Change) (Group, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	type answer struct {
		group Group
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		g, err := p.change(ctx, "rollback", c, func(k Case, e *Entry) (Group, error) { return rollback(k, c, e) })
		done <- answer{g, err}
	}()
	select { // a store may hang beyond what ctx says
	case a := <-done:
		if fault.KindOf(a.err) == fault.Unavailable {
			break
		}
		return a.group, a.err
	case <-ctx.Done():
	}
	return p.rollbackHere(c)
}

// rollbackHere puts a rollback in force at this gateway, and remembers it for the store. The first word stands.
func (p *Plan) rollbackHere(c Change) (Group, error) {
	k, err := p.Case(c.Group)
	if err != nil {
		return Group{}, err
	}
	e := Entry{}
	if _, err := rollback(k, c, &e); err != nil {
		return k.Group, err
	}
	p.mu.Lock()
	if p.pending[c.Group] == nil {
		p.pending[c.Group] = &Pending{Group: c.Group, Who: c.Who, Why: c.Why, Ticket: c.Ticket, Evidence: c.Evidence, Loses: e.Loses, At: k.At, Seen: p.doc.Revision}
	}
	p.stale = true
	p.publish()
	g := p.snapshot.Load().Group(c.Group)
	p.mu.Unlock()
	g.Lost = e.Loses
	p.o.Log.Warn("a rollback is in force at this gateway alone: the plan's store cannot be reached", "group", c.Group, "who", c.Who, "why", c.Why)
	kept := make(chan struct{})
	go func() { defer close(kept); p.keep() }()
	select {
	case <-kept:
	case <-time.After(diskPatience):
		p.o.Log.Warn("the disk does not answer: whether a restart keeps the rollback is not known", "group", c.Group, "file", p.o.File)
	}
	return g, nil
}

// rolled is a group under a rollback that the store does not have.
func (g Group) rolled(one *Pending, s Seed) Group {
	if one == nil {
		return g
	}
	e := Entry{Sequence: g.Revision, At: one.At, Who: one.Who, Why: one.Why, Action: "rollback"}
	after, err := rollback(Case{At: one.At, Group: g, Seed: s}, one.change(one.Why), &e)
	if err != nil { // nothing refuses a rollback whose loss is meant
		return g
	}
	g = stamped(g, after, e)
	g.Pending = one
	return g
}

func (one *Pending) change(why string) Change {
	return Change{Group: one.Group, Who: one.Who, Why: why, Lose: true}
}

// settle brings the rollbacks that were done here alone into the plan. turn is held.
func (p *Plan) settle(ctx context.Context) error {
	p.mu.Lock()
	var all []*Pending
	for _, one := range p.pending {
		all = append(all, one)
	}
	p.mu.Unlock()
	slices.SortFunc(all, func(a, b *Pending) int { return a.At.Compare(b.At) })
	for _, one := range all {
		if err := p.settleOne(ctx, one); err != nil {
			return err
		}
		p.mu.Lock()
		delete(p.pending, one.Group)
		p.publish()
		p.mu.Unlock()
		p.keep()
	}
	return nil
}

func (p *Plan) settleOne(ctx context.Context, one *Pending) error {
	for range attempts {
		doc, on, err := p.load(ctx)
		if err != nil {
			return err
		}
		since, err := p.since(ctx, one)
		if err != nil {
			return err
		}
		e, to := p.settled(doc, one, since)
		if e.Why == "" {
			p.catchUp(doc)
			return nil
		}
		err = p.commit(ctx, doc, on, e, to)
		if errors.Is(err, kv.ErrConflict) {
			continue
		}
		if err == nil {
			p.o.Log.Info("a rollback that was in force here is in the plan's store now", "group", one.Group, "who", one.Who, "why", e.Why)
		}
		return err
	}
	return kv.ErrConflict
}

// settled is what a rollback that was done here alone is to the plan of now: a change, or a line in the journal that says why it is
// none, or nothing, with an empty Why.
func (p *Plan) settled(doc document, one *Pending, since []Entry) (Entry, map[string]Group) {
	e := Entry{Who: one.Who, Action: "rollback", Ticket: one.Ticket, Evidence: one.Evidence}
	for _, other := range since {
		if to := other.raised(one.Group); to > 0 && other.Action != "step" && other.At.After(one.At) {
			e.Why = one.why(p.o.Replica, fmt.Sprintf("%s raised it to %s %% after that, which stands", other.Who, percent(to)))
			return e, nil
		}
	}
	k := p.caseOf(doc, one.Group)
	_, known := doc.Groups[one.Group]
	after, _ := rollback(k, one.change(one.why(p.o.Replica, "it is done everywhere now")), &e)
	switch {
	case known && !reflect.DeepEqual(k.Group, after):
		if e.Why == "" {
			e.Why = one.why(p.o.Replica, "it is done everywhere now")
		}
		e.Loses = one.Loses
		return e, map[string]Group{one.Group: after}
	case k.Group.Revision <= one.Seen || slices.ContainsFunc(since, one.is):
		return Entry{}, nil
	}
	e.Why = one.why(p.o.Replica, "others had done so already")
	return e, nil
}

// is says whether an entry is this rollback, as another gateway brought it in, or this one before it was cut off from the answer.
func (one *Pending) is(e Entry) bool {
	return e.Who == one.Who && !e.At.Before(one.At) && (e.Action == "rollback" || e.Action == "freeze")
}

// why is the reason as the journal keeps it.
func (one *Pending) why(replica, now string) string {
	tail := fmt.Sprintf(" (asked at %s of %s while the store was away, and in force there since; %s)", stamp(one.At), replica, now)
	return strings.ToValidUTF8(one.Why[:min(len(one.Why), max(0, maxWords-len(tail)))], "") + tail
}

// raised is the weight to which an entry has raised a group; 0: it has not.
func (e Entry) raised(group string) int {
	for _, d := range e.Changes {
		if d.Group == group && d.To > d.From {
			return d.To
		}
	}
	return 0
}

// since are the journal's entries about a group after what was known when its rollback was asked for. One that is not readable is
// Verify's to tell, and no reason to leave visitors where they are. turn is held.
func (p *Plan) since(ctx context.Context, one *Pending) (all []Entry, err error) {
	for after := one.Seen; ; {
		items, err := p.store.List(ctx, journal(p.store).Name, "", entryID(after), 500)
		if err != nil || len(items) == 0 {
			return all, err
		}
		for _, item := range items {
			var e Entry
			if json.Unmarshal(item.Data, &e) == nil && slices.ContainsFunc(e.Changes, func(d Delta) bool { return d.Group == one.Group }) {
				all = append(all, e)
			}
		}
		after += int64(len(items))
	}
}

// percent writes basis points as people say them.
func percent(weight int) string {
	whole, rest := weight*100/split.Full, weight*100%split.Full
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%02d", whole, rest/100), "0"), ".")
}
