package cloud_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/host/hosttest"
	"github.com/banyan-migration/banyan/shared/kv"
)

var scheduled = []byte(`{"version":"0","id":"1","detail-type":"Scheduled Event","source":"aws.events","time":"2026-03-13T12:00:00Z","detail":{}}`)

func coin() (e []byte) {
	return []byte(`{"version":"2.0","rawPath":"/coins","requestContext":{"http":{"method":"POST"}},"headers":{"content-type":"application/json","x-amzn-trace-id":"Root=1-67891233-abcdef012345678912345678;Parent=463ac35c9f6413ad;Sampled=1"},"body":"{\"pence\":5}"}`)
}

func TestMessagesAreSentBeforeTheAnswerAndConfirmed(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	h := a.function(t, newTill().start)
	var group sync.WaitGroup
	for range 20 { // an environment may be given several events at a time
		group.Go(func() {
			if raw, err := invoke(t, h, coin()); err != nil || !strings.Contains(string(raw), `"statusCode":201`) {
				t.Errorf("%s, %v", raw, err)
			}
		})
	}
	group.Wait()
	if n, waits := len(a.arrived()), len(a.unsent(t)); n != 20 || waits != 0 {
		t.Errorf("%d arrived and %d wait", n, waits)
	}
	if m := a.arrived()[0]; m.Trace != "00-67891233abcdef012345678912345678-463ac35c9f6413ad-01" {
		t.Errorf("trace %q", m.Trace)
	}
	if m := a.metrics(t); m["Messages"] != 1.0 || m["Undelivered"] != 0.0 {
		t.Errorf("metrics %v", m)
	}
}

func TestFailedSendLeavesTheAnswerAndTheSweepBringsIt(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	now := hosttest.Noon
	a.now = func() time.Time { return now }
	s := newTill()
	h := a.function(t, s.start)
	a.broken = errors.New("throttled") // one of a call's messages gets through
	if raw, err := invoke(t, h, coin()); err != nil || !strings.Contains(string(raw), `"statusCode":201`) {
		t.Fatalf("%s, %v", raw, err)
	}
	if got := handedBack(t, h, queued(standard, body(t, message("m-0", "")), body(t, message("m-1", "")))); len(got) != 0 {
		t.Errorf("handed back %v", got)
	}
	if waits := a.unsent(t); len(waits) != 1 || a.metrics(t)["Undelivered"] != 1.0 || len(a.lines(t, "messages not sent")) == 0 {
		t.Fatalf("%d wait, metrics %v", len(waits), a.metrics(t))
	}
	now = now.Add(59 * time.Second)
	if _, err := invoke(t, h, scheduled); err != nil {
		t.Fatal(err)
	}
	if waits := a.unsent(t); len(waits) != 1 {
		t.Errorf("%d wait: a message of 59 s is left to whoever has caused it", len(waits))
	}
	now = now.Add(time.Second)
	a.broken = nil
	if _, err := invoke(t, h, scheduled); err != nil || len(a.unsent(t)) != 0 {
		t.Errorf("%v; %d wait", err, len(a.unsent(t)))
	}
}

func TestStuckTopicKeepsNobodyWaitingLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t)
		h := a.function(t, newTill().start)
		a.stuck = make(chan struct{})
		raw, took, err := within(t, h, 29*time.Second, coin())
		if err != nil || !strings.Contains(string(raw), `"statusCode":201`) || took != 3*time.Second || len(a.unsent(t)) != 1 {
			t.Errorf("after %s: %s, %v", took, raw, err)
		}
		if m := a.metrics(t); m["Undelivered"] != 1.0 || m["Errors"] != 0.0 {
			t.Errorf("metrics %v", m)
		}
	})
}

func TestTickSweepsAndTicksWhateverBecomesOfTheOther(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	s := newTill()
	h := a.function(t, s.start)
	old := event.New("old", event.PaymentsRequested, hosttest.Noon.Add(-time.Hour), event.For{Service: "donate", ID: "1"}, nil)
	leave := func() {
		if err := a.table.Commit(t.Context(), kv.Write{Key: kv.Key{Part: "coin", Sort: "old"}, Messages: []event.Message{old}}); err != nil {
			t.Fatal(err)
		}
	}
	leave()
	if raw, err := invoke(t, h, scheduled); err != nil || raw != nil {
		t.Errorf("%s, %v", raw, err)
	}
	if n := len(a.arrived()); n != 2 || len(a.unsent(t)) != 0 {
		t.Errorf("%d arrived: want what was left and what the tick has caused", n)
	}
	leave()
	s.broken = true
	if _, err := invoke(t, h, scheduled); err == nil || !strings.Contains(err.Error(), "the clock is stuck") || len(a.arrived()) != 3 {
		t.Errorf("%v, %d arrived", err, len(a.arrived()))
	}
	s.broken = false
	leave()
	a.stuck = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Invoke(lambda(ctx, "lambda-1"), scheduled); err == nil || len(a.unsent(t)) != 1 {
		t.Errorf("%v", err)
	}
}

func TestSweepTakesHalfOfTheTimeAtMost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, s, began := newAccount(t), newTill(), time.Now()
		h := a.function(t, s.start)
		old := event.New("old", event.PaymentsRequested, hosttest.Noon.Add(-time.Hour), event.For{Service: "donate", ID: "1"}, nil)
		if err := a.table.Commit(t.Context(), kv.Write{Key: kv.Key{Part: "coin", Sort: "old"}, Messages: []event.Message{old}}); err != nil {
			t.Fatal(err)
		}
		a.stuck = make(chan struct{})
		_, took, err := within(t, h, 20500*time.Millisecond, scheduled)
		if err == nil || !strings.Contains(err.Error(), "1 swept messages were not sent") || took != 20*time.Second {
			t.Errorf("after %s: %v", took, err)
		}
		if at := s.ticked.Sub(began); at != 10*time.Second {
			t.Errorf("the tick began after %s", at)
		}
	})
}

func TestFunctionWithoutATopicLosesNoMessage(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	h := a.functionWithout(t, newTill().start)
	if raw, err := invoke(t, h, coin()); err != nil || !strings.Contains(string(raw), `"statusCode":201`) {
		t.Errorf("%s, %v", raw, err)
	}
	if len(a.unsent(t)) != 1 || len(a.lines(t, "this function has no topic")) != 1 {
		t.Errorf("%s", a.logged())
	}
}

// TestCrashBetweenCommitAndDelivery: a process that is killed there has committed and neither sent nor answered. The next tick of
// another environment sends it.
func TestCrashBetweenCommitAndDelivery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t)
		a.stuck = make(chan struct{})
		dying := a.function(t, newTill().start)
		go dying.Invoke(lambda(t.Context(), "lambda-1"), coin())
		synctest.Wait() // it stands before the topic, and is never heard of again
		if len(a.unsent(t)) != 1 {
			t.Fatal("nothing was committed")
		}
		a.mu.Lock()
		a.stuck = nil
		a.mu.Unlock()
		now := hosttest.Noon.Add(2 * time.Minute)
		a.now = func() time.Time { return now }
		other := a.function(t, newTill().start)
		if _, err := invoke(t, other, scheduled); err != nil || len(a.arrived()) != 2 || len(a.unsent(t)) != 0 {
			t.Errorf("%v: %d arrived, %d wait", err, len(a.arrived()), len(a.unsent(t)))
		}
	})
}
