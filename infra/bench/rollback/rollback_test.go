package main

import (
	"testing"
	"time"
)

// A rollback of a group over two gateways under load: in force within a second on both, no request fails, each donor on one side before
// and on one side after. The load is one that a machine bears which watches for races beside other work; `make bench-rollback` asks ten
// times as much.
func TestRollbackUnderLoad(t *testing.T) {
	t.Parallel()
	r, err := run(t.TempDir(), 200, 800*time.Millisecond, within+500*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r)
	if err := r.holds(); err != nil {
		t.Error(err)
	}
}
