package cloud_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/host/cloud"
	"github.com/banyan-migration/banyan/shared/host/hosttest"
	"github.com/banyan-migration/banyan/shared/kv"
)

// tableOn is a function over another store than the account's own.
func (a *account) tableOn(t *testing.T, store kv.Store, start host.New) *cloud.Host {
	t.Helper()
	h, err := cloud.New(t.Context(), a.world(), "donate", start, func(_ context.Context, f *cloud.Function) error {
		f.Env.Store, f.Send = store, a.send
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// brittle is a table whose reads fail while it is told so.
type brittle struct {
	kv.Store
	broken bool
}

func (b *brittle) Get(ctx context.Context, key kv.Key) (kv.Item, error) {
	if b.broken {
		return kv.Item{}, errors.New("throttled")
	}
	return b.Store.Get(ctx, key)
}

func TestPauseReachesEveryEnvironmentWithinSeconds(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	now := hosttest.Noon
	a.now = func() time.Time { return now }
	table := &brittle{Store: a.table, broken: true}
	one, other := a.tableOn(t, a.table, newTill().start), a.tableOn(t, table, newTill().start)
	asked := func(want int) {
		t.Helper()
		if got := ask(t, other, get("GET", "/echo")); got.StatusCode != want {
			t.Errorf("%d %s, want %d", got.StatusCode, got.Body, want)
		}
	}
	asked(503) // whether somebody has stopped it is not known yet
	table.broken = false
	asked(200)
	e := get("PUT", "/donate/state")
	e.Headers["content-type"], e.Headers["authorization"] = "application/json", "Bearer "+hosttest.OperatorKey
	e.Body = `{"state":"TEMPORARILY_PAUSED"}`
	if got := ask(t, one, e); got.StatusCode != 200 {
		t.Fatalf("%+v", got)
	}
	now = now.Add(5 * time.Second)
	asked(409)
	if got := handedBack(t, other, queued(standard, body(t, message("m-1", "")))); len(got) != 0 {
		t.Error("a paused service takes no messages: what was accepted is not carried through")
	}
	table.broken, now = true, now.Add(time.Hour)
	asked(409)
	if len(a.lines(t, "the pause switch cannot be read")) != 2 {
		t.Error("it is not said that the switch cannot be read")
	}
}

// forgetful is a table that commits, and whose answer is lost: the caller waits until its time is up.
type forgetful struct{ kv.Store }

func (f forgetful) Commit(ctx context.Context, writes ...kv.Write) error {
	if err := f.Store.Commit(ctx, writes...); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

func TestTimeOutInTheMiddleOfACommitLosesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t)
		h := a.tableOn(t, forgetful{a.table}, newTill().start)
		raw, took, err := within(t, h, 10*time.Second, coin())
		if err != nil || took >= 10*time.Second || !strings.Contains(string(raw), `"statusCode":503`) || !strings.Contains(string(raw), "Nothing is lost") {
			t.Errorf("after %s: %s, %v", took, raw, err)
		}
		if len(a.unsent(t)) != 1 || len(a.arrived()) != 0 {
			t.Fatal("the commit and its message are not in the table")
		}
		now := hosttest.Noon.Add(time.Minute)
		a.now = func() time.Time { return now }
		if _, err := invoke(t, a.function(t, newTill().start), scheduled); err != nil || len(a.unsent(t)) != 0 {
			t.Errorf("the sweep left it: %v", err)
		}
	})
}
