package worlds

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// limit is what ministack cannot, and where that is proved instead.
type limit struct {
	what, elsewhere string
	learned         func(*stack) string // what it does now; empty: still nothing
}

// limits are looked at in the deployed stack, before its routes are made. One that no longer holds fails the test, so that
// the proof can come home.
var limits = []limit{
	{"makes no routes, integrations and authorizers of an API's Body", "made from the processed template (routes_test.go); who may call what: shared/host/cloud, infra/stack",
		func(s *stack) string {
			for _, kind := range []string{"routes", "integrations", "authorizers"} {
				var there struct{ Items []json.RawMessage }
				if s.rest("apigateway", http.MethodGet, "/v2/apis/"+s.resources()["Api"]+"/"+kind, nil, &there); len(there.Items) > 0 {
					return fmt.Sprintf("%d %s", len(there.Items), kind)
				}
			}
			return ""
		}},
	{"mounts no Layer at /opt", "LayerDir names the folder that sam built; the hooks' one is laid by our player (hooks_test.go); several over each other: infra/runtime",
		func(s *stack) string {
			hook := "CodeDeployHook_" + name + "-donate-before" // its bootstrap lies in the Layer
			out, err := lambda.NewFromConfig(s.Config).Invoke(s.t.Context(), &lambda.InvokeInput{FunctionName: &hook, Payload: []byte(`{"DeploymentId":"d","LifecycleEventHookExecutionId":"e"}`)})
			if err == nil && out.FunctionError == nil {
				return fmt.Sprintf("the hook answered %s", out.Payload)
			}
			return ""
		}},
	{"has no CodeDeploy: no shifting, no alarm that rolls back, no hook called", "infra/canary plays it; the deployed hooks report to a fake (hooks_test.go); infra/stack looks at what the template asks for",
		func(s *stack) string {
			var said json.RawMessage
			if err := s.client().JSON(s.context(), "codedeploy", s.url+"/", "CodeDeploy_20141006.ListApplications", struct{}{}, &said); err != nil {
				return ""
			}
			return string(said)
		}},
	{"transforms a template with its parameters' defaults, whatever the deployment gives", "infra/stack transforms it for each environment",
		func(s *stack) string { // the version is named for the release's hash
			var versions []string
			for id := range s.resources() {
				if strings.HasPrefix(id, "DonateVersion") {
					versions = append(versions, id)
				}
			}
			if !slices.Equal(versions, []string{"DonateVersion0000000000"}) {
				return fmt.Sprint(versions)
			}
			return ""
		}},
	{"asks no role whether a call is allowed", "the calls recorded here, held against the roles (roles_test.go)",
		func(s *stack) string {
			stranger := s.account
			stranger.Credentials = aws.CredentialsProviderFunc(nobody)
			if err := stranger.client().JSON(s.context(), "dynamodb", s.url+"/", "DynamoDB_20120810.ListTables", struct{}{}, nil); err != nil {
				return err.Error()
			}
			return ""
		}},
	{"records no trace", "trace headers in and out: shared/host/cloud",
		func(s *stack) string {
			var said json.RawMessage
			if err := s.client().REST(s.context(), "xray", http.MethodPost, s.url+"/TraceSummaries", map[string]int64{"StartTime": 0, "EndTime": 4102444800}, &said); err != nil {
				return ""
			}
			return string(said)
		}},
	{"writes no access log of an API", "infra/stack reads the format that the template asks for",
		func(s *stack) string { return string(s.log("/aws/vendedlogs/" + name + "-api")) }},
}

// nobody is a key that no account has given out.
func nobody(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "AKIA0000000000000000", SecretAccessKey: "nobody"}, nil
}

// checkLimits fails where ministack has learned something, and tells what it cannot.
func (s *stack) checkLimits() {
	s.t.Helper()
	var still []string
	for _, l := range limits {
		if now := l.learned(s); now != "" {
			s.t.Errorf("ministack no longer %s (%s): prove it here and shorten the list", l.what, now)
		}
		still = append(still, l.what+" - instead: "+l.elsewhere)
	}
	s.t.Logf("ministack\n  %s", strings.Join(still, "\n  "))
}
