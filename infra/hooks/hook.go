package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/banyan-migration/banyan/shared/mark"
)

// event is what CodeDeploy calls a hook with.
type event struct {
	DeploymentID string `json:"DeploymentId"`
	ExecutionID  string `json:"LifecycleEventHookExecutionId"`
}

// hook is one function of the executable.
type hook struct {
	aws    aws.Config
	lambda *lambda.Client
	deploy *codedeploy.Client
	getenv func(string) string
	now    func() time.Time
	log    *slog.Logger
	grants
}

func newHook(c aws.Config, getenv func(string) string, now func() time.Time, log *slog.Logger) *hook {
	return &hook{aws: c, lambda: lambda.NewFromConfig(c), deploy: codedeploy.NewFromConfig(c), getenv: getenv, now: now, log: log, grants: grants{20 * time.Second, time.Second}}
}

// handle judges the version and reports. What it finds is the report's to say: its own error means that the report could
// not be made, and Lambda then calls it again. It may come twice: the gift that it makes has the deployment's id for its
// key, and a second report of the same execution is refused and changes nothing.
func (h *hook) handle(ctx context.Context, e event) error {
	if e.DeploymentID == "" || e.ExecutionID == "" {
		return errors.New("the event has no DeploymentId or no LifecycleEventHookExecutionId: CodeDeploy sends both; nothing was asked and nothing reported")
	}
	log := h.log.With("deployment", e.DeploymentID, "hook", h.getenv("_HANDLER"), "version", h.getenv("NEW_VERSION"))
	began := h.now()
	status := types.LifecycleEventStatusSucceeded
	if err := h.judge(ctx, e, log); err != nil {
		status = types.LifecycleEventStatusFailed
		log.Error("the new version is refused", "reason", err.Error(), "ms", h.now().Sub(began).Milliseconds())
	} else {
		log.Info("the new version is good", "ms", h.now().Sub(began).Milliseconds())
	}
	_, err := granted(ctx, h, "report", func() (*codedeploy.PutLifecycleEventHookExecutionStatusOutput, error) {
		return h.deploy.PutLifecycleEventHookExecutionStatus(ctx, &codedeploy.PutLifecycleEventHookExecutionStatusInput{
			DeploymentId: &e.DeploymentID, LifecycleEventHookExecutionId: &e.ExecutionID, Status: status,
		})
	})
	var told *types.LifecycleEventAlreadyCompletedException
	switch {
	case errors.As(err, &told):
		log.Info("the execution has its status already; this one was not needed", "status", status)
	case err != nil:
		log.Error("the status was not reported: until it is, CodeDeploy waits", "status", status, "error", err.Error())
		return fmt.Errorf("report %s: %w", status, err)
	}
	return nil
}

// judge is why the new version is refused; nil, where it is good. It ends while there is still time to report.
func (h *hook) judge(ctx context.Context, e event, log *slog.Logger) (err error) {
	asked := &trial{hook: h, log: log, at: "its variables"}
	if deadline, has := ctx.Deadline(); has {
		left := deadline.Sub(h.now())
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, left-min(left/4, 10*time.Second))
		defer stop()
		defer func() {
			if err != nil && ctx.Err() != nil {
				err = fmt.Errorf("no answer in time, at %s: the hook has %v in all and keeps a part of it for this report: %w", asked.at, left.Round(time.Second), err)
			}
		}()
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the hook itself broke, at %s: %v", asked.at, p)
		}
	}()
	if err := asked.prepare(ctx, e); err != nil {
		return err
	}
	return asked.run(ctx)
}

// trial is one version being asked.
type trial struct {
	*hook
	log     *slog.Logger
	phase   string // before, after
	service string // donate
	version string // whom NEW_VERSION names
	once    string // unique to the deployment and its phase
	keys    mark.Keys
	at      string // what is being asked, for whoever must find out why it took so long
}

// prepare reads the handler and every variable; what is missing is named at once.
func (t *trial) prepare(ctx context.Context, e event) error {
	handler := t.getenv("_HANDLER")
	phase, name, _ := strings.Cut(handler, ".")
	if phase != "before" && phase != "after" || name == "" {
		return fmt.Errorf("the Handler %q is none of this executable: before.SERVICE or after.SERVICE, as before.Donate", handler)
	}
	t.phase, t.service, t.once = phase, strings.ToLower(name), "hook-"+e.DeploymentID+"-"+phase
	var wrong []error
	if t.version = t.getenv("NEW_VERSION"); t.version == "" {
		wrong = append(wrong, errors.New("NEW_VERSION is not set: the ARN of the version before, of the alias after"))
	} else if qualifier(t.version) == "" {
		wrong = append(wrong, fmt.Errorf("NEW_VERSION is %s, without a version or an alias at its end: it would ask $LATEST, which nobody deploys", t.version))
	}
	if signs(t.service) {
		key, err := t.secret(ctx, "BANYAN_KEY")
		if err == nil && key == "" {
			err = errors.New("BANYAN_KEY is not set: it signs the test gifts")
		} else if err == nil {
			t.keys, err = mark.ParseKeys(key)
		}
		wrong = append(wrong, err)
	}
	if t.service == "payments" && (t.getenv("DONATE") == "") != (t.getenv("TEST_METHOD") == "") {
		wrong = append(wrong, errors.New("DONATE and TEST_METHOD go together: one is set, and the other is not"))
	}
	return errors.Join(wrong...)
}

// qualifier is the version or the alias at the end of a function's ARN or name; empty: there is none.
func qualifier(arn string) string {
	if _, name, is := strings.Cut(arn, ":function:"); is {
		arn = name
	}
	_, q, _ := strings.Cut(arn, ":")
	return q
}
