package worlds

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/banyan-migration/banyan/infra/fakes/codedeploy"
	"github.com/banyan-migration/banyan/infra/fakes/ministack"
	"github.com/banyan-migration/banyan/infra/permissions"
	"github.com/banyan-migration/banyan/infra/runtime"
	"github.com/banyan-migration/banyan/services/all"
)

// recorder stands before an account and CodeDeploy, and notes what is asked of them.
type recorder struct {
	deploy codedeploy.Server
	next   http.Handler

	mu    sync.Mutex
	calls []permissions.Call
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	target := q.Header.Get("X-Amz-Target")
	_, operation, _ := strings.Cut(target, ".")
	call := permissions.Call{Operation: operation}
	switch {
	case strings.HasPrefix(target, "CodeDeploy"):
		call.Service = "CodeDeploy"
	case strings.HasPrefix(target, "secretsmanager"):
		call.Service, call.Resource = "Secrets Manager", "banyan/"+stage+"/key" // the only one; another would not be read from here
	case strings.HasSuffix(q.URL.Path, "/invocations"):
		_, of, _ := strings.Cut(strings.TrimSuffix(q.URL.Path, "/invocations"), ":function:")
		call = permissions.Call{Service: "Lambda", Operation: "Invoke", Resource: of}
	default:
		call.Service = q.URL.Path // the map of actions will not know it
	}
	r.mu.Lock()
	r.calls = append(r.calls, call)
	r.mu.Unlock()
	if call.Service == "CodeDeploy" {
		r.deploy.ServeHTTP(w, q)
		return
	}
	r.next.ServeHTTP(w, q)
}

// hookExceptions are grants of the hooks' roles that no hook uses.
var hookExceptions = append([]permissions.Exception{
	{Action: "secretsmanager:GetSecretValue", Resource: "secret:banyan/", Why: "one template for every service's hooks; postcode's signs nothing"},
}, permissions.ByAWS...)

// checkHooks runs the deployment hooks as the stack configures them, under the player, which lays the Layer at /opt: each asks
// the deployed version for real and reports Succeeded; and what it asked of AWS is what its role grants.
func (s *stack) checkHooks() {
	s.t.Helper()
	before := s.t.Failed()
	to, err := url.Parse(s.url)
	if err != nil {
		s.t.Fatal(err)
	}
	r := &recorder{next: &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(to) }}}
	front := httptest.NewServer(r)
	defer front.Close()
	var said lines
	player, err := runtime.New(runtime.Options{Region: ministack.Region, Account: ministack.Account, Whole: true, Dir: s.t.TempDir(), Log: said.add,
		Environment: map[string]string{"AWS_ENDPOINT_URL": front.URL, "AWS_ACCESS_KEY_ID": ministack.Key, "AWS_SECRET_ACCESS_KEY": ministack.Secret}})
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() {
		if err := player.Close(context.WithoutCancel(s.t.Context())); err != nil {
			s.t.Error(err)
		}
	}()
	for _, e := range all.Services {
		r.calls = nil
		hook := ""
		for _, phase := range []string{"before", "after"} {
			hook = "CodeDeployHook_" + name + "-" + e.Name + "-" + phase
			s.hook(player, r, hook)
		}
		if report := permissions.Compare(r.calls, s.role(hook), hookExceptions); !report.Fine() {
			s.t.Errorf("the role of the hooks of %s:\n%s", e.Name, report)
		} else {
			s.t.Logf("the role of the hooks of %s, %d calls:\n%s", e.Name, len(r.calls), report)
		}
	}
	if s.t.Failed() && !before {
		s.t.Logf("the hooks said:\n%s", said.all.String())
	}
}

// hook plays one hook, as CodeDeploy calls it.
func (s *stack) hook(player *runtime.Player, r *recorder, hook string) {
	s.t.Helper()
	f, err := lambda.NewFromConfig(s.Config).GetFunctionConfiguration(s.t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: &hook})
	if err != nil {
		s.t.Fatal(err)
	}
	_, err = player.Publish(runtime.Function{Name: hook, Code: filepath.Join(root, "infra", "hooks", "code"), Layers: []string{filepath.Join(s.built, "RuntimeLayer")},
		Handler: aws.ToString(f.Handler), Environment: f.Environment.Variables, Memory: int(aws.ToInt32(f.MemorySize)), Timeout: time.Duration(aws.ToInt32(f.Timeout)) * time.Second})
	if err != nil {
		s.t.Fatal(err)
	}
	execution, status := r.deploy.Expect("d-WORLDS")
	a, err := player.Invoke(s.t.Context(), runtime.Call{Function: hook, Payload: fmt.Appendf(nil, `{"DeploymentId":"d-WORLDS","LifecycleEventHookExecutionId":%q}`, execution)})
	if err != nil || a.Error != "" {
		s.t.Errorf("%s: %v %s %s\n%s", hook, err, a.Error, a.Payload, a.LogTail)
		return
	}
	if got := <-status; got != codedeploy.Succeeded { // it reported, or it would have failed
		s.t.Errorf("%s: %s\n%s", hook, got, a.LogTail)
	}
}

// lines gather what functions log.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) add(function, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(&l.all, "%s | %s\n", function, line)
}
