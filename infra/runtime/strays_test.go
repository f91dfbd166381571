package runtime

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// numbered waits until a file holds a process's number.
func numbered(t *testing.T, file string) (pid int) {
	t.Helper()
	until(t, file, func() bool {
		text, _ := os.ReadFile(file)
		line, _, whole := bytes.Cut(text, []byte("\n"))
		pid, _ = strconv.Atoi(string(line))
		return whole && pid > 0
	})
	return pid
}

func gone(t *testing.T, pid int) {
	t.Helper()
	t.Cleanup(func() {
		if stateOf(pid) != "" {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	until(t, "end of the process", func() bool { return stateOf(pid) == "" })
}

// A daemon has left the process group and the session; the environment's end is its end all the same.
func TestTimeOutKillsDaemons(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("no /proc here")
	}
	for name, opt := range map[string]Options{"shared": {}, "whole": {Whole: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, opt)
			s.publish(t, Function{Handler: "daemon", Timeout: 500 * time.Millisecond})
			file := filepath.Join(t.TempDir(), "pid")
			if a := s.invoke(t, Call{Function: "daemon", Payload: fmt.Appendf(nil, "%q", file)}); a.Error != "Unhandled" {
				t.Fatalf("%+v", a)
			}
			gone(t, numbered(t, file))
		})
	}
}

// playAlone is a player in a process of its own, to be killed in the middle of an invocation. File is where the function
// writes its number.
func playAlone(file string) {
	opt := Options{Dir: filepath.Dir(file), Whole: true, Rewrite: filepath.Base(file) == "rewritten"}
	p, err := New(opt)
	if err == nil {
		_, err = p.Publish(Function{Name: "hold", Handler: "hold", Code: os.Getenv("BANYAN_TEST_CODE"), Memory: 128, Timeout: time.Minute})
	}
	if err == nil {
		_, err = p.Invoke(context.Background(), Call{Function: "hold", Payload: fmt.Appendf(nil, "%q", file)})
	}
	fmt.Println("not killed", err)
	os.Exit(92)
}

func TestAFunctionDiesWithItsPlayer(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("only Linux ends a child with its parent")
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for mode := range modes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), mode)
			cmd := exec.Command(program)
			cmd.Env = append(os.Environ(), "BANYAN_TEST_PLAYER="+file, "BANYAN_TEST_CODE="+code(t))
			var said strings.Builder
			cmd.Stdout, cmd.Stderr = &said, &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			pid := numbered(t, file)
			cmd.Process.Kill()
			if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
				t.Errorf("the player: %v\n%s", err, said.String())
			}
			gone(t, pid)
		})
	}
}
