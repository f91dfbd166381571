package runtime

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// until waits for a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 10 s", what)
		}
	}
}

// modes are the two ways in which a function's folders are laid.
var modes = map[string]Options{"real": {}, "rewritten": {Rewrite: true}}

func TestEnvironmentIsAllOfAL2023AndNothingOfOurs(t *testing.T) {
	t.Setenv("BANYAN_SECRET_OF_OURS", "must not be seen")
	for mode, opt := range modes {
		opt.Environment = map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}
		s := newStage(t, opt)
		dir := code(t)
		s.publish(t, Function{Handler: "environment", Code: dir, Memory: 512, Environment: map[string]string{"LAYER_DIR": "/opt/banyan", "TABLE": "banyan-dev-donate"}})
		a := s.invoke(t, Call{Function: "environment"})
		var got []string
		if err := json.Unmarshal(a.Payload, &got); err != nil {
			t.Fatal(err)
		}
		task, opt := "/var/task", "/opt"
		if r := <-s.records; r.Paths == "rewritten" {
			v, _ := s.resolve("environment")
			task, opt = dir, v.version.root.Opt
			if mode == "real" {
				t.Log("no mount namespace here: both ways are the rewritten one")
			}
		} else if mode == "rewritten" {
			t.Errorf("paths are %s", r.Paths)
		}
		for i, variable := range got { // what differs from one environment to the next
			if name, value, _ := strings.Cut(variable, "="); name == "AWS_LAMBDA_RUNTIME_API" || name == "AWS_LAMBDA_LOG_STREAM_NAME" {
				if value == "" {
					t.Errorf("%s is empty", name)
				}
				got[i] = name
			}
		}
		want := []string{"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_SESSION_TOKEN=test", "AWS_REGION=eu-west-1",
			"AWS_DEFAULT_REGION=eu-west-1", "AWS_LAMBDA_FUNCTION_NAME=environment", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
			"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512", "AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/environment", "AWS_LAMBDA_LOG_STREAM_NAME",
			"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand", "AWS_LAMBDA_RUNTIME_API", "AWS_XRAY_CONTEXT_MISSING=LOG_ERROR",
			"AWS_XRAY_DAEMON_ADDRESS=169.254.100.1:2000", "_AWS_XRAY_DAEMON_ADDRESS=169.254.100.1", "_AWS_XRAY_DAEMON_PORT=2000",
			"_HANDLER=environment", "LAMBDA_TASK_ROOT=" + task, "LAMBDA_RUNTIME_DIR=/var/runtime", "LANG=en_US.UTF-8", "TZ=:UTC",
			"PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:" + opt + "/bin",
			"LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:" + task + ":" + task + "/lib:" + opt + "/lib",
			"AWS_ENDPOINT_URL=http://127.0.0.1:4566", "LAYER_DIR=" + opt + "/banyan", "TABLE=banyan-dev-donate"}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", mode, got, want)
		}
	}
}

// The variables that are the runtime's alone are kept from extensions, as by AWS.
func TestEnvironmentOfAnExtension(t *testing.T) {
	t.Parallel()
	s := newStage(t, Options{Environment: map[string]string{"AWS_EXECUTION_ENV": "AWS_Lambda_python3.14"}})
	s.publish(t, Function{Handler: "quiet", Environment: map[string]string{"TABLE": "banyan-dev-donate"}, Layers: []string{tree(t, "extensions/names=")}})
	if a := s.invoke(t, Call{Function: "quiet", Payload: []byte("1")}); a.Error != "" {
		t.Fatalf("%+v %s", a, a.Payload)
	}
	const want = "variables AWS_ACCESS_KEY_ID AWS_DEFAULT_REGION AWS_LAMBDA_FUNCTION_MEMORY_SIZE AWS_LAMBDA_FUNCTION_NAME AWS_LAMBDA_FUNCTION_VERSION " +
		"AWS_LAMBDA_INITIALIZATION_TYPE AWS_LAMBDA_RUNTIME_API AWS_REGION AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN LANG LD_LIBRARY_PATH PATH TABLE TZ"
	for line := range s.lines {
		if strings.HasPrefix(line, "variables ") {
			if line != want {
				t.Errorf("got  %s\nwant %s", line, want)
			}
			break
		}
	}
}

func TestLayersLieOverEachOther(t *testing.T) {
	t.Parallel()
	for mode, opt := range modes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, opt)
			s.publish(t, Function{Handler: "read", Code: tree(t, "data=code"), Environment: map[string]string{"DIR": "/opt", "TASK": "/var/task/data"},
				Layers: []string{tree(t, "bootstrap=", "a/one=first", "a/two=first"), tree(t, "a/two=second", "b=second"), tree(t, "b=third")}})
			a := s.invoke(t, Call{Function: "read", Payload: []byte(`["$DIR/a/one","$DIR/a/two","$DIR/b","$TASK","$DIR/none","data"]`)})
			if want := `["first","second","third","code","absent","code"]`; string(a.Payload) != want {
				t.Errorf("%s, want %s\n%s", a.Payload, want, a.LogTail)
			}
		})
	}
}

func TestPublishSaysEverythingThatIsWrong(t *testing.T) {
	t.Parallel()
	s := newStage(t, Options{})
	dir, negative := t.TempDir(), -1
	_, err := s.Publish(Function{Name: "a b", Memory: 64, Timeout: time.Hour, Layers: []string{dir, dir, dir, dir, dir, dir},
		Reserved: &negative, Environment: map[string]string{"AWS_REGION": "x", "1": "x", "BIG": strings.Repeat("x", 5000)}})
	for _, part := range []string{"1 to 64 letters", "memory 64 MB", "timeout 1h0m0s", "6 layers: at most 5", "reserved concurrency -1",
		"Reserved keys used in this request: AWS_REGION", `variable "1"`, "at most 4096"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("the error lacks %q: %v", part, err)
		}
	}
	for _, f := range []Function{{Name: "f", Code: filepath.Join(dir, "none")}, {Name: "f", Code: dir, Layers: []string{filepath.Join(dir, "none")}}} {
		if _, err := s.Publish(f); err == nil || !strings.Contains(err.Error(), "no such file") {
			t.Errorf("%+v: %v", f, err)
		}
	}
}

func TestNoBootstrap(t *testing.T) {
	t.Parallel()
	s := newStage(t, Options{})
	s.publish(t, Function{Handler: "none", Code: t.TempDir()})
	s.publish(t, Function{Handler: "text", Code: tree(t, "bootstrap=no program")})
	for name, text := range map[string]string{"none": "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]",
		"text": "fork/exec /var/task/bootstrap: permission denied"} {
		a := s.invoke(t, Call{Function: name})
		if want := `{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: ` + a.Request + ` Error: ` + text + `"}`; string(a.Payload) != want {
			t.Errorf("%s\nwant %s", a.Payload, want)
		}
	}
}

// stateOf is a process's state by /proc; empty: it is gone.
func stateOf(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if fields[0] == "Z" {
		return ""
	}
	return fields[0]
}

func TestFrozenBetweenInvocationsAndReapedWhenIdle(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc here")
	}
	s := newStage(t, Options{Idle: time.Second})
	s.publish(t, Function{Handler: "pid"})
	var pids []int
	for range 2 {
		pid, err := strconv.Atoi(string(s.invoke(t, Call{Function: "pid"}).Payload))
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
		until(t, "frozen", func() bool { return stateOf(pid) == "T" })
	}
	if pids[0] != pids[1] {
		t.Errorf("two environments for calls one after the other: %v", pids)
	}
	until(t, "reaped", func() bool { return stateOf(pids[0]) == "" })
	if s.invoke(t, Call{Function: "pid"}); (<-s.records).Init == 0 {
		t.Error("the first call was not cold")
	}
}

func TestTimeOutKillsTheWholeGroup(t *testing.T) {
	t.Parallel()
	s := newStage(t, Options{})
	s.publish(t, Function{Handler: "children", Timeout: 500 * time.Millisecond})
	file := filepath.Join(t.TempDir(), "pid")
	if a := s.invoke(t, Call{Function: "children", Payload: fmt.Appendf(nil, "%q", file)}); a.Error != "Unhandled" {
		t.Fatalf("%+v", a)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, _ := strconv.Atoi(string(text))
	until(t, "child gone", func() bool { return syscall.Kill(pid, 0) != nil || stateOf(pid) == "" })
}

func TestMemoryBeyondTheLimit(t *testing.T) {
	t.Parallel()
	s := newStage(t, Options{})
	if s.groups == nil {
		t.Skip("no control groups are permitted here")
	}
	s.publish(t, Function{Handler: "hungry", Memory: 128, Timeout: 10 * time.Second})
	a := s.invoke(t, Call{Function: "hungry"})
	if want := `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ` + a.Request + ` Error: Runtime exited with error: signal: killed"}`; string(a.Payload) != want {
		t.Errorf("%s, want %s", a.Payload, want)
	}
}

func TestInitThatFailsIsTriedAgainInsideTheInvocation(t *testing.T) {
	t.Parallel()
	for handler, want := range map[string]string{
		"leave":  `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited without providing a reason"}`,
		"refuse": `{"errorType":"NoLayer","errorMessage":"no postcode index"}`,
	} {
		s := newStage(t, Options{})
		s.publish(t, Function{Handler: handler})
		a := s.invoke(t, Call{Function: handler})
		if got := strings.ReplaceAll(string(a.Payload), a.Request, "ID"); a.Error != "Unhandled" || got != want {
			t.Errorf("%s: %+v %s, want %s", handler, a, got, want)
		}
		if r := <-s.records; r.Error == "" || r.Duration <= 0 {
			t.Errorf("%s: record %+v", handler, r)
		}
		var all []string
		for len(s.lines) > 0 {
			line, _, _ := strings.Cut(<-s.lines, " Duration")
			all = append(all, strings.Fields(line)[0])
		}
		reason := map[string]string{"leave": "RequestId: Runtime.ExitError "}[handler] // what the runtime has posted is its caller's
		if got := strings.Join(all, " "); strings.ReplaceAll(got, "leaving ", "") != "INIT_REPORT START INIT_REPORT "+reason+"END REPORT" {
			t.Errorf("%s: log %s", handler, got)
		}
	}
}

func TestInitThatTakesTooLongIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t, Options{})
	s.initLimit = 300 * time.Millisecond
	s.publish(t, Function{Handler: "second", Timeout: 20 * time.Second, Environment: map[string]string{"MARK": filepath.Join(t.TempDir(), "mark")}})
	a := s.invoke(t, Call{Function: "second"})
	if string(a.Payload) != `"ready at last"` || a.Error != "" {
		t.Fatalf("%+v %s", a, a.Payload)
	}
	if r := <-s.records; r.Init != 0 || r.Error != "" {
		t.Errorf("record %+v", r)
	}
	if line := <-s.lines; !strings.HasPrefix(line, "INIT_REPORT Init Duration: 3") || !strings.HasSuffix(line, " ms\tPhase: init\tStatus: timeout") {
		t.Errorf("log %q", line)
	}
}
