package canary

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/runtime"
)

// account is a Lambda whose share of a canary is exact: of ten requests one goes to a canary of 10 %.
type account struct {
	mu    sync.Mutex
	alias runtime.Alias
	moves []string
	asked float64
	// answer is what version says to the nth of its own requests.
	answer func(version string, n int) runtime.Answer
	calls  map[string]int
	gone   error
	// records hears of an invocation before its answer where the call waits for the whole of the log, as with a runtime that
	// takes its time to ask again; else never.
	records *Records
}

func (a *account) Point(_ string, to runtime.Alias) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.alias = to
	a.moves = append(a.moves, fmt.Sprintf("%s %.0f%% %s", to.Version, to.Share*100, to.Canary))
	return nil
}

func (a *account) Invoke(ctx context.Context, c runtime.Call) (runtime.Answer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := errors.Join(a.gone, ctx.Err()); err != nil {
		return runtime.Answer{}, err
	}
	version := a.alias.Version
	if before := math.Floor(a.asked + 1e-9); a.alias.Share > 0 {
		if a.asked += a.alias.Share; math.Floor(a.asked+1e-9) > before {
			version = a.alias.Canary
		}
	}
	a.calls[version]++
	answer := runtime.Answer{Status: 200, Version: version, Request: fmt.Sprint(version, a.calls[version])}
	if a.records != nil && c.Tail && version == "2" {
		a.records.Record(runtime.Record{Request: answer.Request, Duration: 40 * time.Millisecond, Init: time.Second})
	}
	if a.answer != nil {
		if told := a.answer(version, a.calls[version]); told.Status != 0 {
			answer.Status, answer.Error, answer.Payload = told.Status, told.Error, told.Payload
		}
	}
	if answer.Status != 200 {
		answer.Version = ""
	}
	return answer, nil
}

// fails lets a version fail every nth of its requests.
func fails(version string, every int) func(string, int) runtime.Answer {
	return func(v string, n int) runtime.Answer {
		if v == version && n%every == 0 {
			return runtime.Answer{Status: 200, Error: "Unhandled"}
		}
		return runtime.Answer{}
	}
}

func watching(name, statistic string, threshold float64, periods int, version string) Alarm {
	d := map[string]string{"FunctionName": "gift", "Resource": "gift:live"}
	if version != "" {
		d["ExecutedVersion"] = version
	}
	return Alarm{Name: name, Metric: Metric{ofLambda, "Errors", d, statistic}, Period: time.Minute, Periods: periods, Threshold: threshold,
		Comparison: "GreaterThanOrEqualToThreshold", Missing: "notBreaching"}
}

func deployed(t *testing.T, a *account, change func(*Rollout)) Report {
	t.Helper()
	a.calls = map[string]int{}
	kind, _ := ParseType("Canary10Percent5Minutes")
	r := Rollout{Function: "gift", Alias: "live", Old: "1", New: "2", Type: kind, Calm: 2 * time.Minute, Bake: 2 * time.Minute, Rate: 600,
		Event:  func(int) []byte { return nil },
		Alarms: []Alarm{watching("old-and-new", "Average", 0.02, 1, ""), watching("new", "Average", 0.02, 1, "2")}}
	if change != nil {
		change(&r)
	}
	report, err := Run(t.Context(), a, r)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// told is the events as a person reads them, without the minutes'.
func told(r Report) string {
	var all []string
	for _, e := range r.Events {
		if e.Kind != "minute" {
			all = append(all, e.Clock+" "+e.Text)
		}
	}
	return strings.Join(all, "\n")
}

// TestTheAliasAsAWholeHidesWhatItsCanaryShows: the same rule twice, over the same minutes. A twentieth of a tenth is less
// than it takes.
func TestTheAliasAsAWholeHidesWhatItsCanaryShows(t *testing.T) {
	t.Parallel()
	a := &account{answer: fails("2", 20)}
	r := deployed(t, a, nil)
	if r.Outcome != RolledBack || r.Fired == nil || r.Fired.Name != "new" || r.Fired.Saw != "0.05" {
		t.Fatalf("%s by %+v:\n%s", r.Outcome, r.Fired, told(r))
	}
	want := "of live as a whole 0.5 % failed since the shift; old-and-new (Average of Errors ≥ 0.02 in a minute) stayed OK, its worst was 0.005"
	if r.Fired.Diluted != want {
		t.Errorf("%q, want %q", r.Fired.Diluted, want)
	}
	if r.Took != time.Minute || r.New.Invocations != 60 || r.New.Errors != 3 {
		t.Errorf("took %v, with %+v", r.Took, r.New)
	}
	if got := strings.Join(a.moves, ", "); got != "1 0% , 1 10% 2, 1 0% " {
		t.Errorf("the alias was moved %q", got)
	}
	if !strings.Contains(told(r), "3:00 version 1 has all of live's traffic again: the alarm new (Average of Errors ≥ 0.02 in a minute) saw 0.05") {
		t.Errorf("it says\n%s", told(r))
	}
	// Without the alarm on the new version nobody hears of it.
	blind := deployed(t, &account{answer: fails("2", 20)}, func(r *Rollout) { r.Alarms, r.Bake = r.Alarms[:1], 0 })
	if blind.Outcome != Promoted || !strings.Contains(blind.Sight.Text, "no alarm looks at the failures of version 2 alone") {
		t.Errorf("%s: %s", blind.Outcome, blind.Sight.Text)
	}
}

// TestDurationIsLambdasOwn: the function's time, without its init and without what is seen from outside; with no record there
// is none.
func TestDurationIsLambdasOwn(t *testing.T) {
	t.Parallel()
	records := &Records{}
	r := deployed(t, &account{records: records}, func(r *Rollout) { r.Records = records })
	if r.New.P50 != 40 || r.New.P99 != 40 || r.Old.P50 != 0 || r.Old.P99 != 0 || r.Old.Invocations == 0 {
		t.Errorf("%+v, and without records %+v", r.New, r.Old)
	}
	if len(records.all) > 0 {
		t.Errorf("%d records are left", len(records.all))
	}
}

func TestAGoodVersionGetsEverybody(t *testing.T) {
	t.Parallel()
	a := &account{}
	r := deployed(t, a, func(r *Rollout) { r.Alarms[1] = watching("new", "Sum", 2, 1, "2") })
	if r.Outcome != Promoted || a.alias.Version != "2" || a.alias.Share != 0 || r.Took != 7*time.Minute {
		t.Errorf("%s after %v, with %+v", r.Outcome, r.Took, a.alias)
	}
	if r.Old.Invocations != 2*600+5*540 || r.New.Invocations != 5*60+2*600 {
		t.Errorf("old %d, new %d", r.Old.Invocations, r.New.Invocations)
	}
	if r.Sight.Invocations != 300 || r.Sight.Found < 0.99 || r.Sight.Blind || !strings.Contains(r.Sight.Text, "enough for new") {
		t.Errorf("%+v", r.Sight)
	}
}

func TestEveryStepOfALinearDeployment(t *testing.T) {
	t.Parallel()
	a := &account{}
	r := deployed(t, a, func(r *Rollout) { r.Type, _ = ParseType("Linear10PercentEvery1Minute") })
	if len(a.moves) != 11 || a.moves[1] != "1 10% 2" || a.moves[9] != "1 90% 2" || a.moves[10] != "2 0% " || r.Outcome != Promoted {
		t.Errorf("%s by %q", r.Outcome, a.moves)
	}
	if r.Took != 11*time.Minute {
		t.Errorf("took %v: nine steps and the bake", r.Took)
	}
}

func TestTooLittleTrafficIsSaid(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rate  int
		blind bool
		want  string
	}{
		{10, true, "too little traffic: version 2 had 5 requests in the 5 minutes of its canary, and new (Sum of Errors ≥ 2 in a minute) could not have gone off had every one failed"},
		{50, false, "little traffic: version 2 had 25 requests in the 5 minutes of its canary; had it failed 5 % of them, new (Sum of Errors ≥ 2 in a minute) would have gone off in 10 of 100 deployments"},
	} {
		r := deployed(t, &account{answer: fails("2", 1000)}, func(r *Rollout) {
			r.Rate, r.Alarms[1] = c.rate, watching("new", "Sum", 2, 1, "2")
		})
		if r.Outcome != Promoted || r.Sight.Blind != c.blind || !strings.Contains(r.Sight.Text, c.want) {
			t.Errorf("at %d a minute %s: %+v\nwant %q", c.rate, r.Outcome, r.Sight, c.want)
		}
		if r.Sight.Needed != 310 || !strings.Contains(r.Sight.Text, "for 95 % it needs 310 requests a minute on live (had") {
			t.Errorf("needs %d: %s", r.Sight.Needed, r.Sight.Text)
		}
	}
	all := deployed(t, &account{}, func(r *Rollout) { r.Type, _ = ParseType("AllAtOnce") })
	if !strings.Contains(all.Sight.Text, "AllAtOnce has no canary") {
		t.Errorf("%s", all.Sight.Text)
	}
}

func TestHooksDecideToo(t *testing.T) {
	t.Parallel()
	no := &Hook{"check", func(context.Context) error { return errors.New("the gift was not kept") }}
	yes := &Hook{"check", func(context.Context) error { return nil }}
	a := &account{}
	before := deployed(t, a, func(r *Rollout) { r.Before, r.After = no, yes })
	if before.Outcome != Stopped || before.New.Invocations != 0 || a.alias.Version != "1" || before.Why != "the PreTraffic hook check failed: the gift was not kept" {
		t.Errorf("%s: %s, the new version had %d", before.Outcome, before.Why, before.New.Invocations)
	}
	a = &account{}
	after := deployed(t, a, func(r *Rollout) { r.Before, r.After = yes, no })
	if after.Outcome != RolledBack || a.alias.Version != "1" || a.alias.Canary != "" || !strings.Contains(after.Why, "PostTraffic") {
		t.Errorf("%s: %s, the alias is %+v", after.Outcome, after.Why, a.alias)
	}
}

// TestTrafficGoesOnWhileAHookRuns, so that the alarms do.
func TestTrafficGoesOnWhileAHookRuns(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	a := &account{answer: func(v string, n int) runtime.Answer {
		if v == "1" && n == 2*600+1 { // the first after the calm: the hook is running
			close(over)
		}
		return runtime.Answer{}
	}}
	slow := &Hook{"slow", func(ctx context.Context) error {
		select {
		case <-over:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	if r := deployed(t, a, func(r *Rollout) { r.Before = slow }); r.Outcome != Promoted || r.Old.Invocations <= 2*600+5*540 {
		t.Errorf("%s: version 1 had %d", r.Outcome, r.Old.Invocations)
	}
}

func TestAlarmsOfEveryHour(t *testing.T) {
	t.Parallel()
	// One that is on before the deployment begins.
	a := &account{answer: fails("1", 2)}
	already := deployed(t, a, nil)
	if already.Outcome != Stopped || already.Fired.Name != "old-and-new" || len(a.moves) != 2 {
		t.Errorf("%s by %+v, moves %q", already.Outcome, already.Fired, a.moves)
	}
	// One that goes off when everybody has moved: in the bake.
	a = &account{answer: func(v string, n int) runtime.Answer {
		if v == "2" && n > 300 {
			return runtime.Answer{Status: 200, Error: "Unhandled"}
		}
		return runtime.Answer{}
	}}
	late := deployed(t, a, nil)
	if late.Outcome != RolledBack || a.alias.Version != "1" || late.Took != 6*time.Minute {
		t.Errorf("%s after %v: the alias is %+v", late.Outcome, late.Took, a.alias)
	}
	// One on throttles, which ran nowhere and are no errors.
	a = &account{answer: func(v string, n int) runtime.Answer {
		if v == "2" {
			return runtime.Answer{Status: 429}
		}
		return runtime.Answer{}
	}}
	throttled := deployed(t, a, func(r *Rollout) {
		x := watching("throttled", "Sum", 1, 1, "")
		x.Metric.Name, x.Metric.Dimensions = "Throttles", map[string]string{"FunctionName": "gift"}
		r.Alarms = append(r.Alarms, x)
	})
	if throttled.Outcome != RolledBack || throttled.Fired.Name != "throttled" || throttled.Fired.Saw != "60" {
		t.Errorf("%s by %+v", throttled.Outcome, throttled.Fired)
	}
	// One on a queue, of which a rehearsal has nothing.
	quiet := deployed(t, &account{}, func(r *Rollout) {
		r.Alarms = append(r.Alarms, Alarm{Name: "dead", Metric: Metric{"AWS/SQS", "ApproximateNumberOfMessagesVisible", map[string]string{"QueueName": "q"}, "Maximum"},
			Period: time.Minute, Periods: 1, Threshold: 1, Comparison: "GreaterThanOrEqualToThreshold", Missing: "notBreaching"})
	})
	if w := quiet.Alarms[2]; w.Played || w.State != OK || !quiet.Alarms[0].Played {
		t.Errorf("%+v", quiet.Alarms)
	}
}

func TestTheAliasIsPutBackWhenItCannotGoOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		at   string // the last move before it breaks
		stop func(a *account, stop func())
	}{
		"interrupted":     {"1 10% 2", func(_ *account, stop func()) { stop() }},
		"nothing answers": {"1 10% 2", func(a *account, _ func()) { a.mu.Lock(); a.gone = errors.New("the player is closed"); a.mu.Unlock() }},
	} {
		a := &account{calls: map[string]int{}}
		ctx, stop := context.WithCancel(t.Context())
		kind, _ := ParseType("Canary10Percent5Minutes")
		_, err := Run(ctx, a, Rollout{Function: "gift", Alias: "live", Old: "1", New: "2", Type: kind, Rate: 60, Event: func(int) []byte { return nil },
			Tell: func(e Event) {
				if e.Kind == "minute" && e.Share > 0 {
					c.stop(a, stop)
				}
			}})
		stop()
		if err == nil || a.alias.Version != "1" || a.alias.Canary != "" {
			t.Errorf("%s: %v, the alias is %+v", name, err, a.alias)
		}
	}
}

// TestAnswersOf500AreNoErrorsOfLambda: an alarm on Errors cannot see them, and the report says that they were there.
func TestAnswersOf500AreNoErrorsOfLambda(t *testing.T) {
	t.Parallel()
	r := deployed(t, &account{answer: func(v string, n int) runtime.Answer {
		if v == "2" && n%4 == 0 {
			return runtime.Answer{Status: 200, Payload: []byte(`{"statusCode":500,"body":"{}"}`)}
		}
		return runtime.Answer{Status: 200, Payload: []byte(`{"statusCode":404}`)}
	}}, nil)
	if r.Outcome != Promoted || r.New.Errors != 0 || r.New.Faults != r.New.Invocations/4 || !strings.HasPrefix(r.Unseen, "version 2 answered 375 of 1500 requests with 500 or more (version 1: 0 of 3900)") {
		t.Errorf("%s: %+v %q", r.Outcome, r.New, r.Unseen)
	}
}

func TestWrongCallsAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	a := &account{calls: map[string]int{}}
	bad := watching("bad", "Sum", 1, 1, "")
	bad.Missing = "hope"
	_, err := Run(t.Context(), a, Rollout{Function: "gift", Alias: "live", Old: "1", New: "1", Alarms: []Alarm{bad}})
	for _, want := range []string{"a rate of 0", "version 1 is the old one and the new one", `TreatMissingData "hope"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
	if len(a.moves) > 0 {
		t.Errorf("the alias was moved: %q", a.moves)
	}
}

// TestSpeedIsKept: a minute at a hundred and twenty times the speed is half a second.
func TestSpeedIsKept(t *testing.T) {
	t.Parallel()
	began := time.Now()
	deployed(t, &account{}, func(r *Rollout) {
		r.Type, _ = ParseType("AllAtOnce")
		r.Speed, r.Rate, r.Calm, r.Bake = 120, 60, time.Minute, 0
	})
	if took := time.Since(began); took < 490*time.Millisecond {
		t.Errorf("took %v", took)
	}
}
