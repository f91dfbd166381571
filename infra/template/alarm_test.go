package template

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// The alarms of a service, as its nested stack has them.
func TestTheRepositorysOwnAlarms(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "alarms.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := Parse("template.yaml", own(t), map[string]string{"Stage": "prod"})
	if err != nil {
		t.Fatal(err)
	}
	stack, _ := whole.Stack("PostcodeAlarms")
	given, err := stack.Given(func(name string) (string, bool) {
		if name == "Postcode.Version.Version" {
			return "7", true
		}
		return "-", true
	})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := Parse("alarms.yaml", text, given)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]Alarm{}
	for _, a := range parsed.Alarms {
		all[a.ID] = a
	}
	fresh, there := all["NewErrors"]
	want := map[string]string{"FunctionName": "banyan-prod-postcode", "Resource": "banyan-prod-postcode:live", "ExecutedVersion": "7"}
	if !there || fresh.Name != "banyan-prod-postcode-new-errors" || fresh.Metric != "Errors" || !reflect.DeepEqual(fresh.Dimensions, want) || fresh.Missing != "notBreaching" {
		t.Errorf("%+v", fresh)
	}
	if slow := all["NewSlow"]; slow.Statistic != "p95" || slow.Threshold <= 0 || slow.Period != time.Minute || slow.Datapoints != slow.Periods || slow.LowSamples != "ignore" {
		t.Errorf("%+v", slow)
	}
	if _, dead := all["Dead"]; dead {
		t.Error("postcode has no queue, and an alarm on its dead letters")
	}
	if got := parsed.Outputs["NewErrors"].References(); len(got) != 1 || got[0] != "NewErrors" {
		t.Errorf("outputs %v", parsed.Outputs)
	}
}

func TestAlarmsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	const good = "Resources:\n  A:\n    Type: AWS::CloudWatch::Alarm\n    Properties: {MetricName: Errors, EvaluationPeriods: 3, Threshold: 2, DatapointsToAlarm: 2}\n"
	if _, err := Parse("t.yaml", []byte(good), nil); err != nil {
		t.Fatal(err)
	}
	for change, want := range map[string][2]string{
		"math":       {"MetricName: Errors, ", "an alarm on metric math is not read"},
		"threshold":  {"Threshold: 2,", "a number belongs here"},
		"datapoints": {"EvaluationPeriods: 3, ", "a number from 1 to 1 belongs here"},
	} {
		if _, err := Parse("t.yaml", []byte(strings.Replace(good, want[0], "", 1)), nil); err == nil || !strings.Contains(err.Error(), want[1]) {
			t.Errorf("%s: %v", change, err)
		}
	}
}
