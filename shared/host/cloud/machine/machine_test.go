package machine

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/host/cloud"
)

const prefix = "arn:aws:states:eu-west-1:111122223333:stateMachine:banyan-dev-"

// server plays Step Functions as AWS does: a name started again is the same execution while it runs and has the same input.
type server struct {
	faults []string // for the first calls: an error's name, or "lost" where it is carried out and no answer comes
	ended  bool     // every execution has ended by the next call

	mu      sync.Mutex
	calls   int
	started map[string]string // input by execution
}

func (s *server) Do(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	var in struct{ StateMachineArn, Name, Input, ExecutionArn string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	fault := ""
	if s.calls <= len(s.faults) {
		fault = s.faults[s.calls-1]
	}
	if fault != "" && fault != "lost" {
		return answer(http.StatusBadRequest, map[string]string{"__type": fault, "message": "a fault was asked for"})
	}
	status, out := s.answer(operation, in.StateMachineArn, in.Name, in.Input, in.ExecutionArn)
	if fault == "lost" {
		return nil, io.ErrUnexpectedEOF
	}
	return answer(status, out)
}

func (s *server) answer(operation, machine, name, input, execution string) (int, any) {
	if operation == "DescribeExecution" {
		if input, is := s.started[execution]; is {
			return http.StatusOK, map[string]string{"executionArn": execution, "input": input}
		}
		return http.StatusBadRequest, map[string]string{"__type": "ExecutionDoesNotExist"}
	}
	execution = strings.Replace(machine, ":stateMachine:", ":execution:", 1) + ":" + name
	before, is := s.started[execution]
	if is && (s.ended || before != input) {
		return http.StatusBadRequest, map[string]string{"__type": "ExecutionAlreadyExists"}
	}
	if s.started == nil {
		s.started = map[string]string{}
	}
	s.started[execution] = input
	return http.StatusOK, map[string]any{"executionArn": execution, "startDate": 1}
}

func answer(status int, v any) (*http.Response, error) {
	raw, err := json.Marshal(v)
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: io.NopCloser(strings.NewReader(string(raw)))}, err
}

func function(client aws.HTTPClient, endpoint, machines string) *cloud.Function {
	return &cloud.Function{Name: "giftaid", Env: host.Env{Getenv: func(variable string) string {
		if variable == "MACHINES" {
			return machines
		}
		return ""
	}}, AWS: aws.Config{Region: "eu-west-1", HTTPClient: client, BaseEndpoint: &endpoint, Retryer: func() aws.Retryer { return retry.NewStandard() },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		})}}
}

func starting(t *testing.T, client aws.HTTPClient, endpoint, machines string) func(ctx context.Context, machine, id string, input any) error {
	t.Helper()
	f := function(client, endpoint, machines)
	if err := Start(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	return f.Env.Start
}

func kind(err error) fault.Kind {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Kind
	}
	return fault.Internal
}

func TestMissingOrWrongMachinesAreNamed(t *testing.T) {
	t.Parallel()
	for machines, want := range map[string]string{"": "MACHINES is missing", "banyan-dev-": "not how ARNs", prefix[:len(prefix)-1]: "not how ARNs"} {
		f := function(&server{}, "http://127.0.0.1", machines)
		if err := Start(t.Context(), f); err == nil || !strings.Contains(err.Error(), want) || f.Env.Start != nil {
			t.Errorf("%q: %v, want %q", machines, err, want)
		}
	}
}

type claim struct {
	Month string `json:"month"`
	Gifts int    `json:"gifts"`
}

func TestMachineStartsOnceAnID(t *testing.T) {
	t.Parallel()
	for _, ended := range []bool{false, true} {
		s := &server{ended: ended}
		start := starting(t, s, "http://127.0.0.1", prefix)
		for range 3 {
			if err := start(t.Context(), "claim", "2026-03", claim{"2026-03", 7}); err != nil {
				t.Fatalf("ended %t: %v", ended, err)
			}
		}
		if err := start(t.Context(), "claim", "2026-03", claim{"2026-03", 8}); kind(err) != fault.Conflict {
			t.Errorf("ended %t, with another input: %v, want a conflict", ended, err)
		}
		if len(s.started) != 1 || s.started["arn:aws:states:eu-west-1:111122223333:execution:banyan-dev-claim:2026-03"] != `{"month":"2026-03","gifts":7}` {
			t.Errorf("started %v", s.started)
		}
	}
}

func TestWhatPassesIsWaitedForAndWhatDoesNotIsTold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		faults []string
		kind   fault.Kind
		says   string
	}{
		{[]string{"lost", "ThrottlingException"}, 0, ""},
		{[]string{"lost", "lost", "lost"}, fault.Unavailable, "made again, finds out"},
		{[]string{"ExecutionLimitExceeded"}, fault.Unavailable, "ExecutionLimitExceeded"},
		{[]string{"StateMachineDoesNotExist"}, fault.Internal, "deploy it first"},
		{[]string{"ExecutionAlreadyExists", "ExecutionDoesNotExist"}, fault.Unavailable, "look what was started"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &server{faults: c.faults}
			err := starting(t, s, "http://127.0.0.1", prefix)(t.Context(), "claim", "1", 1)
			if (err == nil) != (c.says == "") || err != nil && (!strings.Contains(err.Error(), c.says) || kind(err) != c.kind) {
				t.Errorf("%v: %v, want %q", c.faults, err, c.says)
			}
			if err == nil && len(s.started) != 1 {
				t.Errorf("%v: started %v", c.faults, s.started)
			}
		})
	}
}

func TestWhatCannotBeStartedIsRefusedHere(t *testing.T) {
	t.Parallel()
	s := &server{}
	start := starting(t, s, "http://127.0.0.1", prefix)
	if err := start(t.Context(), "claim", "1", strings.Repeat("x", largestInput)); kind(err) != fault.TooLarge || strings.Contains(err.Error(), "xxx") {
		t.Errorf("too large: %.200v", err)
	}
	for _, c := range []struct {
		machine, id string
		input       any
	}{{"", "1", 1}, {"a:b", "1", 1}, {"claim", "", 1}, {"claim", "1", func() {}}} {
		if err := start(t.Context(), c.machine, c.id, c.input); err == nil {
			t.Errorf("%q %q was started", c.machine, c.id)
		}
	}
	if s.calls > 0 {
		t.Errorf("AWS was asked %d times", s.calls)
	}
}

func FuzzNameOf(f *testing.F) {
	f.Add("2026-03", "2026:03")
	f.Add(strings.Repeat("a", 81), strings.Repeat("a", 82))
	f.Add("Zoë", "Zo\xff")
	f.Fuzz(func(t *testing.T, a, b string) {
		if a == "" || b == "" {
			return
		}
		x, y := nameOf(a), nameOf(b)
		if !named.MatchString(x) || len(x) > longestName {
			t.Errorf("%q is named %q", a, x)
		}
		if (x == y) != (a == b) {
			t.Errorf("%q and %q are named %q and %q", a, b, x, y)
		}
	})
}

func TestTwoIdsAreNeverOneExecution(t *testing.T) {
	t.Parallel()
	of := map[string]string{}
	for _, id := range []string{"a b", nameOf("a b"), nameOf(nameOf("a b")), "a_b", "a/b", strings.Repeat("x", 80), strings.Repeat("x", 81), "é", "é-" + strings.Repeat("0", 32), "-" + strings.Repeat("0", 32)} {
		name := nameOf(id)
		if before, taken := of[name]; taken && before != id {
			t.Errorf("%q and %q are the execution %s", before, id, name)
		}
		if of[name] = id; len(name) > longestName || !named.MatchString(name) {
			t.Errorf("%q: Step Functions takes no name %q", id, name)
		}
	}
}

func TestInputsAreTheSameByWhatTheySay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		one, other string
		same       bool
	}{
		{`{"a":1,"b":[2]}`, ` { "b" : [2], "a" : 1 }`, true}, {`"\u00e9"`, `"é"`, true}, {`{"a":1}`, `{"a":2}`, false},
		{`{"minor":9007199254740993}`, `{"minor":9007199254740992}`, false}, {`{"minor":9007199254740993}`, `{"minor": 9007199254740993}`, true},
		{`no JSON`, `no JSON`, true}, {`{} {}`, `{}`, false}, {``, `null`, false},
	} {
		if equal([]byte(c.one), []byte(c.other)) != c.same {
			t.Errorf("%s and %s: want the same: %v", c.one, c.other, c.same)
		}
	}
}
