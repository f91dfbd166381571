package move

import (
	"context"
	"time"
)

// Follow keeps the services in step until ctx ends, which is no error: new rows every so often, and sweeps for edits
// and deletes in between. told is given what each round found; nil: nobody is.
func (j Job) Follow(ctx context.Context, every time.Duration, told func(Result)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		r, err := j.Sync(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if told != nil {
			told(r)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
