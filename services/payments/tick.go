package payments

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/banyan-migration/banyan/shared/kv"
)

// duePart lists the payments that somebody must look at again, in the order of when.
const duePart = "due"

func dueKey(at time.Time, id string) kv.Key {
	return kv.Key{Part: duePart, Sort: at.UTC().Format("2006-01-02T15:04:05.000000000Z") + "/" + id}
}

// relist moves a payment among those that are due.
func relist(p *payment) (writes []kv.Write) {
	if !p.listed.IsZero() {
		writes = append(writes, kv.Write{Key: dueKey(p.listed, p.ID), Delete: true})
	}
	if !p.Due.IsZero() {
		writes = append(writes, kv.Write{Key: dueKey(p.Due, p.ID), Data: []byte(`{}`)})
	}
	return writes
}

const (
	page  = 500 // payments looked up at a time
	pages = 20  // a tick at most; the rest keep their place
	wide  = 32  // asked about at once: one that hangs must not hold up the others
)

// tick asks the acquirers about what is still open: attempts whose end is unknown, pages that no donor has come back
// from, refunds under way, payments that wait for an acquirer. A tick that is missed is made good by the next.
func (s *service) tick(ctx context.Context, now time.Time) error {
	for range pages {
		due, err := s.due(ctx, now)
		if err != nil || len(due) == 0 {
			return err
		}
		failed := make([]error, len(due))
		var group errgroup.Group
		group.SetLimit(wide)
		for i, id := range due {
			group.Go(func() error {
				if err := s.look(ctx, id); err != nil {
					failed[i] = fmt.Errorf("payments: %s: %w", id, err)
				}
				return nil
			})
		}
		group.Wait() // the goroutines keep their errors
		if err := errors.Join(failed...); err != nil {
			return err // what failed is still due: the next tick, not the next page
		}
	}
	return nil
}

// due lists payments whose time has come, the longest waiting first. Each look moves its payment on.
func (s *service) due(ctx context.Context, now time.Time) ([]string, error) {
	items, err := s.store.List(ctx, duePart, "", "", page)
	var ids []string
	for _, item := range items {
		at, id, _ := strings.Cut(item.Key.Sort, "/")
		if when, err := time.Parse(time.RFC3339Nano, at); err == nil && when.After(now) {
			break
		}
		ids = append(ids, id)
	}
	return ids, err
}

// look finds out what became of one payment's open attempt and of its refunds.
func (s *service) look(ctx context.Context, id string) error {
	p, rev, err := s.load(ctx, id)
	if err != nil {
		return err
	}
	fresh := false
	if p.Waiting {
		if p, rev, fresh, err = s.resume(ctx, p, rev); err != nil {
			return err
		}
	}
	if p.open() != nil {
		if _, err = s.collect(ctx, p, rev, !fresh); err != nil {
			return err
		}
		if p, rev, err = s.load(ctx, id); err != nil {
			return err
		}
	}
	_, err = s.refund(ctx, p, rev)
	return err
}
