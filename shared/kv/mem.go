package kv

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Mem is a Store in memory, for tests and for what need not outlive the process. Safe for concurrent use.
type Mem struct {
	Now func() time.Time // decides what has expired; nil: the clock. Set before use

	mu     sync.Mutex
	parts  map[string][]Item // by part, in the order of Sort
	unsent [Shards][]Unsent
}

// NewMem is an empty store.
func NewMem() *Mem { return &Mem{parts: map[string][]Item{}} }

func (m *Mem) now() time.Time {
	if m.Now != nil {
		return m.Now()
	}
	return time.Now()
}

func bySort(i Item, sort string) int { return cmp.Compare(i.Key.Sort, sort) }

// find is where a key is or would be, and its item if there is one that lives.
func (m *Mem) find(key Key) (at int, held bool, item Item) {
	part := m.parts[key.Part]
	at, held = slices.BinarySearchFunc(part, key.Sort, bySort)
	if held && !part[at].Expired(m.now()) {
		item = part[at]
	}
	return at, held, item
}

// Get reads one item.
func (m *Mem) Get(ctx context.Context, key Key) (Item, error) {
	if err := ctx.Err(); err != nil {
		return Item{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, _, item := m.find(key)
	if item.Rev == 0 {
		return Item{}, ErrNotFound
	}
	item.Data = bytes.Clone(item.Data)
	return item, nil
}

// List reads items of a part in order.
func (m *Mem) List(ctx context.Context, part, prefix, after string, limit int) ([]Item, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.parts[part]
	from, _ := slices.BinarySearchFunc(all, max(prefix, after), bySort)
	var found []Item
	for _, item := range all[from:] {
		if len(found) >= limit || !strings.HasPrefix(item.Key.Sort, prefix) && item.Key.Sort > prefix {
			break
		}
		if item.Expired(m.now()) || after != "" && item.Key.Sort <= after {
			continue
		}
		item.Data = bytes.Clone(item.Data)
		found = append(found, item)
	}
	return found, nil
}

// Commit makes all the writes or none.
func (m *Mem) Commit(ctx context.Context, writes ...Write) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := Check(writes); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, w := range writes {
		if _, _, item := m.find(w.Key); !w.If.Holds(item.Rev) {
			return fmt.Errorf("%w: %v is at revision %d", ErrConflict, w.Key, item.Rev)
		}
	}
	for _, w := range writes {
		m.apply(w)
	}
	return nil
}

func (m *Mem) apply(w Write) {
	at, held, item := m.find(w.Key)
	part := m.parts[w.Key.Part]
	if held {
		part = slices.Delete(part, at, at+1)
	}
	if !w.Delete {
		part = slices.Insert(part, at, Item{w.Key, item.Rev + 1, bytes.Clone(w.Data), w.Expires})
	}
	m.parts[w.Key.Part] = part
	shard := ShardOf(w.Key)
	for _, message := range w.Messages {
		m.unsent[shard] = append(m.unsent[shard], Unsent{w.Key, message})
	}
}

// Unsent lists messages that nobody has confirmed.
func (m *Mem) Unsent(ctx context.Context, shard, limit int) ([]Unsent, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.unsent[shard]
	return slices.Clone(all[:min(limit, len(all))]), nil
}

// Sent confirms messages of one item.
func (m *Mem) Sent(ctx context.Context, key Key, ids ...string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	shard := ShardOf(key)
	m.unsent[shard] = slices.DeleteFunc(m.unsent[shard], func(u Unsent) bool {
		return u.Key == key && slices.Contains(ids, u.Message.ID)
	})
	return nil
}
