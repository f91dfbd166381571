package verify

import (
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/migration/drupal/drupaltest"
	"github.com/banyan-migration/banyan/shared/form"
)

// Forms whose service does not exist yet are counted as the truth counts them, and wait.
func TestWaitingFormsAreTheTruth(t *testing.T) {
	t.Parallel()
	var truth map[string]json.RawMessage
	if err := json.Unmarshal(site.Truth, &truth); err != nil {
		t.Fatal(err)
	}
	whole, err := everything()
	if err != nil {
		t.Fatal(err)
	}
	counted := 0
	for _, f := range form.Forms {
		raw, told := truth[f.Alias]
		if !told || f.Alias == "donate" {
			continue
		}
		counted++
		var want struct {
			Rows, Migratable int64
			Rejected         map[string]int64
			Pence            int64 `json:"sum_pence"`
		}
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		got, err := Job{Source: whole, Form: f}.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !got.Clean() || got.RowsSource != want.Rows || got.Waiting != want.Migratable || got.RowsTarget != 0 || !maps.Equal(got.Rejected, want.Rejected) ||
			got.SumPenceSource != want.Pence || got.WaitingPence != want.Pence {
			t.Errorf("%s: %d rows, %d wait, %v rejected, %d pence; the truth is %s", f.Alias, got.RowsSource, got.Waiting, got.Rejected, got.SumPenceSource, raw)
		}
	}
	if counted != 6 {
		t.Errorf("the truth tells of %d forms", counted)
	}
}

func TestContentsWait(t *testing.T) {
	t.Parallel()
	for _, f := range form.Contents {
		s := drupaltest.New(form.Record{Form: f.Alias, NID: 9, SID: 9, At: time.Unix(1, 0), Values: map[string][]string{"title": {"Bake sale"}}})
		got, err := Job{Source: s, Form: f}.Run(t.Context())
		if err != nil || !got.Clean() || got.Waiting != 1 || len(got.Sums) != 1 || got.Sums[0] != (Sum{Day: "1970-01-01", Status: waiting, RowsSource: 1}) {
			t.Errorf("%s: %+v %v", f.Alias, got, err)
		}
	}
}
