package diff

import (
	"maps"
	"slices"
	"strings"
)

// Effect is what a write did on one side, or would have done.
type Effect struct {
	Refused string              // why the side did not take it; empty: it did
	Stored  map[string][]string // by form key; nil: nothing. An absent key is an absent field, which is not an empty one
	Sent    []string            // kinds of messages and mails that followed, such as "mail receipt"
	State   []string            // keys whose values come of what the side already holds: ids, running numbers, times
}

// Class is how the effects of one write on both sides compare (H-9).
type Class string

// The classes, the loudest first where several apply.
const (
	RefusedByOne   Class = "refused_by_one" // a page with messages against a 4xx is refused by both
	MissingWrite   Class = "missing_write"  // legacy stored, the new side would not
	ExtraWrite     Class = "extra_write"
	FieldDiffers   Class = "field_differs"
	AsyncMissing   Class = "async_missing" // a message or a mail that legacy sent would not be
	StateDependent Class = "state_dependent"
	EqualEffect    Class = "equal"
)

// Effects compares what a write did on the legacy side with what it would have done on the new one, field by field. An amount or a
// consent that differs is critical, and so is a write with one that a side did not make.
func (c *Comparer) Effects(r Request, legacy, new Effect) (Class, Result) {
	r.Own = true
	x := c.begin(r)
	class := x.effects(legacy, new)
	return class, x.result()
}

func (x *comparison) effects(legacy, new Effect) Class {
	whole := func(side Effect) string { return strings.Join(slices.Sorted(maps.Keys(side.Stored)), ", ") }
	money := slices.ContainsFunc(slices.Collect(maps.Keys(union(legacy.Stored, new.Stored))), amountName.MatchString)
	switch {
	case (legacy.Refused != "") != (new.Refused != ""):
		x.found("effect", "refused", orTaken(legacy.Refused), orTaken(new.Refused), money)
		return RefusedByOne
	case legacy.Refused != "":
		return EqualEffect
	case legacy.Stored != nil && new.Stored == nil:
		x.found("effect", Missing, whole(legacy), "", money)
		return MissingWrite
	case legacy.Stored == nil && new.Stored != nil:
		x.found("effect", Extra, "", whole(new), money)
		return ExtraWrite
	}
	state := x.stored(legacy, new)
	fields := len(x.all)
	x.list("effect sent", false, items(sorted(legacy.Sent)), items(sorted(new.Sent)))
	switch {
	case fields > 0:
		return FieldDiffers
	case len(x.all) > 0:
		return AsyncMissing
	case state:
		return StateDependent
	}
	return EqualEffect
}

// stored compares field by field. It says whether a field of state differed: of such a field only counts whether it is there.
func (x *comparison) stored(legacy, new Effect) (state bool) {
	for _, key := range slices.Sorted(maps.Keys(union(legacy.Stored, new.Stored))) {
		a, b := legacy.Stored[key], new.Stored[key]
		if len(a) > 0 && len(b) > 0 && (slices.Contains(legacy.State, key) || slices.Contains(new.State, key)) {
			state = state || !slices.Equal(a, b)
			continue
		}
		if amountName.MatchString(key) {
			a, b = amounts(a), amounts(b)
		}
		x.list("effect "+key, false, present(a), present(b))
	}
	return state
}

// amounts are values with plain decimals in one spelling: 10 is 10.00.
func amounts(list []string) []string {
	list = slices.Clone(list)
	for i, v := range list {
		if decimal.MatchString(v) {
			list[i] = canonical(v)
		}
	}
	return list
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

func orTaken(refused string) string {
	if refused == "" {
		return "taken"
	}
	return refused
}
