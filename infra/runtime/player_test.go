package runtime

import (
	"strings"
	"testing"
	"time"
)

func TestEchoIsColdOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, Options{})
	s.publish(t, Function{Handler: "echo", Memory: 256})
	for i := range 3 {
		a := s.invoke(t, Call{Function: "echo", Payload: []byte(`{"gift":1}`)})
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
