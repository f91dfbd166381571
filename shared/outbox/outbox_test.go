package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/outbox"
)

var noon = time.Date(2026, 3, 13, 12, 0, 0, 0, time.UTC)

func message(id, about string) event.Message {
	return event.New(id, event.PaymentsSettled, noon, event.For{Service: about, ID: id}, nil)
}

func write(sort string, on kv.Condition, messages ...event.Message) kv.Write {
	return kv.Write{Key: kv.Key{Part: "p", Sort: sort}, If: on, Messages: messages}
}

func TestCommitsTellWhatTheyCausedOnceTheyHold(t *testing.T) {
	t.Parallel()
	var told []string
	store := outbox.Watch(kv.NewMem(), func(_ context.Context, caused []kv.Unsent) {
		for _, u := range caused {
			told = append(told, u.Key.Sort+u.Message.ID)
		}
	})
	for _, writes := range [][]kv.Write{
		{write("a", kv.Absent, message("1", "x"), message("2", "x")), write("b", kv.Absent, message("3", "x"))}, {write("c", kv.Absent)},
	} {
		if err := store.Commit(t.Context(), writes...); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Commit(t.Context(), write("a", kv.Absent, message("4", "x"))); !errors.Is(err, kv.ErrConflict) {
		t.Fatal(err)
	}
	if !slices.Equal(told, []string{"a1", "a2", "b3"}) {
		t.Errorf("told %v", told)
	}
}

func TestSweepFindsWhatNobodyConfirmed(t *testing.T) {
	t.Parallel()
	store := kv.NewMem()
	for n := range 100 {
		if err := store.Commit(t.Context(), write(fmt.Sprint("k", n), kv.Absent, message(fmt.Sprint("m", n), "x"))); err != nil {
			t.Fatal(err)
		}
	}
	swept := func() (all []kv.Unsent) {
		t.Helper()
		if err := outbox.Sweep(t.Context(), store, 99, func(u []kv.Unsent) { all = append(all, u...) }); err != nil {
			t.Fatal(err)
		}
		return all
	}
	first := swept()
	if err := outbox.Confirm(t.Context(), store, first[:60]); err != nil || len(first) != 100 {
		t.Fatal(len(first), err)
	}
	if left := swept(); len(left) != 40 {
		t.Errorf("%d are left, want 40", len(left))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := outbox.Confirm(ctx, store, first[60:]); !errors.Is(err, context.Canceled) {
		t.Errorf("%v: a failed confirmation was not told", err)
	}
}

func TestSendPassesOverWhoIsNotThere(t *testing.T) {
	t.Parallel()
	var got []string
	to := func(name string) func(context.Context, event.Message) error {
		switch name {
		case "giftaid":
			return nil
		case "down":
			return func(context.Context, event.Message) error { return errors.New("down") }
		}
		return func(context.Context, event.Message) error { got = append(got, name); return nil }
	}
	if err := outbox.Send(t.Context(), message("1", "donate"), to); err != nil || !slices.Equal(got, []string{"donate"}) {
		t.Error(got, err)
	}
	if err := outbox.Send(t.Context(), message("1", "down"), to); err == nil {
		t.Error("a receiver's error was swallowed")
	}
}
