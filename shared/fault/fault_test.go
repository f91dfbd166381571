package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/banyan-migration/banyan/shared/fault"
)

func TestKindIsThatOfTheFirstFault(t *testing.T) {
	t.Parallel()
	list := fault.List{fault.Wrong("amount", "is no amount"), {Kind: fault.Conflict}}
	for want, err := range map[fault.Kind]error{
		fault.Invalid:     fmt.Errorf("donate: %w", list),
		fault.Unavailable: fmt.Errorf("a: %w", fmt.Errorf("b: %w", &fault.Error{Kind: fault.Unavailable})),
		fault.Internal:    errors.New("ours"),
	} {
		if got := fault.KindOf(err); got != want {
			t.Errorf("%v is %v, want %v", err, got, want)
		}
	}
	if fault.KindOf(nil) != fault.Internal || fault.Kind(99).String() != "internal" {
		t.Error("what is no kind is internal")
	}
}

func TestEmptyListIsNoError(t *testing.T) {
	t.Parallel()
	if err := (fault.List{}).Err(); err != nil {
		t.Error(err)
	}
	if err := (fault.List{fault.Wrong("a", "b")}).Err(); err == nil || err.Error() != "a: b" {
		t.Error(err)
	}
}

func TestTextForTheDonorAndCauseForUsStandApart(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk full")
	err := &fault.Error{Kind: fault.Unavailable, Text: "Please try again", Err: cause}
	if err.Error() != "Please try again: disk full" || !errors.Is(err, cause) || err.Text != "Please try again" {
		t.Error(err)
	}
	if bare := (&fault.Error{Kind: fault.Denied, Field: "id"}); bare.Error() != "id: denied" {
		t.Error(bare)
	}
}
