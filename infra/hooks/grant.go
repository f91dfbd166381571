package main

import (
	"context"
	"errors"
	"time"

	"github.com/aws/smithy-go"
)

// grants is how long a hook waits for its rights. The deployment that calls it has just changed them, as they name the new
// version, and IAM takes seconds to know everywhere: a refusal then says nothing of the version.
type grants struct {
	patience time.Duration // for one call
	pause    time.Duration // before it is asked again
}

// granted asks, and asks again while AWS refuses the right to. Where the patience or the context ends, the error is the refusal.
// What is refused has done nothing, so asking again does nothing twice.
func granted[T any](ctx context.Context, h *hook, what string, ask func() (T, error)) (T, error) {
	began := h.now()
	var refusal error
	for {
		out, err := ask()
		if err != nil && ctx.Err() != nil && refusal != nil {
			return out, refusal // it is why the time is over
		}
		var is smithy.APIError
		if !errors.As(err, &is) || is.ErrorCode() != "AccessDeniedException" || h.now().Sub(began) >= h.patience {
			return out, err
		}
		if refusal == nil {
			h.log.Warn("the right to ask is not there yet", "what", what, "error", is.ErrorMessage())
		}
		refusal = err
		select {
		case <-time.After(h.pause):
		case <-ctx.Done():
			return out, err
		}
	}
}
