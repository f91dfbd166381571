package main

import "testing"

func TestBusyCountsEverybodysTime(t *testing.T) {
	t.Parallel()
	before := parse("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3\n")
	after := parse("cpu  150 0 75 820 55 0 0 0 0 0\n")
	if got := after.busy(before); got != 0.75 {
		t.Errorf("%v of the time busy, want 0.75: 75 of 100 ticks", got)
	}
	if got := parse("no such line").busy(ticks{}); got != 0 {
		t.Errorf("%v where nothing is known", got)
	}
}
