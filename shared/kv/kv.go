// Package kv is the services' storage port: items under a partition and a sort key, commits that are all or none,
// conditions on each write, and the messages that a write causes, which are kept with it until they are delivered.
// Mem is the store for tests; kv/sqlite keeps one machine's data; kvtest is the suite that every adapter passes.
package kv

import (
	"context"
	"errors"
	"time"

	"github.com/banyan-migration/banyan/shared/event"
)

// ErrNotFound says that no item has the key (or that it has expired).
var ErrNotFound = errors.New("kv: not found")

// ErrConflict says that a condition of a commit did not hold; nothing of that commit was written.
var ErrConflict = errors.New("kv: conflict")

// Key is where an item lies: items of one Part are listed together, in the byte order of Sort.
type Key struct{ Part, Sort string }

// Item is what a store holds under a key.
type Item struct {
	Key     Key
	Rev     int64 // 1 for the first write of a key, then one more a write
	Data    []byte
	Expires time.Time // zero: never
}

// Expired says that the item's time is up: to readers and to Absent it is not there.
func (i Item) Expired(now time.Time) bool { return !i.Expires.IsZero() && !i.Expires.After(now) }

// Condition is what must hold of the stored item for a write to happen: Always, Absent, or the revision that was
// read (a positive number).
type Condition int64

const (
	Always Condition = 0  // whatever is there
	Absent Condition = -1 // nothing may be there; an expired item counts as nothing
)

// Write is one item's change within a commit.
type Write struct {
	Key      Key
	Data     []byte // ignored when Delete is set
	Delete   bool
	If       Condition
	Expires  time.Time       // zero: never
	Messages []event.Message // delivered after the commit, at least once; there is no other way to send
}

// Unsent is a message that a commit caused and nobody has confirmed as delivered.
type Unsent struct {
	Key     Key // the item that caused it
	Message event.Message
}

// Shards is over how many shards undelivered messages are spread; a message's shard is a hash of its item's key.
const Shards = 32

// Store keeps items. Every method may be called from many goroutines; all block until done or ctx ends.
type Store interface {
	// Get reads one item, or ErrNotFound.
	Get(ctx context.Context, key Key) (Item, error)
	// List reads up to limit items of a part whose sort key begins with prefix and is greater than after, in order.
	List(ctx context.Context, part, prefix, after string, limit int) ([]Item, error)
	// Commit makes all the writes or none. ErrConflict: a condition did not hold. When it returns nil the writes
	// and their messages survive a crash. One key may stand in a commit once.
	Commit(ctx context.Context, writes ...Write) error
	// Unsent lists up to limit messages of a shard (0 to Shards-1) that are not yet Sent, oldest first.
	Unsent(ctx context.Context, shard, limit int) ([]Unsent, error)
	// Sent confirms the delivery of messages of one item. Confirming twice is no error.
	Sent(ctx context.Context, key Key, ids ...string) error
}
