package cutover

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/kv"
)

// Change is a person's or a program's wish.
type Change struct {
	Group    string
	Weight   int    // of Set: basis points
	Phase    string // of Enter
	If       int64  // the group's revision that was seen; 0: whatever it is, for what cannot raise
	Who      string // a person or a program; never empty
	Why      string // never empty
	Ticket   string // optional
	Evidence string // optional: a verdict's id; of Enter(retired) the name of the backup
	Lose     bool   // the caller was told what this loses (Readiness.Loses), and wants it all the same
}

// attempts bounds how often a change is tried again when other replicas change the plan at the same moment.
const attempts = 20

// move is what a change makes of a group. It is pure: it may be asked again on a newer plan. The entry is the change's line in the
// journal, to which it may add.
type move func(c Case, e *Entry) (Group, error)

// change commits a move of one group in one revision, and returns when it is in the store and live here. A move that changes nothing
// commits nothing.
func (p *Plan) change(ctx context.Context, action string, c Change, to move) (Group, error) {
	if err := checkWords(c); err != nil {
		return Group{}, err
	}
	if err := p.begin(ctx); err != nil {
		return Group{}, err
	}
	defer p.end()
	if _, known := p.seedOf(c.Group); !known {
		return Group{}, p.noGroup(c.Group)
	}
	if err := p.settle(ctx); err != nil {
		return Group{}, p.away(err)
	}
	for range attempts {
		doc, on, err := p.load(ctx)
		if err != nil {
			return Group{}, p.away(err)
		}
		k := p.caseOf(doc, c.Group)
		before := k.Group
		e := Entry{Who: c.Who, Action: action, Why: c.Why, Ticket: c.Ticket, Evidence: c.Evidence}
		after, err := to(k, &e)
		if err != nil {
			return before, err
		}
		if _, known := doc.Groups[c.Group]; known && reflect.DeepEqual(before, after) {
			p.catchUp(doc)
			return p.Now().Group(c.Group), nil
		}
		err = p.commit(ctx, doc, on, e, map[string]Group{c.Group: after})
		if errors.Is(err, kv.ErrConflict) {
			continue
		}
		if err != nil {
			return Group{}, p.away(err)
		}
		return p.told(c, e), nil
	}
	return Group{}, &fault.Error{Kind: fault.Unavailable,
		Text: fmt.Sprintf("%s: the plan was changed %d times while this change was tried; nothing was changed, try again", c.Group, attempts)}
}

// told is a change's answer: the group as it stands, and what its caller should know of the way there.
func (p *Plan) told(c Change, e Entry) Group {
	if len(e.Warnings) > 0 {
		p.o.Log.Info("a change went on in spite of its checks", "group", c.Group, "action", e.Action, "who", c.Who, "warnings", e.Warnings)
	}
	g := p.Now().Group(c.Group)
	g.Warnings, g.Lost = e.Warnings, e.Loses
	return g
}

// Note puts into the journal what changes no group, such as an override that was handed out.
func (p *Plan) Note(ctx context.Context, action, who, why string) error {
	if err := checkWords(Change{Who: who, Why: why}); err != nil {
		return err
	}
	if err := p.begin(ctx); err != nil {
		return err
	}
	defer p.end()
	return p.note(ctx, Entry{Who: who, Action: action, Why: why})
}

// note commits an entry that changes no group. turn is held.
func (p *Plan) note(ctx context.Context, e Entry) error {
	for range attempts {
		doc, on, err := p.load(ctx)
		if err == nil {
			err = p.commit(ctx, doc, on, e, nil)
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

// catchUp takes a plan that is newer than ours. turn is held.
func (p *Plan) catchUp(doc document) {
	if doc.Revision != p.doc.Revision {
		p.take(doc, false)
	}
}

func (p *Plan) away(err error) error {
	return &fault.Error{Kind: fault.Unavailable, Text: "the plan's store cannot be reached: nothing was changed; a rollback and the kill switch work without it", Err: cause(err)}
}

// cause is what went wrong in the store, without the sentence that it has for donors.
func cause(err error) error {
	var told *fault.Error
	if errors.As(err, &told) && told.Err != nil {
		return told.Err
	}
	return err
}

func (p *Plan) noGroup(name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return &fault.Error{Kind: fault.NotFound, Field: "group",
		Text: fmt.Sprintf("no group %q; there are %s", name, strings.Join(slices.Sorted(maps.Keys(p.seeds)), ", "))}
}

// maxWords bounds what is kept of a name and of a reason, in bytes.
const maxWords = 1000

func checkWords(c Change) error {
	var list fault.List
	for _, f := range []struct {
		field, text, want string
		optional          bool
	}{
		{"actor", c.Who, "the name of whoever asks for this", false},
		{"reason", c.Why, "a sentence or a ticket that says why", false},
		{"ticket", c.Ticket, "a ticket", true},
		{"evidence", c.Evidence, "the evidence's name", true},
	} {
		blank := strings.TrimSpace(f.text) == "" && !(f.optional && f.text == "")
		if blank || len(f.text) > maxWords || strings.ContainsFunc(f.text, func(r rune) bool { return r < ' ' }) {
			list = append(list, fault.Wrong(f.field, fmt.Sprintf("%s, one line of at most %d bytes; nothing was changed", f.want, maxWords)))
		}
	}
	return list.Err()
}

// unknown are the seeds of groups that a plan does not have.
func (p *Plan) unknown(doc document) map[string]Group {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := map[string]Group{}
	for name, s := range p.seeds {
		if _, known := doc.Groups[name]; !known {
			all[name] = Group{Weight: s.Weight, Phase: s.Phase}
		}
	}
	return all
}

// seed puts unknown groups into the plan. A replica that seeds at the same moment wins or loses whole: the loser
// looks again. turn is held.
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

// commit writes a plan and its journal entry together, and makes the plan live. turn is held.
func (p *Plan) commit(ctx context.Context, doc document, on kv.Condition, e Entry, to map[string]Group) error {
	doc.Groups = maps.Clone(doc.Groups)
	doc.Revision++
	e.Sequence, e.At, e.Previous = doc.Revision, p.o.Now().UTC(), doc.Head
	for _, name := range slices.Sorted(maps.Keys(to)) {
		before, known := doc.Groups[name]
		after := stamped(before, to[name], e)
		doc.Groups[name] = after
		d := Delta{Group: name, From: before.Weight, To: after.Weight, Was: before.Phase, Phase: after.Phase, After: &after}
		if known {
			d.Before = &before
		}
		e.Changes = append(e.Changes, d)
	}
	e.Hash = e.sum()
	doc.Head = e.Hash
	err := p.store.Commit(ctx,
		plans(p.store).Put(planID, doc, on),
		journal(p.store).Put(entryID(e.Sequence), e, kv.Absent))
	if err != nil {
		return err
	}
	p.take(doc, false)
	return nil
}

// stamped is a group after a change, with what the change says of itself.
func stamped(before, g Group, e Entry) Group {
	g.Revision, g.Who, g.Why, g.At = e.Sequence, e.Who, e.Why, e.At
	if g.Weight != before.Weight || g.Phase != before.Phase || before.Revision == 0 {
		g.Since = e.At
	}
	switch {
	case g.Weight == 0 && before.Weight > 0:
		g.Experiment = 0
	case g.Weight == 0 && e.Action == "approve", g.Weight > 0 && g.Experiment == 0:
		g.Experiment = e.Sequence
	}
	g.Killed = false // of this replica's switch alone
	return g
}
