package template

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// own is the repository's template.
func own(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// The repository's own template: every service's function has a store, a queue or a schedule, and leads somewhere.
func TestTheRepositorysOwn(t *testing.T) {
	t.Parallel()
	parsed, err := Parse("template.yaml", own(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	donate, ok := parsed.Function("Donate")
	store, stored := parsed.Stack("DonateStore")
	if !ok || !stored {
		t.Fatalf("no Donate or DonateStore in %+v", parsed)
	}
	if donate.Build != "makefile" || donate.Alias != "live" || donate.Memory < 128 || donate.Timeout < time.Second || len(donate.Layers) == 0 {
		t.Errorf("%+v", donate)
	}
	if !slices.ContainsFunc(donate.Routes, func(r Route) bool { return r.Method == "POST" && r.Path == "/donations" }) {
		t.Errorf("routes %+v", donate.Routes)
	}
	if len(donate.Queues) != 1 || donate.Queues[0].Batch < 1 || !donate.Queues[0].Partial || !slices.Equal(donate.Queues[0].Queue.References(), []string{"DonateStore.Outputs.Queue"}) {
		t.Errorf("queues %+v", donate.Queues)
	}
	if len(donate.Schedules) != 1 || donate.Schedules[0].Every != time.Minute {
		t.Errorf("schedules %+v", donate.Schedules)
	}
	table, err := donate.Environment["TABLE"].Resolve(func(name string) (string, bool) { return "<" + name + ">", true })
	if err != nil || table != "<DonateStore.Outputs.Table>" {
		t.Errorf("TABLE is %q, %v", table, err)
	}
	if service, _ := store.Parameters["Service"].Text(); service != "donate" || store.Template != "infra/store.yaml" {
		t.Errorf("%+v", store)
	}
	if types, _ := store.Parameters["Types"].Text(); !strings.Contains(types, "payments.settled") {
		t.Errorf("donate hears %q", types)
	}
}

const small = `
Parameters:
  Stage: {Type: String, Default: dev, AllowedValues: [dev, production]}
  Origins: {Type: CommaDelimitedList, Default: 'https://a.example,https://b.example'}
Mappings:
  By:
    dev: {Memory: 128}
    production: {Memory: 512}
Conditions:
  Real: !Equals [!Ref Stage, production]
  Play: !Not [!Condition Real]
  Both: !And [{Condition: Real}, !Or [!Condition Play, !Equals [a, a]]]
Globals:
  Function:
    Timeout: 10
    MemorySize: !FindInMap [By, !Ref Stage, Memory]
    Layers: [!Ref Data]
    Environment: {Variables: {A: global, B: global}}
    DeploymentPreference: {Type: AllAtOnce, Enabled: 'false'}
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties: {StageVariables: {release: !Ref Stage}, CorsConfiguration: {AllowOrigins: !Ref Origins, AllowMethods: [GET], AllowCredentials: true}}
  Data: {Type: AWS::Serverless::LayerVersion}
  Only: {Type: AWS::Serverless::Function, Condition: Both, Properties: {}}
  F:
    Type: AWS::Serverless::Function
    Properties:
      Timeout: !If [Real, 29, 5]
      ReservedConcurrentExecutions: 0
      Layers: [!Ref Runtime]
      DeploymentPreference: {Hooks: {PreTraffic: !Ref Before}, Alarms: [!Ref Alarm]}
      Environment:
        Variables:
          B: own
          SUB: !Sub ['x ${Stage} ${!Stage} ${mine} ${Store.Outputs.Table} ${AWS::Region}', {mine: !Ref Stage}]
          LONG: {'Fn::Join': ['', ['arn:', {Ref: Topic}]]}
          ORIGINS: !Join [',', !Ref Origins]
          SECOND: !Select [1, !Split ['-', 'a-b']]
          GONE: !If [Real, x, !Ref AWS::NoValue]
          LIST: !GetAtt [Store, Outputs.Table]
      Events:
        All: {Type: HttpApi}
        One: {Type: HttpApi, Properties: {Method: get, Path: '/a/{b}', Auth: {Authorizer: Operators}}}
        Q: {Type: SQS, Properties: {Queue: !GetAtt Q.Arn, BatchSize: 5, MaximumBatchingWindowInSeconds: 2}}
        Night: {Type: Schedule, Properties: {Schedule: 'cron(0 3 * * ? *)'}}
        Often: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(2 hours)}}
        Mail: {Type: SNS, Properties: {Topic: !Ref Topic}}
        Off: !If [Real, {Type: HttpApi}, !Ref AWS::NoValue]
`

func TestWhatParametersDecideIsDecided(t *testing.T) {
	t.Parallel()
	parsed, err := Parse("small", []byte(small), nil)
	if err != nil {
		t.Fatal(err)
	}
	f, _ := parsed.Function("F")
	if f.Memory != 128 || f.Timeout != 5*time.Second || f.Reserved == nil || *f.Reserved != 0 || len(parsed.Functions) != 1 {
		t.Errorf("%+v", f)
	}
	if got := []string{f.Layers[0].String(), f.Layers[1].String()}; !slices.Equal(got, []string{"!Ref Data", "!Ref Runtime"}) {
		t.Errorf("layers %v", got)
	}
	if d := f.Deployment; d.Enabled || d.Type != "AllAtOnce" || d.Before.String() != "!Ref Before" || d.After.Line() == 0 || len(d.Alarms) != 1 {
		t.Errorf("%+v", d)
	}
	find := func(name string) (string, bool) {
		text, ok := map[string]string{"Store.Outputs.Table": "table", "AWS::Region": "eu-west-1", "Topic": "topic"}[name]
		return text, ok
	}
	got := map[string]string{}
	for name, v := range f.Environment {
		if got[name], err = v.Resolve(find); err != nil {
			t.Error(err)
		}
	}
	want := map[string]string{"A": "global", "B": "own", "SUB": "x dev ${Stage} dev table eu-west-1", "LONG": "arn:topic",
		"ORIGINS": "https://a.example,https://b.example", "SECOND": "b", "LIST": "table"}
	if !maps.Equal(got, want) || slices.Contains(f.Sets, "A") || !slices.Contains(f.Sets, "B") {
		t.Errorf("%v, sets %v", got, f.Sets)
	}
	if _, err := f.Environment["SUB"].Resolve(func(string) (string, bool) { return "", false }); err == nil || !strings.Contains(err.Error(), "Store.Outputs.Table is") {
		t.Errorf("%v: it does not say what nobody knows", err)
	}
	for i := range f.Routes {
		f.Routes[i].Line = 0
	}
	if !reflect.DeepEqual(f.Routes, []Route{{Event: "All", Method: "ANY", Path: "$default"}, {Event: "One", Method: "GET", Path: "/a/{b}", Authorizer: "Operators"}}) {
		t.Errorf("%+v", f.Routes)
	}
	api := API{ID: "Api", CORS: &CORS{Origins: []string{"https://a.example", "https://b.example"}, Methods: []string{"GET"}, Credentials: true}, Variables: map[string]string{"release": "dev"}, Line: 21}
	if !reflect.DeepEqual(parsed.APIs, []API{api}) {
		t.Errorf("%+v", parsed.APIs)
	}
	if q := f.Queues[0]; q.Batch != 5 || q.Window != 2*time.Second || q.Partial || q.Queue.String() != "!GetAtt Q.Arn" {
		t.Errorf("%+v", q)
	}
	if f.Schedules[0].Every != 0 || f.Schedules[1].Every != 2*time.Hour || len(f.Others) != 1 || f.Others[0].Type != "SNS" {
		t.Errorf("%+v %+v", f.Schedules, f.Others)
	}
	parsed, err = Parse("small", []byte(small), map[string]string{"Stage": "production"})
	if f, _ := parsed.Function("F"); err != nil || len(parsed.Functions) != 2 || f.Memory != 512 || f.Timeout != 29*time.Second || len(f.Routes) != 3 {
		t.Errorf("in production: %+v, %v", f, err)
	}
}

// Each mistake is named by its line and key, all at once.
func TestMistakesAreNamedByLineAndKey(t *testing.T) {
	t.Parallel()
	for change, want := range map[[2]string]string{
		{"Timeout: !If [Real, 29, 5]", "Timeout: ten"}:                   `small:29: F.Properties.Timeout: "ten": a number from 1 to 900`,
		{"ReservedConcurrentExecutions: 0", "MemorySize: 1"}:             `small:30: F.Properties.MemorySize: "1": a number from 128 to 10240`,
		{"BatchSize: 5", "BatchSize: 0"}:                                 "F.Properties.Events.Q.Properties.BatchSize",
		{"rate(2 hours)", "rate(2 hour)"}:                                "small:47: F.Properties.Events.Often.Properties",
		{"rate(2 hours)", "whenever"}:                                    `"whenever" is no schedule`,
		{"Method: get, ", ""}:                                            "Path and Method belong together",
		{"Path: '/a/{b}'", "Path: a"}:                                    `Events.One.Properties.Path: "a": a path begins with /`,
		{"!FindInMap [By, !Ref Stage, Memory]", "!FindInMap [By, x, y]"}: "Mappings have no x there",
		{"Condition: Both", "Condition: Nobody"}:                         "there is no condition Nobody",
		{"!Equals [!Ref Stage, production]", "!Condition Play"}:          "in a circle",
		{"Queue: !GetAtt Q.Arn, ", ""}:                                   "it names no Queue",
		{"!GetAtt Q.Arn", "!GetAtt Q"}:                                   "small:45: GetAtt wants Resource.Attribute",
		{"Default: dev,", "Default: test,"}:                              `small:3: Parameters.Stage: "test" is none of the AllowedValues`,
		{"Default: dev, ", ""}:                                           "it has no Default",
		{"B: own", "B: [own]"}:                                           "Environment.Variables.B: one value belongs here",
		{"B: own", "B: own\n          B: twice"}:                         "small:",
		{"Layers: [!Ref Runtime]", "Layers: [a, b, c, d, e]"}:            "6 layers: a function has at most 5",
		{"Layers: [!Ref Runtime]", "Layers: &a [b]"}:                     "write the value out",
		{"Events:", "Events: 5\n      Event:"}:                           "F.Properties.Events: a mapping belongs here",
		{"Enabled: 'false'", "Enabled: maybe"}:                           "DeploymentPreference.Enabled: true or false",
		{"Mail: {Type: SNS,", "Mail: {"}:                                 "Events.Mail: it has no Type",
		{"Resources:", "Resource:"}:                                      "there is nothing under Resources",
		{"Resources:", "Resources: ["}:                                   "not YAML",
	} {
		if !strings.Contains(small, change[0]) {
			t.Errorf("the template has no %q", change[0])
		}
		_, err := Parse("small", []byte(strings.Replace(small, change[0], change[1], 1)), nil)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "small:") {
			t.Errorf("%q: %v\nwant %q", change[1], err, want)
		}
	}
	if _, err := Parse("small", []byte(small), map[string]string{"Stagee": "dev"}); err == nil || !strings.Contains(err.Error(), "there is no parameter Stagee") {
		t.Errorf("%v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add(own(f))
	f.Add([]byte("Resources: {F: {Type: AWS::Serverless::Function, Properties: {Events: !If [A, !Ref B, C]}}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		parsed, err := Parse("fuzz", text, nil)
		if (parsed == nil) == (err == nil) {
			t.Fatalf("%v and %v", parsed, err)
		}
		if err != nil {
			if !strings.HasPrefix(err.Error(), "fuzz:") {
				t.Errorf("%v names no line", err)
			}
			return
		}
		for _, fn := range parsed.Functions {
			for name, v := range fn.Environment {
				text, err := v.Resolve(func(name string) (string, bool) { return name, true })
				if plain, is := v.Text(); is && (err != nil || text != plain) {
					t.Errorf("%s: %q, %v", name, text, err)
				}
			}
			if fn.Memory < leastMemory || fn.Memory > mostMemory || fn.Timeout < time.Second {
				t.Errorf("%+v", fn)
			}
		}
	})
}
