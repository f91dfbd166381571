package cutover

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// look is how often the kill switch and the store are looked at: the switch acts in under a second (T-7), and a rollback is in force
// on the last replica well within one.
const look = 250 * time.Millisecond

// Run follows the store and the kill switch until ctx ends. The two do not wait for each other.
func (p *Plan) Run(ctx context.Context) {
	var both sync.WaitGroup
	both.Go(func() { each(ctx, func() { p.watchSwitch(); p.watchStore() }) })
	both.Go(func() { each(ctx, func() { p.follow(ctx) }) })
	both.Wait()
}

func each(ctx context.Context, do func()) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			do()
		}
	}
}

// watchSwitch looks at the kill switch once.
func (p *Plan) watchSwitch() {
	p.o.Kill.look()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.o.Kill.String() != p.killed {
		p.publish()
	}
}

// hangs is how long somebody may talk to the store before it counts as away: it may not even heed that they have given up.
const hangs = 750 * time.Millisecond

// watchStore says that the store is away while somebody waits for it, so that nobody takes the last plan for the newest (T-8).
func (p *Plan) watchStore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stale || p.busy.IsZero() || time.Since(p.busy) < hangs {
		return
	}
	p.o.Log.Warn("the plan's store does not answer: going on with the last plan", "revision", p.doc.Revision)
	p.stale = true
	p.publish()
}

// isStale says whether the store counts as away.
func (p *Plan) isStale() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stale
}

// pull is a change of the kill switch.
type pull struct {
	at            time.Time
	before, after string
}

// maxPulls bounds what waits for the journal while the store is away: the first are kept, and how it began is known.
const maxPulls = 100

// pulled says a change of the switch, and keeps it until the journal has it. mu is held.
func (p *Plan) pulled(before, after string, atStart bool) {
	if atStart {
		p.o.Log.Warn("the kill switch is on", "killed", after)
	} else {
		p.o.Log.Warn("the kill switch changed", "killed", after, "before", before)
	}
	if len(p.pulls) < maxPulls {
		p.pulls = append(p.pulls, pull{p.o.Now().UTC(), before, after})
	}
}

// tellKills puts the switch's changes into the journal, as soon as there is a store to take them (T-7). turn is held.
func (p *Plan) tellKills(ctx context.Context) error {
	for {
		p.mu.Lock()
		if len(p.pulls) == 0 {
			p.mu.Unlock()
			return nil
		}
		one := p.pulls[0]
		p.mu.Unlock()
		if err := p.note(ctx, one.entry(p.o.Replica)); err != nil {
			return err
		}
		p.mu.Lock()
		p.pulls = p.pulls[1:]
		p.mu.Unlock()
	}
}

func (one pull) entry(replica string) Entry {
	e := Entry{Who: replica, Action: "kill", Why: fmt.Sprintf("at %s the kill switch here took %s to legacy", stamp(one.at), named(one.after))}
	if one.after == "" {
		e.Action, e.Why = "unkill", fmt.Sprintf("at %s the kill switch here was cleared", stamp(one.at))
	}
	if one.before != "" {
		e.Why += ", after " + named(one.before)
	}
	return e
}

// named lists what a switch kills, for a sentence.
func named(killed string) string { return cut(strings.ReplaceAll(killed, " ", ", ")) }

// follow looks at the store once, and says when it goes and when it comes back.
func (p *Plan) follow(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if p.begin(ctx) != nil {
		return // somebody has waited for the store for so long: the next look says whether it is away
	}
	defer p.end()
	err := p.refresh(ctx)
	if err == nil {
		err = p.settle(ctx)
	}
	if err == nil {
		err = p.tellKills(ctx)
	}
	if err == nil || p.isStale() || ctx.Err() == context.Canceled {
		return
	}
	p.o.Log.Warn("the plan's store cannot be reached: going on with the last plan", "revision", p.doc.Revision, "error", cause(err))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stale = true
	p.publish()
}

// refresh reads the store, seeds what it does not know, and takes what is new. turn is held.
func (p *Plan) refresh(ctx context.Context) error {
	doc, _, err := p.load(ctx)
	if err != nil {
		return err
	}
	if len(p.unknown(doc)) > 0 {
		return p.seed(ctx)
	}
	stale := p.isStale()
	if back := stale && !p.unsettled(); back {
		p.o.Log.Info("the plan's store is back", "revision", doc.Revision)
		stale = false
	} else if p.snapshot.Load() != nil && doc.Revision == p.doc.Revision {
		return nil
	}
	p.take(doc, stale)
	return nil
}

// unsettled says whether the store has still to take a rollback: one that can be read and not written to is not back.
func (p *Plan) unsettled() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pending) > 0
}
