package rehearsal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/banyan-migration/banyan/infra/canary"
	"github.com/banyan-migration/banyan/infra/fakes/codedeploy"
	"github.com/banyan-migration/banyan/infra/fakes/dynamo"
	"github.com/banyan-migration/banyan/infra/fakes/messages"
	"github.com/banyan-migration/banyan/infra/fakes/psp"
	"github.com/banyan-migration/banyan/infra/layer"
	"github.com/banyan-migration/banyan/infra/runtime"
	"github.com/banyan-migration/banyan/infra/runtime/front"
	tables "github.com/banyan-migration/banyan/shared/kv/dynamo"
)

// stage is an account in AWS with one service in it: the player, and at one address all of AWS that a function asks.
type stage struct {
	plan      *plan
	player    *runtime.Player
	records   canary.Records
	deploy    codedeploy.Server
	acquirers *psp.PSP
	layer     string // the folder that is /opt
	variables map[string]string
	key       string // BANYAN_KEY
	aws       string
	web       []*http.Server

	mu    sync.Mutex
	lines []string // the last that functions wrote
}

func open(ctx context.Context, p *plan, dir string) (*stage, error) {
	s := &stage{plan: p, layer: filepath.Join(dir, "layer"), key: "k1:" + rand.Text()}
	err := os.CopyFS(filepath.Join(s.layer, "banyan"), layer.Files)
	if err == nil {
		s.acquirers, err = psp.Open(psp.Options{Latency: psp.Constant(10 * time.Millisecond)})
	}
	var acquirers string
	if err == nil {
		acquirers, err = s.serve(s.acquirers.Handler())
	}
	if err == nil {
		s.aws, err = s.serve(s.everything())
	}
	if err == nil {
		s.player, err = runtime.New(runtime.Options{Region: messages.Region, Account: messages.Account, Dir: dir, Record: s.records.Record, Log: s.log,
			Environment: map[string]string{"AWS_ENDPOINT_URL": s.aws}})
	}
	if err == nil {
		err = s.store(ctx)
	}
	if err == nil {
		s.variables, err = s.resolved(acquirers)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// serve listens on a free port.
func (s *stage) serve(h http.Handler) (address string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	s.web = append(s.web, server)
	go server.Serve(l)
	return "http://" + l.Addr().String(), nil
}

// everything is each of AWS's services at one address, told apart as their protocols allow.
func (s *stage) everything() http.Handler {
	var items dynamo.Server
	var topics messages.Server
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target := r.Header.Get("X-Amz-Target")
		switch {
		case strings.HasPrefix(target, "DynamoDB"):
			items.ServeHTTP(w, r)
		case strings.HasPrefix(target, "CodeDeploy"):
			s.deploy.ServeHTTP(w, r)
		case strings.Contains(r.URL.Path, "/functions/"):
			front.Lambda(s.player).ServeHTTP(w, r)
		default:
			topics.ServeHTTP(w, r)
		}
	})
}

// store makes the service's table and the topic.
func (s *stage) store(ctx context.Context) error {
	c := aws.Config{Region: messages.Region, BaseEndpoint: &s.aws, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	db, err := tables.With(c, "banyan-"+s.plan.setting.Stage)
	if err != nil {
		return err
	}
	if err := db.Create(ctx, s.plan.service); err != nil {
		return err
	}
	form := strings.NewReader("Action=CreateTopic&Version=2010-03-31&Name=banyan-" + s.plan.setting.Stage)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.aws, form)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the topic was not made: status %d", res.StatusCode)
	}
	return nil
}

// resolved are the function's variables as the template has them, with what it refers to.
func (s *stage) resolved(acquirers string) (map[string]string, error) {
	f, _ := s.plan.template.Function(s.plan.id)
	secrets := map[string]string{"key": s.key, "stripe_key": "sk_test_banyan", "stripe_test_key": "sk_test_banyan", "stripe_webhook": "whsec_banyan",
		"stripe_test_webhook": "whsec_banyan", "worldpay_user": "banyan", "worldpay_password": "banyan"}
	all := map[string]string{}
	var failed []error
	for name, v := range f.Environment {
		text, err := v.Resolve(func(name string) (string, bool) {
			switch {
			case strings.HasSuffix(name, ".Outputs.Table"):
				return "banyan-" + s.plan.setting.Stage + "-" + s.plan.service, true
			case name == "Topic":
				return messages.TopicARN("banyan-" + s.plan.setting.Stage), true
			case name == "AWS::Partition":
				return "aws", true
			case name == "AWS::Region":
				return messages.Region, true
			case name == "AWS::AccountId":
				return messages.Account, true
			}
			return "", false
		})
		if err != nil {
			failed = append(failed, fmt.Errorf("%s.%s: %w", s.plan.id, name, err))
		}
		if _, secret, is := strings.Cut(text, "secretsmanager:"); is {
			secret = secret[strings.LastIndexAny(secret, "#/")+1:]
			if text = secrets[secret]; text == "" {
				text = "rehearsal-" + secret
			}
		}
		if acquirer, is := strings.CutSuffix(name, "_URL"); is && (strings.HasPrefix(acquirer, "STRIPE") || strings.HasPrefix(acquirer, "WORLDPAY")) {
			text = acquirers // no rehearsal asks a real one
		}
		all[name] = text
	}
	if err := errors.Join(failed...); err != nil {
		return nil, &Wrong{err}
	}
	return all, nil
}

// hook publishes a hook's function, which asks what version names.
func (s *stage) hook(folder, phase, version string) (*canary.Hook, error) {
	empty := filepath.Join(filepath.Dir(s.layer), "code") // its executable is in its Layer
	if err := os.MkdirAll(empty, 0o755); err != nil {
		return nil, err
	}
	name := "CodeDeployHook_" + s.plan.function.Name + "-" + phase
	_, err := s.player.Publish(runtime.Function{Name: name, Code: empty, Layers: []string{folder}, Handler: phase + "." + s.plan.id, Memory: 256, Timeout: time.Minute,
		Environment: map[string]string{"BANYAN_KEY": s.key, "NEW_VERSION": "arn:aws:lambda:" + messages.Region + ":" + messages.Account + ":function:" + version}})
	if err != nil {
		return nil, wrong("--hooks %s: %w", folder, err)
	}
	return canary.FunctionHook(s.player, &s.deploy, "d-REHEARSAL", name), nil
}

// log keeps the last lines, for a version that does not start.
func (s *stage) log(function, line string) {
	s.records.Log(function, line)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lines = append(s.lines, line); len(s.lines) > 20 {
		s.lines = s.lines[1:]
	}
}

// said is what a function wrote that failed: by its own log's end, or else the last lines of all.
func (s *stage) said(a runtime.Answer) string {
	if len(a.LogTail) > 0 {
		return string(a.LogTail)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

// close ends everything that open and publish began.
func (s *stage) close() {
	if s.player != nil {
		ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		s.player.Close(ctx) // what hangs is ended with it
	}
	for _, w := range s.web {
		w.Close()
	}
	if s.acquirers != nil {
		s.acquirers.Close()
	}
}
