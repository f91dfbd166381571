package move

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/banyan-migration/banyan/migration/drupal"
)

// How Follow spends its time. Rows are young for so long by our own watch, and looked at again with every round: what was
// committed late, below the mark, and what was read between a submission and its values. What is later than that a
// sweep finds.
const (
	young    = 3 * time.Second
	tenth    = 10               // sweeps take one part in so many of the time
	slice    = 10               // pages that a sweep looks at before new rows are looked for again
	failures = 6                // rounds in a row that may fail
	respite  = 30 * time.Second // the longest wait after one
)

// follower keeps one form in step.
type follower struct {
	m     *mover
	told  func(Result)
	marks []seen // of the last rounds, oldest first
	sweep *sweep
	at    int64         // the page that the sweep has come to
	until int64         // the page that it ends with
	spent time.Duration // by sweeps, less what they were allowed
	noted time.Time
}

// seen is how far new rows had come at a moment.
type seen struct {
	at   time.Time
	mark int64
}

// Follow keeps the services in step with a live source until ctx ends, which is no error: new rows every so often, edits
// and deletes by sweeps that take a tenth of the time. told is given what each round found, if that is anything; nil: nobody
// is. A source or a store that fails is tried again for about a minute; deletes that nobody may have meant end it at once.
func (j Job) Follow(ctx context.Context, every time.Duration, told func(Result)) error {
	if !j.Source.Live() {
		return fmt.Errorf("move: %s: a dump does not change: follow a live source (mysql://… or sqlite:FILE), or sync each new dump", j.Form.Alias)
	}
	if !j.decided() {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	var f *follower
	for failed := 0; ; {
		var err error
		if f == nil {
			f, err = j.follower(ctx, told)
		}
		if err == nil {
			err = f.round(ctx, every)
		}
		var deletes errDeletes
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			failed = 0
		case errors.As(err, &deletes) || failed == failures:
			return j.wrapped(newResult(), err)
		default:
			failed++
			f = nil // it begins anew with what is in the store
			if err := pause(ctx, min(time.Second<<failed, respite)); err != nil {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (j Job) follower(ctx context.Context, told func(Result)) (*follower, error) {
	m, err := j.mover(ctx)
	if err != nil {
		return nil, err
	}
	mark, err := m.start(ctx)
	if err != nil {
		return nil, err
	}
	return &follower{m: m, told: told, marks: []seen{{time.Now(), mark}}}, nil
}

// round looks for new rows, and spends what time there is on the sweep.
func (f *follower) round(ctx context.Context, every time.Duration) error {
	h := &hand{m: f.m, counts: newResult()}
	defer func() { // of a round that is broken off too: what it counted is stored
		if f.told != nil && (h.counts.Rows > 0 || h.counts.Deleted > 0) {
			f.told(h.counts)
		}
	}()
	if err := f.tail(ctx, h); err != nil {
		return err
	}
	f.spent = max(0, f.spent-every/tenth)
	for first := true; f.spent == 0 && (first || f.sweep != nil); first = false {
		began := time.Now()
		if err := f.step(ctx, h); err != nil {
			return err
		}
		if f.sweep == nil { // one sweep a round is enough
			f.spent = max(0, time.Since(began)-every/tenth)
			break
		}
		f.spent = max(0, f.spent+time.Since(began)-every/tenth)
	}
	return nil
}

// tail moves what came since the last round, and looks again at what is young.
func (f *follower) tail(ctx context.Context, h *hand) error {
	now := time.Now()
	for len(f.marks) > 1 && now.Sub(f.marks[1].at) >= young {
		f.marks = f.marks[1:]
	}
	newest := f.marks[len(f.marks)-1].mark
	a := &mark{m: f.m, at: newest}
	h.anchor = a
	orphans, err := f.m.flow(ctx, h, reading{span: drupal.Span{After: f.marks[0].mark}})
	h.anchor = nil
	h.counts.Orphans = orphans
	if err != nil {
		return err
	}
	f.marks = append(f.marks, seen{now, max(newest, a.at)})
	if now.Sub(f.noted) < time.Second {
		return nil
	}
	f.noted = now
	return f.m.note(ctx, func(s *Standing) { s.Synced, s.Live = f.m.job.now().UTC(), f.m.job.now().UTC() })
}

// step sweeps a slice, and follows what the sweep has found once it is whole.
func (f *follower) step(ctx context.Context, h *hand) error {
	if f.sweep == nil {
		last, err := f.m.job.Source.Last(ctx, f.m.job.Form.Alias)
		if err != nil {
			return err
		}
		f.sweep, f.at, f.until = &sweep{m: f.m, began: f.m.job.now().UTC()}, 0, max(last, f.m.top)/width
	}
	if f.at <= f.until {
		err := f.sweep.over(ctx, h, f.at, f.at+slice-1)
		f.at += slice
		if err != nil || f.at <= f.until {
			return err
		}
	}
	s := f.sweep
	if err := f.m.note(ctx, func(st *Standing) { st.Swept = s.began }); err != nil {
		return err
	}
	if err := s.follow(ctx, h, live); err != nil {
		return err
	}
	if err := f.m.settled(ctx, h); err != nil {
		return err
	}
	f.sweep = nil
	return f.m.note(ctx, func(st *Standing) { st.Deleted = s.began })
}
