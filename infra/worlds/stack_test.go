package worlds

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/banyan-migration/banyan/infra/fakes/ministack"
	"github.com/banyan-migration/banyan/infra/fakes/psp"
)

// stage is the environment that is deployed, name its stack.
const (
	stage = "test"
	name  = "banyan-" + stage
)

// stack is template.yaml, deployed into an emulated AWS as its makers deploy it: sam build, sam deploy.
type stack struct {
	account
	sam, built string // the program; where its build lies
	api        string // the HTTP API's id, once it is deployed
	front      *httptest.Server
	fake       *httptest.Server // the acquirers
	judge      *judge           // who hears what became of posts
	operator   string           // a bearer key
	release    string           // 64 hexadecimal digits
}

const marksKey = "k1:worlds-0123456789abcdef"

func newStack(t *testing.T, server *ministack.Server, sam string) *stack {
	t.Helper()
	s := &stack{account: open(t, server.URL), sam: sam, built: filepath.Join(t.TempDir(), "built"), operator: rand.Text(), release: strings.Repeat("0", 64)}
	s.front = httptest.NewServer(http.HandlerFunc(s.forward))
	t.Cleanup(s.front.Close)
	s.fake = httptest.NewUnstartedServer(nil)
	acquirers, err := psp.Open(psp.Options{Base: "http://" + s.fake.Listener.Addr().String(), File: filepath.Join(t.TempDir(), "psp.db"), Hooks: psp.Hooks{Stripe: s.front.URL + "/payments/webhooks/stripe", Worldpay: s.front.URL + "/payments/webhooks/worldpay"}})
	if err != nil {
		t.Fatal(err)
	}
	s.fake.Config.Handler = acquirers.Handler()
	s.fake.Start()
	t.Cleanup(func() {
		s.fake.Close()
		if err := acquirers.Close(); err != nil {
			t.Error(err)
		}
	})
	s.judge = newJudge(t)
	s.secrets()
	return s
}

// forward is the API's own name: ministack finds an API by the host that it is asked at.
func (s *stack) forward(w http.ResponseWriter, r *http.Request) {
	to, _ := url.Parse(s.url) // the server's own
	proxy := httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(to)
		p.Out.Host = s.api + ".execute-api.localhost:" + to.Port()
	}}
	proxy.ServeHTTP(w, r)
}

// secrets are what template.yaml says must be there before the first deployment.
func (s *stack) secrets() {
	s.t.Helper()
	store := secretsmanager.NewFromConfig(s.Config)
	for name, value := range map[string]string{"key": marksKey, "donate": `{"outcomes":"` + reportToken + `"}`, "payments": `{"stripe_key":"sk_test_banyan","stripe_webhook":"whsec_banyan",
		"stripe_test_key":"sk_test_banyan","stripe_test_webhook":"whsec_banyan","worldpay_user":"banyan","worldpay_password":"banyan"}`} {
		in := &secretsmanager.CreateSecretInput{Name: aws.String("banyan/" + stage + "/" + name), SecretString: &value}
		if _, err := store.CreateSecret(s.t.Context(), in); err != nil {
			s.t.Fatal(err)
		}
	}
}

// build is `sam build`, for this machine's kind of processor.
func (s *stack) build() {
	s.t.Helper()
	run(s.t, root, append(s.environment(), "ARCH="+runtime.GOARCH), s.sam, "build", "--build-in-source", "--template", "template.yaml", "--build-dir", s.built)
}

// change changes what donate's function is made of, as a new build would, and names the release anew. ministack transforms
// a template with its parameters' defaults only, so that the release's hash must be one.
func (s *stack) change() {
	s.t.Helper()
	program, err := os.OpenFile(filepath.Join(s.built, "Donate", "bootstrap"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = program.WriteString("\x00changed") // behind what the system loads
		err = errors.Join(err, program.Close())
	}
	file := filepath.Join(s.built, "template.yaml")
	raw, failed := os.ReadFile(file)
	if err = errors.Join(err, failed); err != nil {
		s.t.Fatal(err)
	}
	s.release = strings.Repeat("1", 64)
	changed := strings.Replace(string(raw), strings.Repeat("0", 64), s.release, 1)
	if changed == string(raw) {
		s.t.Fatal("the template has no default for ReleaseHash to change")
	}
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// deploy is `sam deploy`; it returns what that said.
func (s *stack) deploy() string {
	s.t.Helper()
	layer := filepath.Join(s.built, "DataLayer", "banyan")
	sum := sha256.Sum256([]byte(s.operator))
	callers, err := json.Marshal(map[string]any{hex.EncodeToString(sum[:]): map[string]any{"name": "worlds", "roles": []string{"view", "support", "finance", "moderator", "client"}}})
	if err != nil {
		s.t.Fatal(err)
	}
	args := []string{"deploy", "--stack-name", name, "--resolve-s3", "--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar",
		"--capabilities", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND", "--parameter-overrides"}
	for _, p := range [][2]string{{"Stage", stage}, {"Canary", "false"}, {"ReleaseHash", s.release}, {"LayerDir", layer}, {"LogLevel", "debug"}, {"Callers", string(callers)},
		{"ServicesUrl", s.front.URL}, {"OutcomesUrl", s.judge.URL + "/v1/outcomes"}, {"StripeUrl", s.fake.URL}, {"StripeTestUrl", s.fake.URL}, {"TestMethod", "pm_card_visa"}, {"WorldpayUrl", s.fake.URL}, {"WorldpayTestUrl", s.fake.URL}, {"Providers", "stripe=100 worldpay=0"}} {
		args = append(args, fmt.Sprintf("ParameterKey=%s,ParameterValue=%s", p[0], quoted(p[1])))
	}
	out, err := try(s.t, s.built, s.environment(), s.sam, args...)
	if err != nil {
		s.t.Fatalf("sam deploy: %v\n%s", err, out[max(0, len(out)-6000):])
	}
	return out
}

// quoted is a value as sam's own parser reads it back.
func quoted(v string) string { return `"` + strings.ReplaceAll(v, `"`, `\"`) + `"` }

// status is CloudFormation's word for how the stack is.
func (s *stack) status() string {
	s.t.Helper()
	out, err := cloudformation.NewFromConfig(s.Config).DescribeStacks(s.t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String(name)})
	if err != nil || len(out.Stacks) != 1 {
		s.t.Fatalf("%+v, %v", out, err)
	}
	return string(out.Stacks[0].StackStatus)
}

// resources are the stack's own, by logical id; those of nested stacks are not among them.
func (s *stack) resources() map[string]string {
	s.t.Helper()
	out, err := cloudformation.NewFromConfig(s.Config).DescribeStackResources(s.t.Context(), &cloudformation.DescribeStackResourcesInput{StackName: aws.String(name)})
	if err != nil {
		s.t.Fatal(err)
	}
	all := map[string]string{}
	for _, r := range out.StackResources {
		all[aws.ToString(r.LogicalResourceId)] = aws.ToString(r.PhysicalResourceId)
	}
	return all
}

// world writes the file by which scenarios find the stack.
func (s *stack) world() string {
	s.t.Helper()
	raw, err := json.Marshal(map[string]string{"services": s.front.URL, "psp": s.fake.URL, "marks_key": marksKey, "operator_key": s.operator})
	if err != nil {
		s.t.Fatal(err)
	}
	file := filepath.Join(s.t.TempDir(), "world.json")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return file
}

// version is the one that a function's alias points to.
func (s *stack) version(service string) string {
	s.t.Helper()
	out, err := lambda.NewFromConfig(s.Config).GetAlias(s.t.Context(), &lambda.GetAliasInput{FunctionName: aws.String(name + "-" + service), Name: aws.String("live")})
	if err != nil {
		s.t.Fatal(err)
	}
	return aws.ToString(out.FunctionVersion)
}

// delete takes the stack away again.
func (s *stack) delete() {
	s.t.Helper()
	c := cloudformation.NewFromConfig(s.Config)
	if _, err := c.DeleteStack(s.t.Context(), &cloudformation.DeleteStackInput{StackName: aws.String(name)}); err != nil {
		s.t.Fatal(err)
	}
	s.until("the stack is gone", func() bool {
		out, err := c.DescribeStacks(s.t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String(name)})
		if err != nil {
			return true // it knows no such stack
		}
		if is := out.Stacks[0]; is.StackStatus == types.StackStatusDeleteFailed {
			s.t.Fatalf("%s: %s", is.StackStatus, aws.ToString(is.StackStatusReason))
		}
		return out.Stacks[0].StackStatus == types.StackStatusDeleteComplete
	})
}
