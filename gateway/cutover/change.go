package cutover

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/kv"
)

// ErrStale says that a group was changed after the revision that the caller had seen.
var ErrStale = errors.New("cutover: the group was changed meanwhile")

// ErrNoRevision says that a change that raises a weight names no revision: nobody raises what they have not looked at.
var ErrNoRevision = errors.New("cutover: a raise names the revision that it is based on")

// Change is a person's or a program's wish.
type Change struct {
	Group  string
	Weight int    // basis points
	If     int64  // the group's revision that was seen; 0: whatever it is, for lowering alone
	Who    string // a person or a program; never empty
	Why    string // never empty
}

// Set moves a group to a weight, with the phase that goes with it, and returns when the change is in the store and
// live here. The same weight again changes nothing. Errors: ErrStale, ErrNoRevision, a fault, or the store's.
func (p *Plan) Set(ctx context.Context, c Change) (Group, error) {
	if c.Weight < 0 || c.Weight > split.Full {
		return Group{}, fault.Wrong("weight", fmt.Sprintf("%d is no weight: 0 to %d basis points", c.Weight, split.Full))
	}
	return p.change(ctx, "set", c, func(g Group) error {
		switch {
		case c.If == 0 && c.Weight > g.Weight:
			return ErrNoRevision
		case c.If != 0 && c.If != g.Revision:
			return ErrStale
		}
		return nil
	})
}

// Rollback sends a group back to legacy at once, whatever others do meanwhile: it is never refused for being stale.
// Twice is as once.
func (p *Plan) Rollback(ctx context.Context, group, who, why string) (Group, error) {
	return p.change(ctx, "rollback", Change{Group: group, Who: who, Why: why}, func(Group) error { return nil })
}

// Note puts into the journal what changes no weight, such as an override that was handed out.
func (p *Plan) Note(ctx context.Context, action, who, why string) error {
	if err := checkWords(who, why); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for range attempts {
		doc, on, err := p.load(ctx)
		if err == nil {
			err = p.commit(ctx, doc, on, Entry{Who: who, Action: action, Why: why}, nil)
		}
		if !errors.Is(err, kv.ErrConflict) {
			if err != nil {
				return p.away(err)
			}
			return nil
		}
	}
	return p.away(kv.ErrConflict)
}

// attempts bounds how often a change is tried again when other replicas change the plan at the same moment.
const attempts = 20

func (p *Plan) change(ctx context.Context, action string, c Change, may func(Group) error) (Group, error) {
	if err := checkWords(c.Who, c.Why); err != nil {
		return Group{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.seeds[c.Group]; !known {
		return Group{}, &fault.Error{Kind: fault.NotFound, Field: "group", Text: fmt.Sprintf("no group %q; there are %s", c.Group, strings.Join(slices.Sorted(maps.Keys(p.seeds)), ", "))}
	}
	for range attempts {
		doc, on, err := p.load(ctx)
		if err != nil {
			return Group{}, p.away(err)
		}
		g, known := doc.Groups[c.Group]
		if !known {
			g.Phase = Off
		}
		if err := may(g); err != nil {
			return g, err
		}
		if known && g.Weight == c.Weight && g.Phase == PhaseOf(c.Weight) {
			p.catchUp(doc)
			return p.Now().Group(c.Group), nil
		}
		to := Seed{c.Weight, PhaseOf(c.Weight)}
		err = p.commit(ctx, doc, on, Entry{Who: c.Who, Action: action, Why: c.Why}, map[string]Seed{c.Group: to})
		if errors.Is(err, kv.ErrConflict) {
			continue
		}
		if err != nil {
			return Group{}, p.away(err)
		}
		return p.Now().Group(c.Group), nil
	}
	return Group{}, fmt.Errorf("cutover: %s: the plan was changed %d times while this change was tried; nothing was changed, try again", c.Group, attempts)
}

// catchUp takes a plan that is newer than ours. mu is held.
func (p *Plan) catchUp(doc document) {
	if doc.Revision != p.doc.Revision {
		p.stale = false
		p.take(doc)
	}
}

func (p *Plan) away(err error) error {
	return &fault.Error{Kind: fault.Unavailable, Text: "the plan's store cannot be reached: nothing was changed; the kill switch works without it", Err: err}
}

// maxWords bounds what is kept of a name and of a reason, in bytes.
const maxWords = 1000

func checkWords(who, why string) error {
	var list fault.List
	for _, f := range []struct{ field, text, want string }{
		{"actor", who, "who asks for this: a name"},
		{"reason", why, "why: a sentence, or a ticket"},
	} {
		if strings.TrimSpace(f.text) == "" || len(f.text) > maxWords || strings.ContainsFunc(f.text, func(r rune) bool { return r < ' ' }) {
			list = append(list, fault.Wrong(f.field, fmt.Sprintf("%s, one line of at most %d bytes; nothing was changed", f.want, maxWords)))
		}
	}
	return list.Err()
}

// unknown are the seeds of groups that a plan does not have.
func (p *Plan) unknown(doc document) map[string]Seed {
	all := map[string]Seed{}
	for name, s := range p.seeds {
		if _, known := doc.Groups[name]; !known {
			all[name] = s
		}
	}
	return all
}

// seed puts unknown groups into the plan. A replica that seeds at the same moment wins or loses whole: the loser
// looks again. mu is held.
func (p *Plan) seed(ctx context.Context) error {
	for range attempts {
		doc, on, err := p.load(ctx)
		if err != nil {
			return err
		}
		unknown := p.unknown(doc)
		if len(unknown) == 0 {
			p.catchUp(doc)
			return nil
		}
		err = p.commit(ctx, doc, on, Entry{Who: "gateway", Action: "seed", Why: "first seen in the configuration"}, unknown)
		if !errors.Is(err, kv.ErrConflict) {
			return err
		}
	}
	return kv.ErrConflict
}

// commit writes a plan and its journal entry together, and makes the plan live. mu is held.
func (p *Plan) commit(ctx context.Context, doc document, on kv.Condition, e Entry, to map[string]Seed) error {
	doc.Groups = maps.Clone(doc.Groups)
	doc.Revision++
	e.Sequence, e.At, e.Previous = doc.Revision, p.o.Now().UTC(), doc.Head
	for _, name := range slices.Sorted(maps.Keys(to)) {
		before, s := doc.Groups[name], to[name]
		e.Changes = append(e.Changes, Delta{Group: name, From: before.Weight, To: s.Weight, Phase: s.Phase})
		doc.Groups[name] = Group{Weight: s.Weight, Phase: s.Phase, Revision: doc.Revision, Who: e.Who, Why: e.Why, At: e.At}
	}
	e.Hash = e.sum()
	doc.Head = e.Hash
	err := p.store.Commit(ctx,
		plans(p.store).Put(planID, doc, on),
		journal(p.store).Put(entryID(e.Sequence), e, kv.Absent))
	if err != nil {
		return err
	}
	p.stale = false
	p.take(doc)
	return nil
}
