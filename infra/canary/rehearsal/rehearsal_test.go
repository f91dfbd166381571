package rehearsal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/banyan-migration/banyan/infra/canary"
	"github.com/banyan-migration/banyan/services/all"
)

// TestMain makes the test's own program a bootstrap where a player has started it. It answers for its health, and fails as
// often as the file fails in its folder says: with an error of Lambda's, or where there is a file answers with a 500, which it
// logs as the services do.
func TestMain(m *testing.M) {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") == "" {
		os.Exit(m.Run())
	}
	often, err := os.ReadFile(filepath.Join(os.Getenv("LAMBDA_TASK_ROOT"), "fails"))
	if err != nil {
		os.Exit(1)
	}
	rate, err := strconv.ParseFloat(string(often), 64)
	if err != nil {
		os.Exit(1)
	}
	_, err = os.Stat(filepath.Join(os.Getenv("LAMBDA_TASK_ROOT"), "answers"))
	answers := err == nil
	due := 0.0
	lambda.Start(func(e events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		if !strings.HasSuffix(e.RawPath, "/health") {
			due += rate
		}
		if due >= 1 {
			due--
			if answers {
				fmt.Printf(`{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"Banyan","Dimensions":[["Service","Stage","ExecutedVersion"]],"Metrics":[{"Name":"Errors"}]}]},`+
					`"Service":"postcode","Stage":%q,"ExecutedVersion":%q,"Errors":1}`+"\n", os.Getenv("STAGE"), os.Getenv("AWS_LAMBDA_FUNCTION_VERSION"))
				return events.APIGatewayV2HTTPResponse{StatusCode: 500, Body: `{"data":{},"message":"internal error"}`}, nil
			}
			return events.APIGatewayV2HTTPResponse{}, errors.New("a fault that was planted")
		}
		return events.APIGatewayV2HTTPResponse{StatusCode: 200, Body: `{"data":{"state":"OK"},"message":"success"}`}, nil
	})
}

// acting is a version that fails as often as it is told.
func acting(t *testing.T, fails string) string {
	t.Helper()
	program, err := os.Executable()
	dir := t.TempDir()
	if err == nil {
		err = os.Symlink(program, filepath.Join(dir, "bootstrap"))
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "fails"), []byte(fails), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestAnswersOf500RollBackToo: they are no errors of Lambda's, but the services say them in their logs.
func TestAnswersOf500RollBackToo(t *testing.T) {
	t.Parallel()
	fails := acting(t, "0.05")
	if err := os.WriteFile(filepath.Join(fails, "answers"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r, _, err := Run(t.Context(), options(Options{Service: "postcode", Old: acting(t, "0"), New: fails, Rate: 900}))
	if err != nil {
		t.Fatal(err)
	}
	if r.Outcome != canary.RolledBack || r.Fired == nil || r.Fired.Name != "banyan-prod-postcode-new-failed" || r.New.Errors != 0 || r.New.Faults < 2 {
		t.Errorf("%s by %+v: %+v", r.Outcome, r.Fired, r.New)
	}
}

func options(o Options) Options {
	o.Template, o.Stage = filepath.Join("..", "..", "..", "template.yaml"), "prod"
	return o
}

// TestTheTemplatesAlarmRollsBack: the alarms, the preference and the function's variables are the repository's own.
func TestTheTemplatesAlarmRollsBack(t *testing.T) {
	t.Parallel()
	r, s, err := Run(t.Context(), options(Options{Service: "postcode", Old: acting(t, "0"), New: acting(t, "0.05"), Rate: 900}))
	if err != nil {
		t.Fatal(err)
	}
	if r.Outcome != canary.RolledBack || r.Fired == nil || r.Fired.Name != "banyan-prod-postcode-new-errors" || r.Type != "Canary10Percent5Minutes" {
		t.Errorf("%s by %+v", r.Outcome, r.Fired)
	}
	if s.Function != "banyan-prod-postcode" || len(s.Hooks) != 0 || !strings.HasPrefix(s.Missing[0], "the hooks") {
		t.Errorf("%+v", s)
	}
	if len(r.Alarms) < 3 || !r.Alarms[0].Played {
		t.Errorf("%+v", r.Alarms)
	}
}

// TestEveryServiceIsPromotedOverItself: its real bootstrap with the real hooks, over fakes.
func TestEveryServiceIsPromotedOverItself(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("BANYAN_BOOTSTRAPS")
	if dir == "" {
		t.Skip("BANYAN_BOOTSTRAPS names no folder of bootstraps, such as build/amd64 of `make build`: what needs the real ones is proved in CI")
	}
	for _, e := range all.Services {
		name := e.Name
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(dir, name)
			var told []string
			r, s, err := Run(t.Context(), options(Options{Service: name, Old: folder, New: folder, Hooks: filepath.Join(dir, "hooks"), Rate: 6,
				Tell: func(e canary.Event) { told = append(told, e.Text) }}))
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Join(told, "\n")
			if r.Outcome != canary.Promoted || r.New.Errors+r.New.Faults+r.Old.Faults > 0 || strings.Count(text, "Succeeded") != 2 {
				t.Errorf("%s: %s, %+v\n%s", r.Outcome, r.Why, r.New, text)
			}
			for _, a := range r.Alarms {
				if !a.Played {
					t.Errorf("the alarm %s was told nothing", a.Name)
				}
			}
			if len(s.Hooks) != 2 || r.Sight.Needed == 0 || !strings.Contains(r.Sight.Text, "traffic: version 2 had") {
				t.Errorf("%+v %+v", s, r.Sight)
			}
		})
	}
}

func TestWhatCannotBeRehearsedIsSaid(t *testing.T) {
	t.Parallel()
	good := acting(t, "0")
	script := func(text string, mode os.FileMode) string {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "bootstrap"), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	half := filepath.Join(t.TempDir(), "template.yaml")
	if err := os.WriteFile(half, []byte("Resources:\n  Postcode:\n    Type: AWS::Serverless::Function\n    Properties: {Timeout: soon}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Options)
		wrong  bool
		want   string
	}{
		"no bootstrap":       {func(o *Options) { o.New = t.TempDir() }, true, "--new: "},
		"no folder":          {func(o *Options) { o.Old = "nowhere" }, true, "`make build` makes build/"},
		"not executable":     {func(o *Options) { o.New = script("#!/bin/sh", 0o644) }, true, "is no executable file"},
		"never ready":        {func(o *Options) { o.New = script("#!/bin/sh\necho the table is not there\nexit 3\n", 0o755) }, false, "never became ready"},
		"its last words":     {func(o *Options) { o.New = script("#!/bin/sh\necho the table is not there\nexit 3\n", 0o755) }, false, "the table is not there"},
		"no such preference": {func(o *Options) { o.Type = "Canary50Percent1Hour" }, true, "Linear10PercentEvery1Minute"},
		"no such service":    {func(o *Options) { o.Service = "gallery" }, true, "has no function Gallery"},
		"no template":        {func(o *Options) { o.Template = "nowhere.yaml" }, true, "--template"},
		"half a template":    {func(o *Options) { o.Template = half }, true, "half"},
		"another machine": {func(o *Options) {
			o.New = script("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xf3\x00\x01\x00\x00\x00"+strings.Repeat("\x00", 40), 0o755)
		}, true, "another machine"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(Options{Service: "postcode", Old: good, New: good, Rate: 1})
			c.change(&o)
			_, _, err := Run(t.Context(), o)
			var bad *Wrong
			if name == "half a template" {
				c.want = "Timeout"
			}
			if err == nil || errors.As(err, &bad) != c.wrong || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
