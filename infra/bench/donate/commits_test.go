package main

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/banyan-migration/banyan/services/donate"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/host/hosttest"
	"github.com/banyan-migration/banyan/shared/kv"
)

// counted is a store that counts what a donor waits for.
type counted struct {
	kv.Store
	reads, commits *atomic.Int64
}

func (c counted) Get(ctx context.Context, key kv.Key) (kv.Item, error) {
	c.reads.Add(1)
	return c.Store.Get(ctx, key)
}

func (c counted) Commit(ctx context.Context, writes ...kv.Write) error {
	c.commits.Add(1)
	return c.Store.Commit(ctx, writes...)
}

// The answer to a form's post waits for one commit, and for no read: the gift with the message that starts its payment.
func TestOneCommitBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	var reads, commits atomic.Int64
	s := hosttest.NewWorld(t).StartAs(t, "donate", func(env host.Env) (host.Service, error) {
		env.Store = counted{env.Store, &reads, &commits}
		return donate.New(env)
	})
	a := s.Do("POST", "/donations", `{"amount":"25.00","first_name":"Siân","last_name":"O'Neill","email":"sian@example.org","country":"GB","payment":{"method":"test"}}`,
		"Idempotency-Key", "a form and its body")
	if a.Status != 201 || commits.Load() != 1 || reads.Load() != 0 {
		t.Errorf("%d commits and %d reads before %d %s, want one commit", commits.Load(), reads.Load(), a.Status, a.Body)
	}
}
