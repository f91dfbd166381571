package runtime

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestEchoIsColdOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, Options{})
	s.publish(t, Function{Handler: "echo", Memory: 256})
	for i := range 3 {
		a := s.invoke(t, Call{Function: "echo", Payload: []byte(`{"gift":1}`), Tail: true})
		if a.Status != 200 || a.Error != "" || string(a.Payload) != `{"gift":1}` || a.Version != "$LATEST" {
			t.Fatalf("answer %+v %s", a, a.Payload)
		}
		r := <-s.records
		if r.Request != a.Request || (r.Init > 0) != (i == 0) || r.Billed < r.Duration || r.Billed%time.Millisecond != 0 || r.MaxMemory < 2 {
			t.Errorf("record %d: %+v", i, r)
		}
		want := "START RequestId: " + a.Request + " Version: $LATEST\ngot 10 bytes\nEND RequestId: " + a.Request + "\n"
		if tail := string(a.LogTail); !strings.HasPrefix(tail, want) {
			t.Errorf("tail %q, want it to begin with %q", tail, want)
		}
	}
}

func TestTimeOutKillsAndTheNextIsFresh(t *testing.T) {
	t.Parallel()
	s := newStage(t, Options{})
	s.publish(t, Function{Handler: "hang", Timeout: 100 * time.Millisecond})
	for range 2 {
		a := s.invoke(t, Call{Function: "hang"})
		want := `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ` + a.Request + ` Error: Task timed out after 0.10 seconds"}`
		if a.Status != 200 || a.Error != "Unhandled" || string(a.Payload) != want {
			t.Fatalf("answer %+v %s, want %s", a, a.Payload, want)
		}
		if r := <-s.records; r.Init == 0 || r.Duration != 100*time.Millisecond || r.Error != "Sandbox.Timedout" {
			t.Errorf("record %+v", r)
		}
	}
}

func TestExitIsToldWithItsStatus(t *testing.T) {
	t.Parallel()
	s := newStage(t, Options{})
	s.publish(t, Function{Handler: "exit"})
	a := s.invoke(t, Call{Function: "exit"})
	want := `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ` + a.Request + ` Error: Runtime exited with error: exit status 7"}`
	if a.Error != "Unhandled" || string(a.Payload) != want {
		t.Fatalf("answer %+v %s, want %s", a, a.Payload, want)
	}
}

// Its answer stands; the record and REPORT say that the runtime has gone.
func TestExitAfterTheAnswerIsInTheReport(t *testing.T) {
	t.Parallel()
	s := newStage(t, Options{})
	s.publish(t, Function{Handler: "once"})
	if a := s.invoke(t, Call{Function: "once", Payload: []byte("1")}); a.Error != "" || string(a.Payload) != "1" {
		t.Fatalf("answer %+v %s", a, a.Payload)
	}
	if r := <-s.records; r.Error != "Runtime.ExitError" {
		t.Errorf("record %+v", r)
	}
	for line := range s.lines {
		if strings.HasPrefix(line, "REPORT") {
			if !strings.HasSuffix(line, "\tStatus: error\tError Type: Runtime.ExitError\t") {
				t.Errorf("log %q", line)
			}
			break
		}
	}
}

func TestWhatHasNoNameIsNotFound(t *testing.T) {
	t.Parallel()
	s := newStage(t, Options{})
	s.publish(t, Function{Handler: "echo"})
	for name, arn := range map[string]string{"none": "none:$LATEST", "echo:2": "echo:2", "echo:live": "echo:live", "none:live": "none:live"} {
		a := s.invoke(t, Call{Function: name})
		want := `{"Message":"Function not found: arn:aws:lambda:eu-west-1:123456789012:function:` + arn + `","Type":"User"}`
		if a.Status != 404 || a.Exception != "ResourceNotFoundException" || string(a.Payload) != want {
			t.Errorf("%s: %+v %s", name, a, a.Payload)
		}
		if dry := s.invoke(t, Call{Function: name, Dry: true}); dry.Status != 404 {
			t.Errorf("%s, dry: %+v", name, dry)
		}
	}
	if dry := s.invoke(t, Call{Function: "echo", Dry: true}); dry.Status != 204 || dry.Payload != nil {
		t.Errorf("%+v", dry)
	}
}

func TestVersionsAndAliases(t *testing.T) {
	t.Parallel()
	s := newStage(t, Options{})
	for _, layer := range []string{"old", "new"} {
		s.publish(t, Function{Handler: "read", Layers: []string{tree(t, "data="+layer)}, Environment: map[string]string{"FILE": "/opt/data"}})
	}
	says := func(name, want, version string) {
		t.Helper()
		a := s.invoke(t, Call{Function: name, Payload: []byte(`["$FILE","$AWS_LAMBDA_FUNCTION_VERSION"]`)})
		if got := string(a.Payload); !strings.Contains(got, want) || a.Version != version {
			t.Errorf("%s: version %s %s, want %s %s", name, a.Version, got, version, want)
		}
	}
	says("read", "new", "$LATEST")
	says("read:1", "old", "1")
	says("read:2", "new", "2")
	point := func(a Alias) {
		t.Helper()
		if err := s.Point("read", a); err != nil {
			t.Fatal(err)
		}
	}
	point(Alias{Name: "live", Version: "1"})
	says("read:live", "old", "1")
	says("arn:aws:lambda:eu-west-1:123456789012:function:read:live", "old", "1")
	point(Alias{Name: "live", Version: "1", Canary: "2", Share: 1})
	says("read:live", "new", "2")
	point(Alias{Name: "live", Version: "1", Canary: "2", Share: 0.5})
	ran := map[string]int{}
	for range 60 {
		ran[s.invoke(t, Call{Function: "read:live", Payload: []byte(`[]`)}).Version]++
	}
	if ran["1"] < 5 || ran["2"] < 5 || ran["1"]+ran["2"] != 60 {
		t.Errorf("half and half: %v", ran)
	}
	for _, wrong := range []Alias{{Name: "live", Version: "3"}, {Name: "7", Version: "1"}, {Name: "live"}, {Name: "live", Version: "1", Share: 0.1}} {
		if s.Point("read", wrong) == nil {
			t.Errorf("%+v was taken", wrong)
		}
	}
}

func TestHeadersOfAnInvocation(t *testing.T) {
	t.Parallel()
	s := newStage(t, Options{Region: "eu-west-2", Account: "111122223333"})
	s.publish(t, Function{Handler: "headers", Timeout: 7 * time.Second})
	if err := s.Point("headers", Alias{Name: "live", Version: "1"}); err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	a := s.invoke(t, Call{Function: "headers:live", ClientContext: "eyJjdXN0b20iOnt9fQ==", Trace: "Root=1-2-3"})
	var h http.Header
	if err := json.Unmarshal(a.Payload, &h); err != nil {
		t.Fatal(err)
	}
	deadline, err := strconv.ParseInt(h.Get("Lambda-Runtime-Deadline-Ms"), 10, 64)
	if left := time.UnixMilli(deadline).Sub(before); err != nil || left < 6*time.Second || left > 20*time.Second {
		t.Errorf("deadline in %s, %v", left, err)
	}
	for name, want := range map[string]string{"Lambda-Runtime-Aws-Request-Id": a.Request, "Lambda-Runtime-Trace-Id": "Root=1-2-3",
		"Lambda-Runtime-Client-Context":       `{"custom":{}}`,
		"Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-2:111122223333:function:headers:live"} {
		if h.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, h.Get(name), want)
		}
	}
}

func TestEveryCallUnderWayHasAnEnvironment(t *testing.T) {
	t.Parallel()
	s := newStage(t, Options{})
	s.publish(t, Function{Handler: "meet", Timeout: 20 * time.Second})
	file := filepath.Join(t.TempDir(), "go")
	pids := make(chan string, 5)
	for range 5 {
		go func() {
			a, err := s.Invoke(t.Context(), Call{Function: "meet", Payload: fmt.Appendf(nil, "%q", file)})
			if err != nil || a.Error != "" {
				t.Errorf("%+v %v", a, err)
			}
			pids <- string(a.Payload)
		}()
	}
	v, _ := s.resolve("meet")
	until(t, "five environments", func() bool {
		v.version.mu.Lock()
		defer v.version.mu.Unlock()
		return len(v.version.all) == 5
	})
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	different := map[string]bool{}
	for range 5 {
		different[<-pids] = true
	}
	if len(different) != 5 {
		t.Errorf("%d environments for five calls at once", len(different))
	}
	for range 5 { // with its record an environment is free again
		<-s.records
	}
	next := func() string {
		a := s.invoke(t, Call{Function: "meet", Payload: fmt.Appendf(nil, "%q", file)})
		<-s.records
		return string(a.Payload)
	}
	last := next()
	for range 3 {
		if pid := next(); pid != last {
			t.Errorf("environment %s, want the one used last, %s", pid, last)
		}
	}
}

func TestConcurrencyHasItsLimits(t *testing.T) {
	t.Parallel()
	one, none := 1, 0
	for name, test := range map[string]struct {
		opt    Options
		f      Function
		reason string
	}{
		"reserved": {Options{}, Function{Reserved: &one}, "ReservedFunctionConcurrentInvocationLimitExceeded"},
		"account":  {Options{Concurrency: 1}, Function{}, "ConcurrentInvocationLimitExceeded"},
		"off":      {Options{}, Function{Reserved: &none}, "ReservedFunctionConcurrentInvocationLimitExceeded"},
	} {
		s := newStage(t, test.opt)
		test.f.Handler, test.f.Timeout = "meet", 20*time.Second
		s.publish(t, test.f)
		file := filepath.Join(t.TempDir(), "go")
		call := Call{Function: "meet", Payload: fmt.Appendf(nil, "%q", file)}
		first := make(chan Answer, 1)
		if name != "off" {
			go func() { first <- s.invoke(t, call) }()
			until(t, "the first is under way", func() bool {
				s.limits.mu.Lock()
				defer s.limits.mu.Unlock()
				return s.limits.running["meet"] == 1
			})
		}
		a := s.invoke(t, call)
		want := `{"Reason":"` + test.reason + `","Type":"User","message":"Rate Exceeded."}`
		if a.Status != 429 || a.Exception != "TooManyRequestsException" || string(a.Payload) != want {
			t.Errorf("%s: %+v %s", name, a, a.Payload)
		}
		if name == "off" {
			continue
		}
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		<-first
		until(t, "there is room again", func() bool { return s.invoke(t, call).Status == 200 })
	}
}

func TestBurstRefillsAndDoesNotGrow(t *testing.T) {
	t.Parallel()
	l, now := newLimits(5000), time.Now()
	for i := range 1001 {
		if l.grow("f", now) != (i < 1000) {
			t.Fatalf("environment %d", i)
		}
	}
	if !l.grow("other", now) || l.grow("f", now.Add(5*time.Millisecond)) || !l.grow("f", now.Add(10*time.Millisecond)) {
		t.Error("a hundred a second come back, to each function its own")
	}
	for i := range 1001 {
		if l.grow("f", now.Add(time.Hour)) != (i < 1000) {
			t.Fatalf("after an hour, environment %d", i)
		}
	}
}

func TestPayloads(t *testing.T) {
	t.Parallel()
	s := newStage(t, Options{})
	s.publish(t, Function{Handler: "big", Timeout: 30 * time.Second, Memory: 1769})
	s.publish(t, Function{Handler: "echo", Timeout: 30 * time.Second, Memory: 1769})
	whole := append(append([]byte{'"'}, bytes.Repeat([]byte("x"), maxSync-2)...), '"')
	if a := s.invoke(t, Call{Function: "echo", Payload: whole}); !bytes.Equal(a.Payload, whole) {
		t.Errorf("6 MB there and back: %d bytes, %s", len(a.Payload), a.Error)
	}
	for _, test := range []struct {
		call   Call
		status int
		want   string
	}{
		{Call{Function: "echo", Payload: append(whole, ' ')}, 413, `{"Type":"User","message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}`},
		{Call{Function: "echo", Payload: whole[:maxAsync+1], Event: true}, 413, `{"Type":"User","message":"Request must be smaller than 1048576 bytes for the InvokeFunction operation"}`},
		{Call{Function: "echo", Payload: []byte("{")}, 400, `{"Type":"User","message":"Could not parse request body into json: Could not parse payload into json"}`},
		{Call{Function: "echo", ClientContext: "{}"}, 400, `{"Type":"User","message":"Client context must be a valid Base64-encoded JSON object."}`},
		{Call{Function: "echo"}, 200, "{}"},
		{Call{Function: "big", Payload: []byte("6291557")}, 200, `{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}`},
	} {
		if a := s.invoke(t, test.call); a.Status != test.status || string(a.Payload) != test.want {
			t.Errorf("%d %.200s, want %d %s", a.Status, a.Payload, test.status, test.want)
		}
	}
	if a := s.invoke(t, Call{Function: "big", Payload: []byte("6291556")}); len(a.Payload) != 6291556 {
		t.Errorf("%d bytes", len(a.Payload))
	}
}

func TestLogTailIsTheLastFourKilobytes(t *testing.T) {
	t.Parallel()
	s := newStage(t, Options{})
	s.publish(t, Function{Handler: "talk"})
	a := s.invoke(t, Call{Function: "talk", Tail: true})
	tail := string(a.LogTail)
	if len(tail) != 4096 || !strings.Contains(tail, "line 799\nno end of line\nEND RequestId: "+a.Request+"\nREPORT RequestId: "+a.Request+"\tDuration: ") {
		t.Errorf("%d bytes: …%s", len(tail), tail[max(0, len(tail)-300):])
	}
	if strings.Contains(tail, "Init Duration") != true || !strings.HasSuffix(tail, " ms\t\n") {
		t.Errorf("the end is %q", tail[len(tail)-40:])
	}
}

func TestTheAnswerDoesNotWaitForWhatComesAfterIt(t *testing.T) {
	t.Parallel()
	s := newStage(t, Options{})
	s.publish(t, Function{Handler: "after"})
	s.invoke(t, Call{Function: "after", Tail: true})
	if r := <-s.records; r.Duration < 160*time.Millisecond {
		t.Errorf("the record leaves out the work after the answer: %s", r.Duration)
	}
	began := time.Now()
	a := s.invoke(t, Call{Function: "after", Payload: []byte("1")})
	if took := time.Since(began); took > 140*time.Millisecond || string(a.Payload) != "1" {
		t.Errorf("answered after %s: %s", took, a.Payload)
	}
	if len(s.records) != 0 {
		t.Error("recorded before it was over")
	}
	s.invoke(t, Call{Function: "after", Tail: true})
	for range 2 {
		if r := <-s.records; r.Init != 0 {
			t.Error("a call that came while the runtime was about to be free had a cold start")
		}
	}
}

func TestStream(t *testing.T) {
	t.Parallel()
	s := newStage(t, Options{})
	for handler, want := range map[string]string{"stream": "one two three", "echo": "{}", "error": ""} {
		s.publish(t, Function{Handler: handler})
		var got bytes.Buffer
		begun := 0
		a, err := s.Stream(t.Context(), Call{Function: handler}, func(version, request string) { begun++ }, &got)
		if err != nil || a.Status != 200 || got.String() != want || begun != 1 || (a.Error != "") != (handler == "error") {
			t.Errorf("%s: %+v %v %q, begun %d times", handler, a, err, got.String(), begun)
		}
	}
	if a, err := s.Stream(t.Context(), Call{Function: "none"}, func(string, string) { t.Error("begun") }, io.Discard); err != nil || a.Status != 404 {
		t.Errorf("%+v %v", a, err)
	}
}

func TestAsynchronousCalls(t *testing.T) {
	t.Parallel()
	lost := make(chan Loss, 1)
	s := newStage(t, Options{Pause: time.Millisecond, Lost: func(l Loss) { lost <- l }})
	s.publish(t, Function{Handler: "error"})
	s.publish(t, Function{Name: "sent", Handler: "error", OnFailure: "echo"})
	s.publish(t, Function{Handler: "echo"})
	a := s.invoke(t, Call{Function: "error", Payload: []byte(`{"n":1}`), Event: true})
	if a.Status != 202 || a.Payload != nil || a.Request == "" {
		t.Errorf("%+v", a)
	}
	l := <-lost
	if l.Tries != 3 || l.Answer.Request != a.Request || string(l.Answer.Payload) != `{"errorMessage":"no","errorType":"Refused"}` {
		t.Errorf("%+v", l)
	}
	for range 3 {
		if r := <-s.records; r.Request != a.Request || r.Error != "Refused" {
			t.Errorf("%+v", r)
		}
	}
	var record struct {
		RequestContext struct {
			Condition              string
			ApproximateInvokeCount int
		}
		RequestPayload, ResponsePayload map[string]any
	}
	if err := json.Unmarshal(l.Record, &record); err != nil || record.RequestContext.Condition != "RetriesExhausted" ||
		record.RequestContext.ApproximateInvokeCount != 3 || record.ResponsePayload["errorType"] != "Refused" {
		t.Errorf("%s %v", l.Record, err)
	}
	s.invoke(t, Call{Function: "sent", Event: true})
	for range 4 {
		r := <-s.records
		if r.Function == "echo" && r.Error != "" {
			t.Errorf("%+v", r)
		}
	}
}

func TestExtensions(t *testing.T) {
	t.Parallel()
	s := newStage(t, Options{})
	s.publish(t, Function{Handler: "echo", Layers: []string{tree(t, "extensions/watcher=")}})
	for range 2 {
		if a := s.invoke(t, Call{Function: "echo", Tail: true}); string(a.Payload) != "{}" {
			t.Fatalf("%s %s", a.Payload, a.LogTail)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
	close(s.lines)
	var all []string
	for line := range s.lines {
		if strings.Contains(line, "EXTENSION") || strings.Contains(line, "watcher has") {
			all = append(all, line)
		}
	}
	want := "EXTENSION\tName: watcher\tState: Ready\tEvents: [INVOKE,SHUTDOWN]|watcher has INVOKE |watcher has INVOKE |watcher has SHUTDOWN spindown"
	if got := strings.Join(all, "|"); got != want {
		t.Errorf("log %q\nwant %q", got, want)
	}
}

func TestAnExtensionMayWaitForTheRuntimesEnd(t *testing.T) {
	t.Parallel()
	s := newStage(t, Options{})
	s.publish(t, Function{Handler: "echo", Timeout: 20 * time.Second, Layers: []string{tree(t, "extensions/listener=")}})
	for range 2 {
		if a := s.invoke(t, Call{Function: "echo", Tail: true}); a.Error != "" {
			t.Fatalf("%s\n%s", a.Payload, a.LogTail)
		}
	}
	heard := map[string]int{}
	for len(s.lines) > 0 {
		if kind, is := strings.CutPrefix(<-s.lines, "heard "); is {
			heard[kind]++
		}
	}
	for kind, n := range map[string]int{"platform.initStart": 1, "platform.telemetrySubscription": 1, "platform.extension": 1, "platform.initRuntimeDone": 1,
		"platform.initReport": 1, "platform.start": 2, "function": 2, "platform.runtimeDone": 2} {
		if heard[kind] != n {
			t.Errorf("%s: heard %d times, want %d (%v)", kind, heard[kind], n, heard)
		}
	}
}

func TestExtensionsThatFail(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"deaf":  `{"errorType":"Extension.Crash","errorMessage":"RequestId: ID Error: exit status 3"}`,
		"brief": `{"errorType":"Extension.Crash","errorMessage":"RequestId: ID Error: exit code 0"}`,
		"mute":  `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ID Error: Task timed out after 0.50 seconds"}`,
	} {
		s := newStage(t, Options{})
		f := Function{Handler: "hang", Timeout: 20 * time.Second, Memory: 1769, Layers: []string{tree(t, "extensions/"+name+"=")}}
		if name == "mute" {
			s.initLimit, f.Timeout = 500*time.Millisecond, 500*time.Millisecond
		}
		s.publish(t, f)
		a := s.invoke(t, Call{Function: "hang"})
		if got := strings.ReplaceAll(string(a.Payload), a.Request, "ID"); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestCloseWaitsForWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	s := newStage(t, Options{})
	s.publish(t, Function{Handler: "after"})
	answered := make(chan Answer, 1)
	go func() {
		a, _ := s.Invoke(context.Background(), Call{Function: "after", Payload: []byte("1"), Tail: true})
		answered <- a
	}()
	until(t, "the call is under way", func() bool {
		s.limits.mu.Lock()
		defer s.limits.mu.Unlock()
		return s.limits.running["after"] == 1
	})
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if a := <-answered; string(a.Payload) != "1" || len(s.records) != 1 {
		t.Errorf("%+v, %d records", a, len(s.records))
	}
	if _, err := s.Invoke(t.Context(), Call{Function: "after"}); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
