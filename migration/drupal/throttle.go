package drupal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/banyan-migration/banyan/shared/form"
)

// Throttle says how gently a live source is read. The zero value holds nothing back.
type Throttle struct {
	Rate   int           // rows a second at most; 0: as fast as it goes
	MaxLag time.Duration // wait while the source, a replica, is further behind; 0: do not ask
	Flag   string        // wait while a file of this name exists; "": none
}

// Slow is the source with its Records and Sweep held back, all that are read at once together. A source that cannot say
// how far it is behind refuses a MaxLag with its first row.
func Slow(s Source, t Throttle) Source {
	if t == (Throttle{}) {
		return s
	}
	return &slow{Source: s, throttle: t, turn: make(chan struct{}, 1)}
}

// look is how often the flag and the lag are looked at.
const look = time.Second

type slow struct {
	Source
	throttle Throttle
	turn     chan struct{} // holds whoever waits: the others wait behind it
	due      time.Time     // when the next row may go; guarded by turn
	looked   time.Time     // guarded by turn
}

func (s *slow) Records(ctx context.Context, name string, within Span, yield func(form.Record) error) (int64, error) {
	return s.Source.Records(ctx, name, within, func(r form.Record) error {
		if err := s.wait(ctx, 1); err != nil {
			return err
		}
		return yield(r)
	})
}

func (s *slow) Sweep(ctx context.Context, name string, within Span, width int64, yield func(Chunk) error) error {
	return s.Source.Sweep(ctx, name, within, width, func(c Chunk) error {
		if err := s.wait(ctx, c.Rows); err != nil {
			return err
		}
		return yield(c)
	})
}

// wait returns when so many rows may go.
func (s *slow) wait(ctx context.Context, rows int64) error {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.turn }()
	for time.Since(s.looked) >= look {
		clear, err := s.clear(ctx)
		switch {
		case err != nil:
			return err
		case clear:
			s.looked = time.Now()
		default:
			if err := pause(ctx, look); err != nil {
				return err
			}
		}
	}
	if s.throttle.Rate == 0 {
		return nil
	}
	// What was not used while something else was slow is not made up for: the old site would feel it.
	now := time.Now()
	if s.due.Before(now) {
		s.due = now
	}
	ahead := s.due.Sub(now)
	s.due = s.due.Add(time.Duration(rows) * time.Second / time.Duration(s.throttle.Rate))
	if ahead < 5*time.Millisecond { // a timer a row would be coarser than the rate
		return nil
	}
	return pause(ctx, ahead)
}

// clear says whether there is neither a flag nor too great a lag.
func (s *slow) clear(ctx context.Context) (bool, error) {
	if s.throttle.Flag != "" {
		if _, err := os.Stat(s.throttle.Flag); !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
	if s.throttle.MaxLag == 0 {
		return true, nil
	}
	lag, err := Lag(ctx, s.Source)
	return lag <= s.throttle.MaxLag, err
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ErrNoReplica says that a source cannot tell how far it is behind, as it follows no other.
var ErrNoReplica = errors.New("it is no replica, and cannot say how far it is behind: name a replica of the old site's database, or give no greatest lag")

// Lag is how far a source that is a replica is behind the database that it follows.
func Lag(ctx context.Context, s Source) (time.Duration, error) {
	r, is := innermost(s).(interface {
		lag(context.Context) (time.Duration, error)
	})
	if !is {
		return 0, fmt.Errorf("the source: %w", ErrNoReplica)
	}
	return r.lag(ctx)
}

// innermost is the source inside of what was put around it.
func innermost(s Source) Source {
	for {
		switch around := s.(type) {
		case *slow:
			s = around.Source
		case *withContent:
			s = around.Source
		default:
			return s
		}
	}
}
