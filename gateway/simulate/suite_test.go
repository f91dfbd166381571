package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/banyan-migration/banyan/gateway/judge"
)

func played(t *testing.T, o Options, cases ...Case) []Row {
	t.Helper()
	rows, err := Run(t.Context(), cases, o)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestSameSeedGivesTheSameRowsWithAnyNumberOfWorkers(t *testing.T) {
	t.Parallel()
	cases := []Case{{Name: "healthy", Rate: 1000, Base: 0.02}, {Name: "harm", Rate: 1000, Base: 0.005, Harm: Harm{Name: "+20 points", Points: 20}}}
	one, many := played(t, Options{Ramps: 5, Seed: 7, Workers: 1}, cases...), played(t, Options{Ramps: 5, Seed: 7, Workers: 5}, cases...)
	if !reflect.DeepEqual(one, many) {
		t.Errorf("one worker: %+v\nfive: %+v", one, many)
	}
	if other := played(t, Options{Ramps: 5, Seed: 8}, cases...); reflect.DeepEqual(one, other) {
		t.Error("another seed drew the same ramps")
	}
}

// J-5 and the bar of section 7: where the naive rule rolls most healthy ramps back, ours rolls back none too many, and they finish.
func TestHealthyRampsFinishByOurRule(t *testing.T) {
	t.Parallel()
	rows := played(t, Options{Ramps: 30, Seed: 1}, Case{Name: "healthy", Rate: 1000, Base: 0.005})
	if ours := rows[0]; ours.Promise() != nil || ours.Finished < 28 {
		t.Errorf("ours: %d rolled back, %d finished; %v", ours.RolledBack, ours.Finished, ours.Promise())
	}
	if naive := rows[1]; naive.RolledBack < 20 || naive.Promise() != nil {
		t.Errorf("the naive rule rolled back %d of 30, and promises nothing: %v", naive.RolledBack, naive.Promise())
	}
}

func TestHarmIsFoundAndItsDonorsCounted(t *testing.T) {
	t.Parallel()
	harm := func(h Harm) Case { return Case{Name: "harm", Rate: 1000, Base: 0.005, Harm: h} }
	rows := played(t, Options{Ramps: 20, Seed: 1}, harm(Harm{Name: "total failure", Points: 100}), harm(Harm{Name: "late", Points: 20, From: 5000}))
	down, late := rows[0], rows[3]
	if down.Promise() != nil || *down.P95 > 2500 || *down.Hurt < 1 || *down.Hurt > 20 { // J-1: the 20th failure at 1 % is about the 2,000th request
		t.Errorf("total failure: %d found, %d requests at the 95th percentile, %d hurt", down.RolledBack, *down.P95, *down.Hurt)
	}
	if late.Promise() != nil || *late.P50 > 2000 {
		t.Errorf("harm after a long healthy time: %d found of 20, %d early, %d requests", late.RolledBack, late.Early, *late.P50)
	}
}

// A slow database behind both sides is no reason to roll back.
func TestBothSidesFailingTogetherIsNotTheNewSidesFault(t *testing.T) {
	t.Parallel()
	common := Case{Name: "common", Rate: 1000, Base: 0.005, Harm: Harm{Name: "both", Both: true, From: 1000}}
	rows := played(t, Options{Ramps: 20, Seed: 1}, common)
	if ours := rows[0]; ours.RolledBack > noise(20, 0.05) {
		t.Errorf("ours rolled back %d of 20", ours.RolledBack)
	}
	if naive := rows[1]; naive.RolledBack < 18 {
		t.Errorf("the naive rule rolled back %d of 20: it looks at the new side alone", naive.RolledBack)
	}
}

func TestBrokenPromisesAreTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		row  Row
		want string // empty: kept
	}{
		"within noise":     {Row{Rule: "ours", Case: Case{Name: "healthy", Rate: 50}, Ramps: 3000, RolledBack: 43}, ""},
		"beyond noise":     {Row{Rule: "ours", Case: Case{Name: "healthy", Rate: 30000}, Ramps: 3000, RolledBack: 44}, "44 of 3000 healthy ramps at 30,000"},
		"another's":        {Row{Rule: "naive", Case: Case{Name: "healthy"}, Ramps: 3000, RolledBack: 3000}, ""},
		"found":            {Row{Rule: "ours", Case: Case{Name: "harm", Rate: 50}, Ramps: 100, RolledBack: 71}, ""},
		"not found":        {Row{Rule: "ours", Case: Case{Name: "harm", Rate: 50}, Ramps: 100, RolledBack: 69}, "found in 69 of 100 ramps: at least"},
		"before the harm":  {Row{Rule: "ours", Case: Case{Name: "harm", Rate: 50}, Ramps: 100, RolledBack: 100, Early: 40}, "found in 60 of 100"},
		"a common trouble": {Row{Rule: "ours", Case: Case{Name: "common", Rate: 50}, Ramps: 100, RolledBack: 50}, ""},
	} {
		err := c.row.Promise()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Run(ctx, []Case{{Name: "healthy", Rate: 1000}}, Options{Ramps: 100_000, Done: func(int64, int64) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// The keys of design/commands.md; scripts read them.
func TestRowsAreJSONWithTheKeysThatScriptsRead(t *testing.T) {
	t.Parallel()
	rows := played(t, Options{Ramps: 4, Seed: 1}, Case{Name: "healthy", Rate: 1000}, Case{Name: "harm", Rate: 1000, Base: 0.02, Harm: Harm{Name: "down", Points: 100}})
	text, err := json.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	var got []map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"rule", "case", "rate_per_minute", "base_error", "harm", "ramps", "rolled_back", "finished",
		"requests_to_find_p50", "requests_to_find_p95", "donors_hurt_p50"} {
		if _, ok := got[0][key]; !ok {
			t.Errorf("%s is missing", key)
		}
	}
	if got[0]["harm"] != "none" || got[0]["requests_to_find_p50"] != nil || got[3]["rolled_back"] != 4.0 || got[3]["donors_hurt_p50"] == nil {
		t.Errorf("%v\n%v", got[0], got[3])
	}
}

func TestTablesFitATerminalAndAREADME(t *testing.T) {
	t.Parallel()
	n := int64(1_234_567)
	var rows []Row
	for _, c := range Suite() {
		for _, rule := range Rules {
			r := Row{Rule: rule, Case: c, Ramps: 10000, RolledBack: 9000, Finished: 1000}
			if c.Name == "harm" {
				r.P50, r.P95, r.Hurt = &n, &n, &n
			}
			rows = append(rows, r)
		}
	}
	var text, markdown bytes.Buffer
	if Text(&text, rows) != nil || Markdown(&markdown, rows) != nil {
		t.Fatal("not written")
	}
	for line := range strings.Lines(text.String()) {
		if utf8.RuneCountInString(line) > 151 {
			t.Errorf("%d columns: %s", utf8.RuneCountInString(line), line)
		}
	}
	if !strings.Contains(text.String(), "90.0 %  1.23M / 1.23M  1.23M") {
		t.Error(text.String())
	}
	columns := map[int]int{}
	for line := range strings.Lines(markdown.String()) {
		columns[strings.Count(line, "|")]++
	}
	if len(columns) != 3 || columns[0] == 0 { // titles and empty lines, and two tables
		t.Errorf("lines by their number of bars: %v", columns)
	}
}

// The suite is what the issue asks for.
func TestSuiteHasItsRows(t *testing.T) {
	t.Parallel()
	var healthy, rates []int
	harms := map[string]bool{}
	for _, c := range Suite() {
		if c.Name == "healthy" {
			healthy = append(healthy, c.Rate)
		}
		rates = append(rates, c.Rate)
		harms[c.Harm.Name] = true
		if c.Horizon() < 2*c.Dwell()*int64(len(rampSteps)) && c.Horizon() < 2*judge.Default.Sample*100 {
			t.Errorf("%s at %d: a horizon of %d requests is too near", c, c.Rate, c.Horizon())
		}
	}
	slices.Sort(rates)
	if got := slices.Compact(rates); len(healthy) != 12 || !slices.Equal(got, []int{3, 50, 1000, 30000}) {
		t.Errorf("%d healthy rows at %v a minute", len(healthy), got)
	}
	for _, name := range []string{"+1 point", "+5 points", "+20 points", "+200 ms at p95", "total failure", "both fail at 10 %"} {
		if !harms[name] {
			t.Errorf("no row of %s", name)
		}
	}
	if !slices.Equal(rampSteps, []int{100, 1000, 5000, 10000}) {
		t.Error(rampSteps)
	}
	if (Case{Rate: 3}).Dwell() != 2000 || (Case{Rate: 1000}).Dwell() != 60_000 {
		t.Error("a dwell is an hour's requests, and 2,000 at least")
	}
	if epoch.Weekday() != time.Monday {
		t.Error("a ramp begins on a Monday")
	}
}
