package canary_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/banyan-migration/banyan/infra/canary"
	"github.com/banyan-migration/banyan/infra/fakes/codedeploy"
	"github.com/banyan-migration/banyan/infra/runtime"
	"github.com/banyan-migration/banyan/infra/runtime/front"
)

// TestMain makes the test's own program a bootstrap where a player has started it: a service that fails as often as FAILS
// says, and is paused where PAUSED says so.
func TestMain(m *testing.M) {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") == "" {
		os.Exit(m.Run())
	}
	often, err := strconv.ParseFloat(os.Getenv("FAILS"), 64)
	if err != nil {
		often = 0
	}
	due := 0.0 // not by chance: a run of a handful of requests must come out the same each time
	lambda.Start(func(e events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		if due += often; due >= 1 {
			due--
			return events.APIGatewayV2HTTPResponse{}, errors.New("a fault that was planted")
		}
		return events.APIGatewayV2HTTPResponse{StatusCode: 200, Body: says(e)}, nil
	})
}

// says is postcode's answer to a hook, and to everybody else.
func says(e events.APIGatewayV2HTTPRequest) string {
	switch {
	case strings.HasPrefix(e.RawPath, "/postcode/lookup") && strings.Contains(e.RawQueryString, "SE1"):
		return `{"addresses":[{"Line1":"1 Gingerbread Row","posttown":"London","postcode":"SE1 7TP"}]}`
	case strings.HasPrefix(e.RawPath, "/postcode/lookup"):
		return `{"addresses":[],"message":"Search string is not a valid postcode"}`
	}
	state := os.Getenv("PAUSED")
	if state == "" {
		state = "OK"
	}
	return `{"data":{"state":"` + state + `"},"message":"success"}`
}

// stage is a player with two versions of a service, CodeDeploy, and its hooks.
type stage struct {
	*runtime.Player
	deploy  codedeploy.Server
	records canary.Records
}

// code is a folder whose bootstrap is the test's own program.
func code(t *testing.T) string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(program, filepath.Join(dir, "bootstrap")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// newStage publishes version 1, which is good, and version 2 with the variables of a test.
func newStage(t *testing.T, second map[string]string) *stage {
	t.Helper()
	s := &stage{}
	var err error
	if s.Player, err = runtime.New(runtime.Options{Dir: t.TempDir(), Record: s.records.Record, Log: s.records.Log}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		s.Close(ctx)
	})
	folder := code(t)
	for i, vars := range []map[string]string{nil, second} {
		number, err := s.Publish(runtime.Function{Name: "banyan-test-postcode", Code: folder, Environment: vars, Memory: 256, Timeout: 10 * time.Second})
		if err != nil || number != strconv.Itoa(i+1) {
			t.Fatalf("version %s: %v", number, err)
		}
	}
	return s
}

// alarms are those of infra/alarms.yaml that a deployment looks at.
func alarms() []canary.Alarm {
	of := func(name, metric, statistic string, threshold float64, periods int, version string) canary.Alarm {
		d := map[string]string{"FunctionName": "banyan-test-postcode", "Resource": "banyan-test-postcode:live"}
		if version != "" {
			d["ExecutedVersion"] = version
		}
		return canary.Alarm{Name: name, Metric: canary.Metric{Namespace: "AWS/Lambda", Name: metric, Dimensions: d, Statistic: statistic}, Period: time.Minute,
			Periods: periods, Threshold: threshold, Comparison: "GreaterThanOrEqualToThreshold", Missing: "notBreaching"}
	}
	return []canary.Alarm{of("rate", "Errors", "Average", 0.02, 1, ""), of("new-errors", "Errors", "Sum", 2, 1, "2"), of("new-slow", "Duration", "p95", 3000, 2, "2")}
}

func (s *stage) rollout(t *testing.T, rate int) canary.Rollout {
	t.Helper()
	kind, err := canary.ParseType("Canary10Percent5Minutes")
	if err != nil {
		t.Fatal(err)
	}
	event, err := json.Marshal(events.APIGatewayV2HTTPRequest{Version: "2.0", RawPath: "/postcode/health"})
	if err != nil {
		t.Fatal(err)
	}
	return canary.Rollout{Function: "banyan-test-postcode", Alias: "live", Old: "1", New: "2", Type: kind, Alarms: alarms(), Calm: time.Minute,
		Rate: rate, Event: func(int) []byte { return event }, Records: &s.records, Tell: func(e canary.Event) { t.Log(e.Clock, e.Kind, e.Text) }}
}

// who answers through the alias now, asked so often that a tenth would show.
func (s *stage) who(t *testing.T) map[string]int {
	t.Helper()
	seen := map[string]int{}
	for range 60 {
		a, err := s.Invoke(t.Context(), runtime.Call{Function: "banyan-test-postcode:live", Payload: []byte(`{"rawPath":"/postcode/health"}`)})
		if err != nil {
			t.Fatal(err)
		}
		seen[a.Version]++
	}
	return seen
}

// TestAVersionThatFailsAFewIsRolledBack: real bootstraps, 900 requests a minute, of which the new version gets a tenth and
// fails a twentieth.
func TestAVersionThatFailsAFewIsRolledBack(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"FAILS": "0.05"})
	r, err := canary.Run(t.Context(), s, s.rollout(t, 900))
	if err != nil {
		t.Fatal(err)
	}
	if r.Outcome != canary.RolledBack || r.Fired == nil || r.Fired.Name != "new-errors" || r.Took > 5*time.Minute {
		t.Fatalf("%s after %v by %+v", r.Outcome, r.Took, r.Fired)
	}
	if !strings.Contains(r.Fired.Diluted, "rate (Average of Errors ≥ 0.02 in a minute) stayed OK") {
		t.Errorf("the alias's alarm: %s", r.Fired.Diluted)
	}
	if who := s.who(t); who["1"] != 60 {
		t.Errorf("after the roll-back %v answer", who)
	}
	if r.Old.Errors != 0 || r.New.Errors < 2 || r.New.P99 <= 0 {
		t.Errorf("old %+v, new %+v", r.Old, r.New)
	}
}

func TestAGoodVersionIsPromoted(t *testing.T) {
	t.Parallel()
	s := newStage(t, nil)
	r, err := canary.Run(t.Context(), s, s.rollout(t, 310))
	if err != nil {
		t.Fatal(err)
	}
	if who := s.who(t); r.Outcome != canary.Promoted || who["2"] != 60 || r.Took != 5*time.Minute {
		t.Errorf("%s after %v: %s; %v answer", r.Outcome, r.Took, r.Why, who)
	}
	if r.New.Invocations == 0 || r.New.Errors != 0 || r.Sight.Invocations != r.New.Invocations {
		t.Errorf("new %+v, sight %+v", r.New, r.Sight)
	}
}

// TestTooLittleTrafficSaysSo: a version that fails a twentieth gets through, and the report says that it had to.
func TestTooLittleTrafficSaysSo(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"FAILS": "0.05"})
	r, err := canary.Run(t.Context(), s, s.rollout(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	if r.Outcome != canary.Promoted || !r.Sight.Blind || r.Sight.Needed != 310 || !strings.HasPrefix(r.Sight.Text, "too little traffic: version 2 had ") {
		t.Errorf("%s: %+v", r.Outcome, r.Sight)
	}
}

// TestAFailingHookShiftsNothing: the real hook, over the player's Invoke API and CodeDeploy's.
func TestAFailingHookShiftsNothing(t *testing.T) {
	t.Parallel()
	built := os.Getenv("BANYAN_BOOTSTRAPS")
	if built == "" {
		t.Skip("BANYAN_BOOTSTRAPS names no folder of bootstraps, such as build/amd64 of `make build`: what needs the real ones is proved in CI")
	}
	layer := filepath.Join(built, "hooks")
	for name, c := range map[string]struct {
		vars          map[string]string
		outcome, says string
	}{
		"paused": {map[string]string{"PAUSED": "TEMPORARILY_PAUSED"}, canary.Stopped, "the service is TEMPORARILY_PAUSED"},
		"broken": {map[string]string{"FAILS": "1"}, canary.Stopped, "a fault that was planted"},
		"good":   {nil, canary.Promoted, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, c.vars)
			aws := httptest.NewServer(front.Lambda(s))
			told := httptest.NewServer(&s.deploy)
			t.Cleanup(aws.Close)
			t.Cleanup(told.Close)
			// Lambda takes no function without code of its own; the executable comes out of the Layer.
			_, err := s.Publish(runtime.Function{Name: "CodeDeployHook_banyan-test-postcode-before", Code: t.TempDir(), Layers: []string{layer}, Handler: "before.Postcode",
				Memory: 256, Timeout: time.Minute, Environment: map[string]string{"AWS_ENDPOINT_URL_LAMBDA": aws.URL, "AWS_ENDPOINT_URL_CODEDEPLOY": told.URL,
					"NEW_VERSION": "arn:aws:lambda:eu-west-1:123456789012:function:banyan-test-postcode:2"}})
			if err != nil {
				t.Fatal(err)
			}
			r := s.rollout(t, 60)
			r.Before = canary.FunctionHook(s, &s.deploy, "d-SHOW7AAAA", "CodeDeployHook_banyan-test-postcode-before")
			report, err := canary.Run(t.Context(), s, r)
			if err != nil {
				t.Fatal(err)
			}
			if report.Outcome != c.outcome || !strings.Contains(report.Why, c.says) {
				t.Errorf("%s: %s", report.Outcome, report.Why)
			}
			if c.outcome == canary.Stopped && (report.New.Invocations != 0 || s.who(t)["1"] != 60) {
				t.Errorf("the new version had %d requests", report.New.Invocations)
			}
		})
	}
}
