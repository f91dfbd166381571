package cloud_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-migration/banyan/shared/host/cloud"
)

// within invokes as Lambda does with so much time left; took is how long the answer took.
func within(t *testing.T, h *cloud.Host, left time.Duration, e any) (answer []byte, took time.Duration, err error) {
	t.Helper()
	raw, is := e.([]byte)
	if !is {
		if raw, err = json.Marshal(e); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), left)
	defer cancel()
	answer, err = h.Invoke(lambda(ctx, "lambda-1"), raw)
	return answer, time.Since(began), err
}

func TestRequestIsAnsweredBeforeLambdaKills(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path       string
		left, want time.Duration
	}{
		{"/slow", 29 * time.Second, 28500 * time.Millisecond},
		{"/slow", time.Second, 800 * time.Millisecond},
		{"/deaf", 29 * time.Second, 28750 * time.Millisecond}, // it is waited for a little longer
		{"/deaf", 100 * time.Millisecond, 90 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			a, s := newAccount(t), newTill()
			h := a.function(t, s.start)
			e := get("POST", c.path)
			e.Headers["origin"] = "https://give.example.org"
			raw, took, err := within(t, h, c.left, e)
			if err != nil || took != c.want || !strings.Contains(string(raw), `"statusCode":503`) || !strings.Contains(string(raw), `"Retry-After":"10"`) ||
				!strings.Contains(string(raw), "with the same Idempotency-Key") || !strings.Contains(string(raw), `request_id\":\"lambda-1`) {
				t.Errorf("%s with %s: after %s, %s, %v", c.path, c.left, took, raw, err)
			}
			if strings.Contains(string(raw), "Access-Control-Allow-Origin") != (c.path == "/slow") {
				t.Errorf("%s: %s", c.path, raw)
			}
			if m := a.metrics(t); m["Late"] != 1.0 || m["Errors"] != 1.0 {
				t.Errorf("metrics %v", m)
			}
			close(s.release)
		})
	}
}

// TestWorkThatOutlivesItsEventActsOnNothing: Lambda freezes a process after its answer, and whatever still runs goes on with the next
// event. The handler here has cut itself off from its context's end, and is let go while the next event is being served.
func TestWorkThatOutlivesItsEventActsOnNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, s := newAccount(t), newTill()
		h := a.function(t, s.start)
		for _, e := range []any{get("POST", "/deaf"), queued(standard, body(t, message("m-1", "deaf"))), []byte(`{"task":"deaf","input":{}}`)} {
			if answer, _, err := within(t, h, time.Second, e); (err == nil) == (answer == nil) {
				t.Fatalf("%s, %v", answer, err)
			}
		}
		next := make(chan error)
		go func() {
			_, _, err := within(t, h, time.Second, []byte(`{"task":"slow","input":{}}`))
			next <- err
		}()
		synctest.Wait() // the next event is being worked on
		close(s.release)
		for range 3 {
			if err := <-s.deaf; !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "nothing was done") {
				t.Errorf("what has outlived its event was told %v", err)
			}
		}
		<-next
		if len(a.unsent(t))+len(a.arrived()) != 0 {
			t.Error("it has kept or sent something")
		}
	})
}

func TestQueueGetsBackWhatTheTimeDidNotSufficeFor(t *testing.T) {
	t.Parallel()
	for _, do := range []string{"slow", "deaf"} {
		for arn, want := range map[string][]string{standard: {"r-1"}, fifo: {"r-1", "r-2"}} {
			synctest.Test(t, func(t *testing.T) {
				a, s := newAccount(t), newTill()
				h := a.function(t, s.start)
				raw, took, err := within(t, h, 10*time.Second, queued(arn, body(t, message("m-0", "")), body(t, message("m-1", do)), body(t, message("m-2", ""))))
				if err != nil || took >= 10*time.Second {
					t.Fatalf("%s after %s, %v", raw, took, err)
				}
				if got := idsOf(t, raw); !slices.Equal(got, want) {
					t.Errorf("%s of %s: handed back %v, want %v", do, arn, got, want)
				}
				if n, waits := len(a.arrived()), len(a.unsent(t)); n != 0 || waits != 3-len(want) {
					t.Errorf("%d messages were sent after the time was up; %d wait for the sweep", n, waits)
				}
				if m := a.metrics(t); m["Late"] != 1.0 || m["Undelivered"] != float64(3-len(want)) {
					t.Errorf("metrics %v", m)
				}
				close(s.release)
			})
		}
	}
}

func TestManySlowMessagesAreBegunTenAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t)
		h := a.function(t, newTill().start)
		var bodies []string
		for range 25 {
			bodies = append(bodies, body(t, message("m", "slow")))
		}
		raw, _, err := within(t, h, 10*time.Second, queued(standard, bodies...))
		if err != nil || len(idsOf(t, raw)) != 25 {
			t.Errorf("%s, %v", raw, err)
		}
		if n := len(a.lines(t, "message not taken")); n != 10 {
			t.Errorf("%d were begun", n)
		}
	})
}

func TestLateTaskAndTickAreErrors(t *testing.T) {
	t.Parallel()
	for _, task := range []string{"slow", "deaf"} {
		synctest.Test(t, func(t *testing.T) {
			a, s := newAccount(t), newTill()
			h := a.function(t, s.start)
			if answer, _, err := within(t, h, time.Second, []byte(`{"task":"`+task+`","input":{}}`)); answer != nil || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %s, %v", task, answer, err)
			}
			close(s.release)
		})
	}
}
