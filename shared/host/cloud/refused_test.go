package cloud_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/host/cloud"
	"github.com/banyan-migration/banyan/shared/host/hosttest"
	"github.com/banyan-migration/banyan/shared/kv"
)

// A message that the topic refuses for good keeps no other waiting, whatever shard it lies in; a topic that takes nothing is not asked
// for shard after shard.
func TestOneRefusedMessageHoldsNoOther(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	bad := kv.Key{Part: "coin"}
	for n := 0; bad.Sort == "" || kv.ShardOf(bad) != 0; n++ {
		bad.Sort = fmt.Sprint("bad", n)
	}
	wait := func(k kv.Key, id string) {
		m := event.New(id, event.PaymentsRequested, hosttest.Noon.Add(-time.Hour), event.For{Service: "donate", ID: id}, nil)
		if err := a.table.Commit(t.Context(), kv.Write{Key: k, Messages: []event.Message{m}}); err != nil {
			t.Fatal(err)
		}
	}
	wait(bad, "bad")
	for n := range 50 {
		wait(kv.Key{Part: "coin", Sort: fmt.Sprint("good", n)}, fmt.Sprint("good", n))
	}
	away, asked := true, 0
	h, err := cloud.New(t.Context(), a.world(), "donate", func(host.Env) (host.Service, error) {
		return host.Service{Queue: func(context.Context, event.Message) error { return nil }}, nil
	}, func(_ context.Context, f *cloud.Function) error {
		f.Env.Store = a.table
		f.Send = func(_ context.Context, messages []event.Message) (arrived []string, err error) {
			asked++
			for _, m := range messages {
				switch {
				case away:
					return nil, fmt.Errorf("topic: %w", cloud.ErrAway)
				case m.ID == "bad":
					err = errors.New("topic: the message bad is too large")
				default:
					arrived = append(arrived, m.ID)
				}
			}
			return arrived, err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Invoke(t.Context(), scheduled); err == nil || asked != 1 || len(a.unsent(t)) != 51 {
		t.Errorf("a topic that is away was asked %d times, %d messages wait, %v", asked, len(a.unsent(t)), err)
	}
	away = false
	if _, err := h.Invoke(t.Context(), scheduled); err == nil || len(a.unsent(t)) != 1 {
		t.Errorf("%d messages wait behind one, %v", len(a.unsent(t)), err)
	}
}
