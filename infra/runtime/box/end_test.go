package box

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stat is a process's state and session; empty and zero: it is gone.
func stat(pid int) (state string, session int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", 0
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if fields[0] == "Z" {
		return "", 0
	}
	session, _ = strconv.Atoi(fields[3])
	return fields[0], session
}

func groups(t *testing.T) *Groups {
	t.Helper()
	g := OpenGroups()
	if g == nil {
		t.Skip("no control groups are permitted here")
	}
	t.Cleanup(g.Close)
	return g
}

// A daemon that has left its group, its session and its variables behind is under the share yet.
func TestShareEndsWithWhateverIsUnderIt(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip(err)
	}
	s, err := groups(t).New(128)
	if err != nil {
		t.Fatal(err)
	}
	dir, l := t.TempDir(), &lines{}
	p := script(t, lay(t, true), "cd "+dir+"; while [ ! -e go ]; do sleep 0.01; done; env -i setsid sleep 600 & echo $!; wait", s, l)
	if !p.Shared() {
		t.Fatal("the share does not hold")
	}
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var pid int
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		if all := l.list(); len(all) > 0 {
			pid, _ = strconv.Atoi(all[0])
		}
		if _, session := stat(pid); pid > 0 && session == pid {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("no daemon within 10 s: %q", l.list())
		}
	}
	t.Cleanup(func() {
		if state, _ := stat(pid); state != "" {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	p.Signal(syscall.SIGKILL)
	<-p.Exited()
	if state, _ := stat(pid); state == "" {
		t.Fatal("the daemon was in the group: this proves nothing")
	}
	s.Close()
	if state, _ := stat(pid); state != "" {
		t.Errorf("the daemon is in state %s", state)
	}
	for _, dir := range s.dirs {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

// What a player left that was killed is removed by the next one; what belongs to one that lives is not, though it is empty.
func TestGroupsOfDeadPlayersAreRemoved(t *testing.T) {
	t.Parallel()
	dead, alive := groups(t), groups(t)
	if _, err := dead.New(128); err != nil {
		t.Fatal(err)
	}
	dead.release()
	groups(t)
	for _, dir := range dead.base {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s of a dead player: %v", dir, err)
		}
	}
	s, err := alive.New(128)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}

func FuzzNumbers(f *testing.F) {
	f.Add([]byte("1\n12\n0\n-1\nx\n99999999999999999999\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, pid := range numbers(text) {
			if pid <= 1 || pid == os.Getpid() {
				t.Errorf("%q: %d would be killed", text, pid)
			}
		}
	})
}
