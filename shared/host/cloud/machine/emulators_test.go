package machine

import (
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/banyan-migration/banyan/infra/fakes/ministack"
	"github.com/banyan-migration/banyan/infra/fakes/moto"
	"github.com/banyan-migration/banyan/shared/fault"
)

const definition = `{"QueryLanguage":"JSONata","StartAt":"Take","States":{"Take":{"Type":"Pass","Output":{"taken":"{% $states.input.gifts + 1 %}"},"End":true}}}`

// TestMachinesOfEmulators: moto starts and names executions as AWS does, and leaves those of JSONata running; what a machine
// does in the end is proved on ministack alone.
func TestMachinesOfEmulators(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		start func(*testing.T) string
		ends  bool
	}{
		"moto":      {func(t *testing.T) string { return moto.Test(t).URL }, false},
		"ministack": {func(t *testing.T) string { return ministack.Test(t).URL }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, client := c.start(t), &http.Client{Transport: &http.Transport{}}
			api := sfn.NewFromConfig(function(client, url, "").AWS)
			made, err := api.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{Name: aws.String("banyan-dev-claim"), Definition: aws.String(definition), RoleArn: aws.String("arn:aws:iam::111122223333:role/machine")})
			if err != nil {
				t.Fatal(err)
			}
			machine := *made.StateMachineArn
			start := starting(t, client, url, machine[:len(machine)-len("claim")])
			id := "claim 2026/03: Zoë" // Step Functions takes no such name
			for range 2 {
				if err := start(t.Context(), "claim", id, claim{"2026-03", 7}); err != nil {
					t.Fatal(err)
				}
			}
			if err := start(t.Context(), "claim", id, claim{"2026-03", 8}); kind(err) != fault.Conflict {
				t.Errorf("with another input: %v, want a conflict", err)
			}
			if err := start(t.Context(), "none", "1", 1); err == nil {
				t.Error("a machine that is not there was started")
			}
			all, err := api.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: &machine})
			if err != nil || len(all.Executions) != 1 || *all.Executions[0].Name != nameOf(id) {
				t.Fatalf("%+v, %v: want one execution", all, err)
			}
			if c.ends {
				succeeds(t, api, all.Executions[0].ExecutionArn, `{"taken":8}`)
				if err := start(t.Context(), "claim", id, claim{"2026-03", 7}); err != nil {
					t.Errorf("after its end: %v", err)
				}
			}
		})
	}
}

func succeeds(t *testing.T, api *sfn.Client, execution *string, output string) {
	t.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	end := time.After(20 * time.Second)
	for {
		out, err := api.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: execution})
		if err != nil {
			t.Fatal(err)
		}
		if out.Status != types.ExecutionStatusRunning {
			if out.Status != types.ExecutionStatusSucceeded || !equal([]byte(aws.ToString(out.Output)), []byte(output)) {
				t.Errorf("%s with %s, want %s", out.Status, aws.ToString(out.Output), output)
			}
			return
		}
		select {
		case <-look.C:
		case <-end:
			t.Fatal("it did not end within 20 s")
		}
	}
}
