package move

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"

	"github.com/banyan-migration/banyan/shared/kv"
)

// verdict is what became of a row's part in one service's store.
type verdict byte

const (
	none       verdict = iota // the service has nothing of the row, and is to have nothing
	there                     // it had it
	wrote                     // it has it now
	edited                    // it has what the row says now
	removed                   // it has it no longer
	conflicted                // it had changed what the row changes, too
)

// change is what is to be done to one service's store for one row.
type change struct {
	verdict verdict
	writes  []kv.Write
	held    held
	lost    []json.RawMessage // what the service had, where the source stands against it
}

// part is one row's part of one service.
type part struct {
	store     kv.Store
	authority Side
	have      held       // what the service was given
	want      []kv.Write // what it is to have
	same      bool       // the row is what it was when that was given
	look      bool       // ask the store even where the page says that nothing is there
}

// reconcile says how the store comes to hold what it is to hold. What is there is taken by its revision, so that nothing
// that changes meanwhile is overwritten.
func (p part) reconcile(ctx context.Context) (change, error) {
	switch {
	case len(p.have.keys) == 0 && len(p.want) == 0:
		return change{}, nil
	case len(p.have.keys) == 0 && !p.look:
		return change{verdict: wrote, writes: p.want, held: given(p.want)}, nil
	case len(p.have.keys) > 0 && len(p.want) > 0 && !p.same && given(p.want).sum == p.have.sum:
		return change{verdict: there, held: p.have}, nil // what changed is nothing that the service keeps
	}
	keys := slices.Clone(p.have.keys)
	for _, w := range p.want {
		if !slices.Contains(keys, w.Key) {
			keys = append(keys, w.Key)
		}
	}
	stored := make([]kv.Item, len(keys))
	for i, k := range keys {
		var err error
		if stored[i], err = p.store.Get(ctx, k); err != nil && !errors.Is(err, kv.ErrNotFound) {
			return change{}, err
		}
		stored[i].Key = k
	}
	switch {
	case len(p.want) == 0:
		return p.remove(stored), nil
	case p.same && len(p.have.keys) > 0:
		return p.restore(stored), nil
	}
	return p.write(stored), nil
}

// restore puts back what is missing of a row that has not changed, and leaves alone what is there.
func (p part) restore(stored []kv.Item) change {
	c := change{verdict: there, held: p.have}
	for _, w := range p.want {
		if at := slices.Index(p.have.keys, w.Key); at >= 0 && stored[at].Rev == 0 {
			c.writes = append(c.writes, w)
		}
	}
	if len(c.writes) > 0 {
		c.verdict, c.held = wrote, given(p.want)
	}
	return c
}

// write makes of what is stored what is to be.
func (p part) write(stored []kv.Item) change {
	c := change{verdict: there, held: given(p.want)}
	fresh := true
	for _, i := range stored {
		at := slices.IndexFunc(p.want, func(w kv.Write) bool { return w.Key == i.Key })
		switch {
		case i.Rev == 0 && at >= 0:
			c.writes = append(c.writes, p.want[at])
		case i.Rev != 0 && at < 0:
			c.writes = append(c.writes, kv.Write{Key: i.Key, Delete: true, If: kv.Condition(i.Rev)})
			fresh = false
		case i.Rev != 0 && !bytes.Equal(i.Data, p.want[at].Data):
			w := p.want[at]
			w.If = kv.Condition(i.Rev)
			c.writes = append(c.writes, w)
			fresh = false
		}
	}
	switch {
	case len(c.writes) == 0:
		return c
	case len(p.have.keys) == 0 && fresh:
		c.verdict = wrote
		return c
	case !p.foreign(stored):
		c.verdict = edited
		return c
	}
	return p.conflict(c, stored)
}

// remove takes away what is stored.
func (p part) remove(stored []kv.Item) change {
	c := change{verdict: removed}
	for _, i := range stored {
		if i.Rev != 0 {
			c.writes = append(c.writes, kv.Write{Key: i.Key, Delete: true, If: kv.Condition(i.Rev)})
		}
	}
	if len(c.writes) > 0 && p.foreign(stored) {
		return p.conflict(c, stored)
	}
	return c
}

// foreign says that somebody else has written what is stored.
func (p part) foreign(stored []kv.Item) bool {
	return len(p.have.keys) == 0 || sum(stored[:len(p.have.keys)]) != p.have.sum
}

func (p part) conflict(c change, stored []kv.Item) change {
	c.verdict = conflicted
	if p.authority == Target {
		c.writes = nil
		if len(p.have.keys) > 0 {
			c.held = p.have
		}
		return c
	}
	for _, i := range stored {
		if i.Rev != 0 && json.Valid(i.Data) {
			c.lost = append(c.lost, i.Data)
		}
	}
	return c
}

// given is what a service holds once these are written.
func given(writes []kv.Write) held {
	h := held{keys: make([]kv.Key, len(writes))}
	items := make([]kv.Item, len(writes))
	for i, w := range writes {
		h.keys[i], items[i] = w.Key, kv.Item{Key: w.Key, Rev: 1, Data: w.Data}
	}
	if len(items) > 0 {
		h.sum = sum(items)
	}
	return h
}

// sum is 64 bits of a hash over what items hold, whatever their revision.
func sum(items []kv.Item) uint64 {
	var room [1024]byte
	b := room[:0]
	for _, i := range items {
		b = appendText(appendText(b, i.Key.Part), i.Key.Sort)
		if i.Rev == 0 {
			b = append(b, 0)
			continue
		}
		b = append(binary.AppendUvarint(append(b, 1), uint64(len(i.Data))), i.Data...)
	}
	full := sha256.Sum256(b)
	return binary.BigEndian.Uint64(full[:])
}
