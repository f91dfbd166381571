package canary

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/banyan-migration/banyan/infra/fakes/codedeploy"
	"github.com/banyan-migration/banyan/infra/runtime"
)

// FunctionHook is a hook that is a function: called with a deployment's id and an execution's, it reports the execution's
// status to CodeDeploy's API, which deploy plays.
func FunctionHook(lambda runtime.Invoker, deploy *codedeploy.Server, deployment, function string) *Hook {
	return &Hook{Name: function, Run: func(ctx context.Context) error {
		id, told := deploy.Expect(deployment)
		payload, err := json.Marshal(map[string]string{"DeploymentId": deployment, "LifecycleEventHookExecutionId": id})
		if err != nil {
			return err
		}
		a, err := lambda.Invoke(ctx, runtime.Call{Function: function, Payload: payload, Tail: true})
		if err != nil {
			return err
		}
		select {
		case status := <-told:
			if status == codedeploy.Succeeded {
				return nil
			}
			return fmt.Errorf("%s", reason(a))
		default:
			return fmt.Errorf("it ended without a report, for which CodeDeploy would now wait until the hook's own time-out: %s", reason(a))
		}
	}}
}

// reason is why a hook failed, by its log or its answer.
func reason(a runtime.Answer) string {
	why := ""
	for line := range strings.Lines(string(a.LogTail)) {
		var said struct{ Reason, Error string }
		if json.Unmarshal([]byte(line), &said) == nil && said.Reason+said.Error != "" {
			why = said.Reason + said.Error
		}
	}
	switch {
	case why != "":
		return why
	case a.Error != "" || a.Status != 200:
		return fmt.Sprintf("status %d %s: %s", a.Status, a.Error, a.Payload)
	}
	return "its log does not say why"
}
