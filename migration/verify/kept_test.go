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
	for _, c := range []struct {
		r    Result
		want int64
	}{{two, 2}, {Result{RowsSource: 9, Own: 4, SumPenceSource: 1}, 1}, {Result{RowsSource: 9, Own: 4}, 0}} {
		if err := c.r.Keep(t.Context(), store, f, at); err != nil {
			t.Fatal(err)
		}
		if got, known, err := Last(t.Context(), store, f); err != nil || !known || got != (Finding{at, 9, c.want, 4}) {
			t.Errorf("%+v: kept %+v, %v, %v", c.r, got, known, err)
		}
	}
}
