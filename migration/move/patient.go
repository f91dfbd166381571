package move

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/kv"
)

// A call to a store that is unavailable or throttled is tried so often, with waits drawn at random below 100 ms, then twice
// as long each time: some 3 s on average, on top of what the adapter itself had tried.
const (
	attempts  = 7
	firstWait = 100 * time.Millisecond
)

// patient is a store whose calls are tried again where that can help. A commit whose answer was lost may so be made twice:
// its conditions make the second one a conflict, which the caller looks into.
type patient struct{ kv.Store }

// Get reads one item.
func (p patient) Get(ctx context.Context, key kv.Key) (item kv.Item, err error) {
	err = patiently(ctx, func() (err error) { item, err = p.Store.Get(ctx, key); return err })
	return item, err
}

// List reads items of a part in order.
func (p patient) List(ctx context.Context, part, prefix, after string, limit int) (items []kv.Item, err error) {
	err = patiently(ctx, func() (err error) { items, err = p.Store.List(ctx, part, prefix, after, limit); return err })
	return items, err
}

// Commit makes all the writes or none.
func (p patient) Commit(ctx context.Context, writes ...kv.Write) error {
	return patiently(ctx, func() error { return p.Store.Commit(ctx, writes...) })
}

// MaxWrites is the store's own.
func (p patient) MaxWrites() int { return kv.MaxWrites(p.Store) }

func patiently(ctx context.Context, call func() error) error {
	most := firstWait
	for n := 1; ; n++ {
		err := call()
		if kind := fault.KindOf(err); err == nil || kind != fault.Unavailable && kind != fault.TooMany {
			return err
		}
		if n == attempts {
			return fmt.Errorf("the services' store did not take it in %d attempts; nothing is lost, and the same command goes on from here: %w", n, err)
		}
		if err := pause(ctx, rand.N(most)); err != nil {
			return err
		}
		most *= 2
	}
}
