package drupal

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-migration/banyan/shared/form"
)

// row is a source of so many rows, which may be a replica; whatever else it is asked for is a mistake of the test's.
type row struct {
	Source
	rows   int
	behind []time.Duration // what it answers, one after the other; the last again and again
	asked  int
}

func (s *row) Records(_ context.Context, _ string, _ Span, yield func(form.Record) error) (int64, error) {
	for i := range s.rows {
		if err := yield(form.Record{SID: int64(i + 1)}); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

func (s *row) Sweep(_ context.Context, _ string, _ Span, width int64, yield func(Chunk) error) error {
	for range s.rows / int(width) {
		if err := yield(Chunk{Rows: width}); err != nil {
			return err
		}
	}
	return nil
}

type replica struct{ row }

func (s *replica) lag(context.Context) (time.Duration, error) {
	s.asked++
	return s.behind[min(s.asked, len(s.behind))-1], nil
}

// slowly reads all of a source and says how long that took.
func slowly(t *testing.T, s Source) time.Duration {
	t.Helper()
	began, n := time.Now(), 0
	if _, err := s.Records(t.Context(), "", Span{}, func(form.Record) error { n++; return nil }); err != nil {
		t.Error(err)
	}
	return time.Since(began)
}

func TestRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := Slow(&row{rows: 1000}, Throttle{Rate: 100})
		if took := slowly(t, s); took < 9900*time.Millisecond || took > 10*time.Second {
			t.Errorf("1000 rows at 100 a second take %v", took)
		}
		time.Sleep(time.Minute) // idle time is not made up for
		if took := slowly(t, s); took < 9900*time.Millisecond {
			t.Errorf("after a minute's rest they take %v", took)
		}
		began := time.Now()
		if err := s.Sweep(t.Context(), "", Span{}, 100, func(Chunk) error { return nil }); err != nil || time.Since(began) < 9*time.Second {
			t.Errorf("a sweep over them takes %v, %v", time.Since(began), err)
		}
		done := make(chan time.Duration, 2)
		for range 2 {
			go func() { done <- slowly(t, s) }()
		}
		<-done
		if took := <-done; took < 19*time.Second {
			t.Errorf("two at once take %v: the rate is of both together", took)
		}
	})
}

func TestFlag(t *testing.T) {
	t.Parallel()
	flag := filepath.Join(t.TempDir(), "slow")
	if err := os.WriteFile(flag, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := Slow(&row{rows: 10}, Throttle{Flag: flag})
		go func() {
			time.Sleep(time.Hour)
			os.Remove(flag)
		}()
		if took := slowly(t, s); took < time.Hour || took > time.Hour+2*look {
			t.Errorf("with a flag that stands for an hour it takes %v", took)
		}
		if took := slowly(t, s); took > 0 {
			t.Errorf("without one %v", took)
		}
	})
}

func TestLag(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &replica{row{rows: 10, behind: []time.Duration{time.Minute, 11 * time.Second, 10 * time.Second}}}
		s := Slow(r, Throttle{MaxLag: 10 * time.Second})
		if took := slowly(t, s); took != 2*look || r.asked != 3 {
			t.Errorf("it takes %v, and %d questions", took, r.asked)
		}
	})
	_, err := Slow(&row{rows: 1}, Throttle{MaxLag: 1}).Records(t.Context(), "", Span{}, func(form.Record) error { return nil })
	if !errors.Is(err, ErrNoReplica) {
		t.Errorf("a source that is no replica says %v", err)
	}
	if plain := (Source)(&row{}); Slow(plain, Throttle{}) != plain {
		t.Error("no throttle is not nothing")
	}
	for status, want := range map[string]time.Duration{"Seconds_Behind_Source": 7 * time.Second, "Seconds_Behind_Master": 7 * time.Second} {
		if got, err := behind(fields{status: "7"}); err != nil || got != want {
			t.Errorf("%s: %v, %v", status, got, err)
		}
	}
	if _, err := behind(fields{"Seconds_Behind_Master": ""}); err == nil || !strings.Contains(err.Error(), "stands still") {
		t.Errorf("replication that stands still: %v", err)
	}
}

// Whoever waits ends when its caller does.
func TestThrottleIsCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := Slow(&row{rows: 2}, Throttle{Flag: "."}).Records(ctx, "", Span{}, func(form.Record) error { return nil })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
