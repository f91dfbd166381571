package command

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/services/all"
)

func shipped(t *testing.T) Files {
	t.Helper()
	var read [2][]byte
	for i, file := range []string{filepath.Join("..", "..", "template.yaml"), filepath.Join("..", "alarms.yaml")} {
		var err error
		if read[i], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	return Files{Template: read[0], Alarms: read[1]}
}

// Preflight looks for every alarm that a deployment makes, by name: a service without a queue has none of letters.
func TestPreflightWantsTheAlarmsThatAreDeployed(t *testing.T) {
	t.Parallel()
	files := shipped(t)
	got, err := wantedAlarms(files, "prod")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all.Services {
		if len(got[e.Name]) < 7 {
			t.Errorf("%s: %q", e.Name, got[e.Name])
		}
	}
	kinds := func(service string) string {
		names := slices.Sorted(slices.Values(got[service]))
		return strings.ReplaceAll(strings.Join(names, " "), "banyan-prod-"+service+"-", "")
	}
	if got := kinds("payments"); got != "behind dead errors failed missed new-errors new-failed new-slow slow throttled" {
		t.Error(got)
	}
	if got := kinds("postcode"); got != "errors failed new-errors new-failed new-slow slow throttled" {
		t.Error(got)
	}
	if _, err := wantedAlarms(files, "production"); err == nil || !strings.Contains(err.Error(), `"production" is none of the AllowedValues`) {
		t.Error(err)
	}
	files.Template = []byte(strings.Replace(string(files.Template), "\nOutputs:", "\n  Refused:\n    Type: AWS::CloudWatch::Alarm\n    Properties: {AlarmName: !Sub 'banyan-${Stage}-api-refused', MetricName: 5xx, EvaluationPeriods: 1, Threshold: 1}\nOutputs:", 1))
	if got, err := wantedAlarms(files, "test"); err != nil || !slices.Contains(got[""], "banyan-test-api-refused") {
		t.Errorf("%q, %v", got[""], err)
	}
}
