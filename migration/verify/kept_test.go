package verify

import (
	"testing"
	"time"

	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// G5: what the verifier found is kept for whoever guards a step.
func TestFindingIsKept(t *testing.T) {
	t.Parallel()
	store, f := kv.NewMem(), form.Form{Alias: "donate"}
	if _, known, err := Last(t.Context(), store, f); known || err != nil {
		t.Fatalf("before any comparison: %v %v", known, err)
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	two := Result{RowsSource: 9, Own: 4, More: 1, Differences: []Difference{{ID: "7", Field: "amount"}, {ID: "7", Field: "email"}}}
	sums, clean := Result{RowsSource: 9, Own: 4, SumPenceSource: 1}, Result{RowsSource: 9, Own: 4}
	for i, c := range []struct {
		r     Result
		want  int64
		since int // the minute since which all was clean; -1: it is not
	}{{two, 2, -1}, {sums, 1, -1}, {clean, 0, 2}, {clean, 0, 2}, {two, 2, -1}, {clean, 0, 5}} {
		now := at.Add(time.Duration(i) * time.Minute)
		if err := c.r.Keep(t.Context(), store, f, now); err != nil {
			t.Fatal(err)
		}
		want := Finding{At: now, Rows: 9, Mismatches: c.want, Own: 4}
		if c.since >= 0 {
			want.Clean = at.Add(time.Duration(c.since) * time.Minute)
		}
		if got, known, err := Last(t.Context(), store, f); err != nil || !known || got != want {
			t.Errorf("%d: kept %+v, %v, %v, want %+v", i, got, known, err, want)
		}
	}
}
