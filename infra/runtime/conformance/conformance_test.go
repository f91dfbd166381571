// Package conformance runs handlers under independent clients of the Runtime API, in a player.
package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/runtime"
)

// runner is one client: how its code folder is made, what its handlers are called, and which it cannot have.
type runner struct {
	name    string
	code    func(t *testing.T) string
	prefix  string
	without []string
}

// built is the Go program, built once.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "conformance-")
	if err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", filepath.Join(dir, "bootstrap"), "./testdata/golang")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, said)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	status := m.Run()
	if dir, err := built(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(status)
}

func golang(t *testing.T) string {
	dir, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// python is a code folder whose bootstrap runs awslambdaric.
func python(t *testing.T) string {
	interpreter := os.Getenv("BANYAN_RIC")
	if interpreter == "" {
		t.Skip("BANYAN_RIC is unset: no Python that has awslambdaric")
	}
	dir := t.TempDir()
	text, err := os.ReadFile("testdata/python/handler.py")
	if err != nil {
		t.Fatal(err)
	}
	start := "#!/bin/sh\nexec " + interpreter + ` -m awslambdaric "$_HANDLER"` + "\n"
	if err := os.WriteFile(filepath.Join(dir, "handler.py"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bootstrap"), []byte(start), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

var runners = []runner{
	{name: "aws-lambda-go", code: golang},
	{name: "awslambdaric", code: python, prefix: "handler.", without: []string{"stream", "fail", "sigterm"}},
}

// stage is a player and what it logged.
type stage struct {
	*runtime.Player
	mu  sync.Mutex
	log strings.Builder
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{}
	p, err := runtime.New(runtime.Options{Dir: t.TempDir(), Whole: true, Log: func(_, line string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.log.WriteString(line + "\n")
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.Player = p
	t.Cleanup(s.end(t))
	return s
}

func (s *stage) end(t *testing.T) func() {
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	}
}

func (s *stage) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// check is one handler: what is asked and what must be answered. ID stands for the request's id.
type check struct {
	handler string
	call    runtime.Call
	timeout time.Duration
	layer   func(t *testing.T) string
	fails   bool
	want    func(a runtime.Answer, log string) string // empty: right
}

// is wants an answer word for word.
func is(text string) func(runtime.Answer, string) string {
	return func(a runtime.Answer, _ string) string {
		if got := strings.ReplaceAll(string(a.Payload), a.Request, "ID"); got != text {
			return "not " + text
		}
		return ""
	}
}

// has wants an answer, or a log, with every part in it.
func has(parts ...string) func(runtime.Answer, string) string {
	return func(a runtime.Answer, log string) string {
		for _, part := range parts {
			if !strings.Contains(string(a.Payload)+log, part) {
				return "without " + part
			}
		}
		return ""
	}
}

func payload(v any) runtime.Call {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return runtime.Call{Payload: text, ClientContext: "eyJjdXN0b20iOnsid2hvIjoiRmVsaXgifX0="} // {"custom":{"who":"Felix"}}
}

const tooLarge = `{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}`

func checks() []check {
	whole := strings.Repeat("x", 6*1024*1024-2)
	return []check{
		{handler: "echo", call: payload(map[string]any{"gift": "£10"}), want: has(`"gift"`, "echoing")},
		{handler: "echo", call: payload(whole), want: func(a runtime.Answer, _ string) string {
			if len(a.Payload) != len(whole)+2 {
				return fmt.Sprintf("%d bytes came back", len(a.Payload))
			}
			return ""
		}},
		{handler: "error", fails: true, want: has("no such gift", `"errorType"`)},
		{handler: "panic", fails: true, want: has("END RequestId", "REPORT RequestId")},
		{handler: "timeout", timeout: 1500 * time.Millisecond, fails: true,
			want: is(`{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ID Error: Task timed out after 1.50 seconds"}`)},
		{handler: "size", call: payload(6291556), want: func(a runtime.Answer, _ string) string {
			if len(a.Payload) != 6291556 {
				return fmt.Sprintf("%d bytes came", len(a.Payload))
			}
			return ""
		}},
		{handler: "size", call: payload(6291557), fails: true, want: is(tooLarge)},
		{handler: "stream", want: is(`{"statusCode":201}` + "\x00\x00\x00\x00\x00\x00\x00\x00one two three")},
		{handler: "fail", fails: true, want: has("the tape is cut")},
		{handler: "context", call: payload(1), want: func(a runtime.Answer, _ string) string {
			var got map[string]any
			err := json.Unmarshal(a.Payload, &got)
			want := map[string]any{"id": a.Request, "arn": "arn:aws:lambda:eu-west-1:123456789012:function:context", "custom": "Felix",
				"soon": true, "name": "context", "memory": 256.0}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				return fmt.Sprintf("not %v (%v)", want, err)
			}
			return ""
		}},
		{handler: "exit", call: payload(7), fails: true,
			want: is(`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 7"}`)},
		{handler: "exit", call: payload(0), fails: true,
			want: is(`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited without providing a reason"}`)},
		{handler: "init", fails: true, want: has("cannot begin", "Phase: init", "Phase: invoke")},
		{handler: "sigterm", want: is(`"still here"`)},
		{handler: "echo", layer: extensions, call: payload("hello"), want: has("hello", "EXTENSION\tName: watcher\tState: Ready\tEvents: [INVOKE,SHUTDOWN]", "watcher told of INVOKE")},
	}
}

// extensions is a Layer with the Go program as an extension.
func extensions(t *testing.T) string {
	dir := t.TempDir()
	text, err := os.ReadFile(filepath.Join(golang(t), "bootstrap"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "extensions"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "extensions", "watcher"), text, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestHandlers calls each handler twice: what follows a failure must be a fresh environment that answers the same.
func TestHandlers(t *testing.T) {
	for _, client := range runners {
		t.Run(client.name, func(t *testing.T) {
			code := client.code(t)
			for i, c := range checks() {
				if slices.Contains(client.without, c.handler) {
					continue
				}
				t.Run(fmt.Sprintf("%02d %s", i, c.handler), func(t *testing.T) {
					t.Parallel()
					client.try(t, code, c)
				})
			}
		})
	}
}

func (client runner) try(t *testing.T, code string, c check) {
	s := newStage(t)
	f := runtime.Function{Name: c.handler, Code: code, Handler: client.prefix + c.handler, Memory: 256, Timeout: c.timeout}
	if f.Timeout == 0 {
		f.Timeout = 20 * time.Second
	}
	if c.layer != nil {
		f.Layers = []string{c.layer(t)}
	}
	if _, err := s.Publish(f); err != nil {
		t.Fatal(err)
	}
	c.call.Function, c.call.Tail = c.handler, true
	for range 2 {
		a, err := s.Invoke(t.Context(), c.call)
		if err != nil {
			t.Fatal(err)
		}
		if a.Status != 200 || (a.Error != "") != c.fails {
			t.Errorf("status %d, error %q", a.Status, a.Error)
		}
		if wrong := c.want(a, s.logged()); wrong != "" {
			t.Errorf("%.500s\nis %s\nlog:\n%.2000s", a.Payload, wrong, s.logged())
		}
	}
}

// TestSIGTERM has aws-lambda-go's internal extension told that the environment ends.
func TestSIGTERM(t *testing.T) {
	s := newStage(t)
	if _, err := s.Publish(runtime.Function{Name: "sigterm", Code: golang(t), Handler: "sigterm"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Invoke(t.Context(), runtime.Call{Function: "sigterm"}); err != nil {
		t.Fatal(err)
	}
	s.end(t)()
	if log := s.logged(); !strings.Contains(log, "told to go") || !strings.Contains(log, "EXTENSION\tName: GoLangEnableSIGTERM\tState: Ready\tEvents: []") {
		t.Errorf("log:\n%s", log)
	}
}
