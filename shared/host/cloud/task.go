package cloud

import (
	"context"
	"encoding/json"
	"fmt"
)

// task does one step of a state machine; its answer is the step's output.
func (h *Host) task(inv *invocation, name string, input json.RawMessage) ([]byte, error) {
	if h.offers.Task == nil {
		return nil, h.errNotOffered("tasks")
	}
	if input == nil {
		return nil, refuse("the task %q has no input", name)
	}
	type result struct {
		output []byte
		err    error
	}
	r, back := await(inv.ctx, inv.grace, func(ctx context.Context) (r result) {
		r.err = h.guarded(ctx, func() (err error) {
			r.output, err = h.offers.Task(ctx, name, input)
			return err
		})
		return r
	})
	switch {
	case !back:
		inv.count(func(t *tally) { t.late++ })
		return nil, fmt.Errorf("%s: the time was up before the task %s was done: it may be done, and is to be tried again: %w", h.name, name, context.DeadlineExceeded)
	case r.err != nil:
		return nil, r.err
	case len(r.output) == 0:
		return []byte("null"), nil
	case !json.Valid(r.output):
		return nil, fmt.Errorf("%s: the task %s answered what is no JSON", h.name, name)
	}
	return r.output, nil
}
