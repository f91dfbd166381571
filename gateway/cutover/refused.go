package cutover

import (
	"errors"
	"fmt"

	"github.com/banyan-migration/banyan/shared/fault"
)

// ErrStale says that a group was changed after the revision that the caller had seen.
var ErrStale = errors.New("cutover: the group was changed meanwhile")

// ErrNoRevision says that a change that can raise a weight names no revision: nobody raises what they have not looked at.
var ErrNoRevision = errors.New("cutover: a raise names the revision that it is based on")

// Refused says that a group may not move now, and names the predicate that does not hold (T-1). It is a fault.Conflict. Nothing
// was changed.
type Refused struct {
	Predicate string // one word, for programs
	Text      string // a sentence: what is, and what would let it move
}

func (r *Refused) Error() string {
	return fmt.Sprintf("refused (%s): %s; nothing was changed", r.Predicate, r.Text)
}

// Unwrap makes a Refused a fault for those who answer callers.
func (r *Refused) Unwrap() error {
	return &fault.Error{Kind: fault.Conflict, Field: r.Predicate, Text: r.Text}
}

func refuse(predicate, format string, args ...any) *Refused {
	return &Refused{predicate, fmt.Sprintf(format, args...)}
}
