package cutover

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/banyan-migration/banyan/shared/kv"
)

// Entry is one change of the plan: the journal's line. Its hash covers everything else in it and the hash of the
// entry before, so that none can be altered, taken out or put in between without the chain breaking (G20).
type Entry struct {
	Sequence int64     `json:"sequence"` // the plan's revision after the change; 1 is the first
	At       time.Time `json:"at"`
	Who      string    `json:"who"`
	Action   string    `json:"action"` // a transition's name in small letters; seed, drill, drilled, kill, unkill, override
	Why      string    `json:"why"`
	Changes  []Delta   `json:"changes,omitempty"`
	Previous string    `json:"previous"` // empty for the first
	Hash     string    `json:"hash"`

	Ticket   string   `json:"ticket,omitempty"`
	Evidence string   `json:"evidence,omitempty"` // a verdict's id, or a backup's name
	Loses    string   `json:"loses,omitempty"`    // what the caller was told that this loses, and wanted all the same
	Warnings []string `json:"warnings,omitempty"` // the checks that it went on in spite of, each as "predicate: what is"
}

// Delta is what a change did to one group.
type Delta struct {
	Group string `json:"group"`
	From  int    `json:"from"` // basis points
	To    int    `json:"to"`
	Phase string `json:"phase"` // the new one

	Was    string `json:"was,omitempty"`    // the old phase; absent in entries of the first version, and for a new group
	Before *Group `json:"before,omitempty"` // whole; absent likewise
	After  *Group `json:"after,omitempty"`
}

// sum is the SHA-256, in hex, of the entry as JSON without its own hash.
func (e Entry) sum() string {
	e.Hash = ""
	raw, err := json.Marshal(e)
	if err != nil {
		panic(err) // an Entry is strings, numbers and a time of our own
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

const planID = "current"

func plans(s kv.Store) kv.Table[document] { return kv.Table[document]{Store: s, Name: "plan"} }
func journal(s kv.Store) kv.Table[Entry]  { return kv.Table[Entry]{Store: s, Name: "journal"} }
func entryID(sequence int64) string       { return fmt.Sprintf("%019d", sequence) }

// History reads up to limit entries after a sequence, in their order. It shows what is there; Verify says whether it holds.
func (p *Plan) History(ctx context.Context, after int64, limit int) ([]Entry, error) {
	items, err := p.lines(ctx, after, limit)
	entries := make([]Entry, len(items))
	for i, item := range items {
		if err := json.Unmarshal(item.Data, &entries[i]); err != nil {
			return nil, fmt.Errorf("journal entry %s is not readable: %w", item.Key.Sort, err)
		}
	}
	return entries, err
}

func (p *Plan) lines(ctx context.Context, after int64, limit int) ([]kv.Item, error) {
	if err := p.begin(ctx); err != nil {
		return nil, err
	}
	_, _, err := p.load(ctx) // opens the store if it was away
	store := p.store
	p.end()
	if err != nil {
		return nil, p.away(err)
	}
	items, err := store.List(ctx, journal(store).Name, "", entryID(after), limit)
	if err != nil {
		return nil, p.away(err)
	}
	return items, nil
}

// decode reads an entry exactly as it was written: what its hash does not cover, as an unknown field or a key twice, may not stand in it.
func decode(raw []byte) (Entry, error) {
	var e Entry
	if err := json.Unmarshal(raw, &e); err != nil {
		return e, fmt.Errorf("is not readable: %w", err)
	}
	again, err := json.Marshal(e)
	if err != nil || !bytes.Equal(raw, again) {
		return e, errors.New("is not as this program writes one: it was changed by hand, or a later version wrote it")
	}
	return e, nil
}

// Follow checks that entries follow last, each the one before it, unaltered, and returns the last of them. The zero
// Entry stands before the first. The error names the first entry that does not follow, and last is the one before it.
func Follow(last Entry, entries []Entry) (Entry, error) {
	for _, e := range entries {
		if e.Sequence != last.Sequence+1 || e.Previous != last.Hash || e.Hash != e.sum() {
			return last, fmt.Errorf("journal entry %d does not follow entry %d: the journal was changed by hand", e.Sequence, last.Sequence)
		}
		last = e
	}
	return last, nil
}

// Verify walks the whole journal and returns how many entries hold; the error names the first that does not, or says
// that the journal does not lead to the plan's head: its newest entries can be taken away without breaking the chain.
func (p *Plan) Verify(ctx context.Context) (int64, error) {
	var last Entry
	now := p.Now() // before the walk: what is added meanwhile is more than it asks for
	for {
		items, err := p.lines(ctx, last.Sequence, 500)
		if err != nil {
			return last.Sequence, err
		}
		if len(items) == 0 {
			break
		}
		for _, item := range items {
			e, err := decode(item.Data)
			if err != nil {
				return last.Sequence, fmt.Errorf("journal entry %d %w", last.Sequence+1, err)
			}
			if last, err = Follow(last, []Entry{e}); err != nil {
				return last.Sequence, err
			}
			if e.Sequence == now.Revision && e.Hash != now.Head {
				return last.Sequence, fmt.Errorf("the plan's head is not entry %d's hash: the plan was changed by hand", last.Sequence)
			}
		}
	}
	if last.Sequence < now.Revision {
		return last.Sequence, fmt.Errorf("the journal ends at entry %d and the plan is at %d: the newest entries were taken away by hand", last.Sequence, now.Revision)
	}
	return last.Sequence, nil
}
