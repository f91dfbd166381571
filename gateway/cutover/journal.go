package cutover

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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
	Action   string    `json:"action"` // seed, set, rollback or override
	Why      string    `json:"why"`
	Changes  []Delta   `json:"changes,omitempty"`
	Previous string    `json:"previous"` // empty for the first
	Hash     string    `json:"hash"`
}

// Delta is one group's move.
type Delta struct {
	Group string `json:"group"`
	From  int    `json:"from"` // basis points
	To    int    `json:"to"`
	Phase string `json:"phase"` // the new one
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

// History reads up to limit entries after a sequence, in their order.
func (p *Plan) History(ctx context.Context, after int64, limit int) ([]Entry, error) {
	p.mu.Lock()
	_, _, err := p.load(ctx) // opens the store if it was away
	store := p.store
	p.mu.Unlock()
	if err != nil {
		return nil, p.away(err)
	}
	items, err := store.List(ctx, journal(store).Name, "", entryID(after), limit)
	if err != nil {
		return nil, p.away(err)
	}
	entries := make([]Entry, len(items))
	for i, item := range items {
		if err := json.Unmarshal(item.Data, &entries[i]); err != nil {
			return nil, fmt.Errorf("cutover: journal entry %s is not readable: %w", item.Key.Sort, err)
		}
	}
	return entries, nil
}

// Follow checks that entries follow last, each the one before it, unaltered, and returns the last of them. The zero
// Entry stands before the first. The error names the first entry that does not follow, and last is the one before it.
func Follow(last Entry, entries []Entry) (Entry, error) {
	for _, e := range entries {
		if e.Sequence != last.Sequence+1 || e.Previous != last.Hash || e.Hash != e.sum() {
			return last, fmt.Errorf("cutover: journal entry %d does not follow entry %d: the journal was changed by hand", e.Sequence, last.Sequence)
		}
		last = e
	}
	return last, nil
}

// Verify walks the whole journal and returns how many entries hold; the error names the first that does not, or says
// that the plan's head is not the last entry's hash.
func (p *Plan) Verify(ctx context.Context) (int64, error) {
	var last Entry
	for {
		entries, err := p.History(ctx, last.Sequence, 500)
		if err != nil {
			return last.Sequence, err
		}
		if last, err = Follow(last, entries); err != nil {
			return last.Sequence, err
		}
		if len(entries) == 0 {
			break
		}
	}
	if now := p.Now(); now.Revision == last.Sequence && now.Head != last.Hash {
		return last.Sequence, fmt.Errorf("cutover: the plan's head is not entry %d's hash: the plan was changed by hand", last.Sequence)
	}
	return last.Sequence, nil
}
