package cloud_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/host/cloud"
	"github.com/banyan-migration/banyan/shared/kv"
)

// TestMain is the test, or, where BOOTSTRAP says so, a function's main.
func TestMain(m *testing.M) {
	if os.Getenv("BOOTSTRAP") == "" {
		os.Exit(m.Run())
	}
	cloud.Main("donate", func(env host.Env) (host.Service, error) {
		if _, err := env.Files.Open("causes.json"); err != nil {
			return host.Service{}, err
		}
		return host.Service{Task: func(_ context.Context, name string, in []byte) ([]byte, error) {
			if name == "fail" {
				return nil, &fault.Error{Kind: fault.Unavailable, Text: "the acquirer sleeps"}
			}
			return in, nil
		}}, nil
	}, memory)
}

// memory is a part that keeps a table in memory and wants a variable.
func memory(_ context.Context, f *cloud.Function) error {
	f.Env.Store = kv.NewMem()
	if f.Env.Getenv("TABLE") == "" {
		return errors.New("TABLE is not set")
	}
	return nil
}

// told is what a bootstrap has posted.
type told struct{ path, body, kind string }

// boot runs the bootstrap against a Runtime API that has these events and then stops it. It answers what was posted, and the output.
func boot(t *testing.T, env []string, events ...string) (posts []told, output string, status int) {
	t.Helper()
	posted := make(chan told, 16)
	next := make(chan string, len(events))
	for _, e := range events {
		next <- e
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			body, _ := io.ReadAll(r.Body)
			posted <- told{r.URL.Path, string(body), r.Header.Get("Lambda-Runtime-Function-Error-Type")}
			w.WriteHeader(202)
			return
		}
		select {
		case e := <-next:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "lambda-"+strconv.Itoa(len(events)-len(next)))
			w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(time.Minute).UnixMilli(), 10))
			w.Header().Set("Lambda-Runtime-Trace-Id", "Root=1-67891233-abcdef012345678912345678;Sampled=0")
			w.Write([]byte(e))
		default:
			cancel() // it has done all of them
			<-r.Context().Done()
		}
	}))
	defer api.Close()
	var out bytes.Buffer
	c := exec.CommandContext(ctx, os.Args[0])
	c.Env = append([]string{"BOOTSTRAP=1", "AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(api.URL, "http://")}, env...)
	c.Stdout, c.Stderr = &out, &out
	c.Run() // it ends by being killed, or by its own fault
	close(posted)
	for p := range posted {
		posts = append(posts, p)
	}
	return posts, out.String(), c.ProcessState.ExitCode()
}

func TestBootstrapTakesOneEventAfterTheOther(t *testing.T) {
	t.Parallel()
	layer := t.TempDir()
	if err := os.WriteFile(layer+"/causes.json", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "BANYAN_KEY=k1:0123456789abcdef", "TABLE=x-donate", "LAYER_DIR=" + layer}
	posts, output, _ := boot(t, env, `{"task":"echo","input":{"a":1}}`, `{"task":"fail","input":1}`, `{"colour":"red"}`, `{"task":"echo","input":2}`)
	if len(posts) != 4 {
		t.Fatalf("%v\n%s", posts, output)
	}
	for i, want := range []told{{"/2018-06-01/runtime/invocation/lambda-1/response", `{"a":1}`, ""}, {"/2018-06-01/runtime/invocation/lambda-2/error", `"errorType":"unavailable"`, ""},
		{"/2018-06-01/runtime/invocation/lambda-3/error", `"errorType":"refused"`, ""}, {"/2018-06-01/runtime/invocation/lambda-4/response", `2`, ""}} {
		if posts[i].path != want.path || !strings.Contains(posts[i].body, want.body) {
			t.Errorf("%v, want %v", posts[i], want)
		}
	}
	if n := strings.Count(output, `"Cold":1`); n != 1 || strings.Count(output, `"Cold":0`) != 3 {
		t.Errorf("%d cold starts of one process:\n%s", n, output)
	}
}

func TestFailedInitNamesEverythingAtOnce(t *testing.T) {
	t.Parallel()
	posts, output, status := boot(t, []string{"CALLERS=nobody", "LAYER_DIR=/nowhere"})
	if status != 1 || len(posts) != 1 || posts[0].path != "/2018-06-01/runtime/init/error" || posts[0].kind != "Function.InitError" {
		t.Fatalf("status %d, %v\n%s", status, posts, output)
	}
	var told struct {
		ErrorMessage, ErrorType string
		StackTrace              []string
	}
	if err := json.Unmarshal([]byte(posts[0].body), &told); err != nil || told.ErrorType != "Function.InitError" {
		t.Fatalf("%s: %v", posts[0].body, err)
	}
	for _, want := range []string{"donate does not start", "AWS_REGION is not set", "AWS_ACCESS_KEY_ID is not set", "AWS_SECRET_ACCESS_KEY is not set", "cloud_test.memory: TABLE is not set",
		"BANYAN_KEY is not set", "CALLERS is not", "causes.json: no such file", "/nowhere"} {
		if !strings.Contains(told.ErrorMessage, want) {
			t.Errorf("the error does not say %q:\n%s", want, told.ErrorMessage)
		}
	}
	var line struct{ Level, Msg, Service, Error string }
	if err := json.Unmarshal([]byte(output), &line); err != nil || line.Level != "ERROR" || line.Msg != "init failed" || line.Service != "donate" || !strings.Contains(told.ErrorMessage, line.Error) {
		t.Errorf("the log is not one JSON line that says the same: %s, %v", output, err)
	}
}

func TestStartThatPanicsIsAFailedInit(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	_, err := cloud.New(t.Context(), a.world(), "donate", func(host.Env) (host.Service, error) { panic("no such Layer") },
		func(context.Context, *cloud.Function) error { panic("no such table") })
	if err == nil || !strings.Contains(err.Error(), "donate: panic: no such Layer") || !strings.Contains(err.Error(), "no such table") {
		t.Errorf("%v", err)
	}
}
