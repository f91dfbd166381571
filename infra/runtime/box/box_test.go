package box

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// lines gathers output.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) take(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, string(line))
}

func (l *lines) list() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

// script starts a shell script.
func script(t *testing.T, r *Root, text string, share *Share, l *lines) *Process {
	t.Helper()
	file := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	var p *Process
	var err error
	for range 100 { // another test's fork may hold the file open for a moment
		if p, err = r.Start(file, nil, share, l.take); err == nil || !strings.Contains(err.Error(), "text file busy") {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Signal(syscall.SIGKILL)
		<-p.Exited()
	})
	return p
}

func lay(t *testing.T, rewrite bool) *Root {
	t.Helper()
	r, err := Lay(t.TempDir(), t.TempDir(), nil, rewrite)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestOutputIsReadWhenItIsAskedFor(t *testing.T) {
	t.Parallel()
	l := &lines{}
	p := script(t, lay(t, true), "echo one\necho two >&2\nprintf three\nkill -STOP $$\n", nil, l)
	for end := time.Now().Add(10 * time.Second); len(l.list()) < 3; p.Sync() {
		if time.Now().After(end) {
			t.Fatalf("only %q within 10 s", l.list())
		}
	}
	if got := fmt.Sprint(l.list()); got != "[one two three]" {
		t.Errorf("lines %s", got)
	}
}

func TestLongLinesAreCut(t *testing.T) {
	t.Parallel()
	var got []int
	o := &Output{line: func(line []byte) { got = append(got, len(line)) }}
	o.split([]byte(strings.Repeat("x", maxLine+10)))
	o.split([]byte("y\nz\n\n"))
	if want := []int{maxLine, 11, 1, 0}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestHowAProgramEnds(t *testing.T) {
	t.Parallel()
	r := lay(t, false)
	for text, want := range map[string]string{"exit 0": "", "exit 127": "exit status 127", "kill -9 $$": "signal: killed"} {
		p := script(t, r, text, nil, &lines{})
		<-p.Exited()
		if p.State() != want {
			t.Errorf("%s: %q, want %q", text, p.State(), want)
		}
		if p.Peak() != 0 {
			t.Errorf("%s: a dead program has %d bytes", text, p.Peak())
		}
	}
}

func TestValuesThatNameTheFolders(t *testing.T) {
	t.Parallel()
	r := &Root{Task: "/x/code", Opt: "/x/opt"}
	for value, want := range map[string]string{"/opt": "/x/opt", "/opt/banyan": "/x/opt/banyan", "/var/task/a": "/x/code/a", "/optional": "/optional",
		"a/opt/b": "a/opt/b", "": ""} {
		if got := r.Seen(value); got != want {
			t.Errorf("%q is seen as %q, want %q", value, got, want)
		}
	}
}

func TestShareOfTheProcessor(t *testing.T) {
	t.Parallel()
	g := OpenGroups()
	if g == nil {
		t.Skip("no control groups are permitted here")
	}
	defer g.Close()
	s, err := g.New(442) // a quarter
	if err != nil {
		t.Fatal(err)
	}
	p := script(t, lay(t, true), "while :; do :; done", s, &lines{})
	if !p.Shared() {
		t.Fatal("the share does not hold")
	}
	if err := s.Limit(); err != nil {
		t.Fatal(err)
	}
	used := func() time.Duration {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		var user, system int64
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		fmt.Sscan(fields[11], &user)
		fmt.Sscan(fields[12], &system)
		return time.Duration(user+system) * 10 * time.Millisecond
	}
	before, began := used(), time.Now()
	time.Sleep(600 * time.Millisecond)
	if share := float64(used()-before) / float64(time.Since(began)); share > 0.35 {
		t.Errorf("a quarter of a processor was %.2f", share)
	}
	p.Signal(syscall.SIGKILL)
	<-p.Exited()
	s.Close()
}

func TestPlacesOfControlGroups(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ mounts, own, want string }{
		{"cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", "0::/user.slice\n", "[/sys/fs/cgroup/user.slice /sys/fs/cgroup]  "},
		{"cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", "0::/\n", "[/sys/fs/cgroup]  "},
		{"cgroup /sys/fs/cgroup/cpu cgroup rw,cpu,cpuacct 0 0\ncgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n",
			"3:memory:/m\n2:cpu,cpuacct:/c\n", "[] /sys/fs/cgroup/cpu/c /sys/fs/cgroup/memory/m"},
		{"", "", "[]  "},
	} {
		two, cpu, memory := places(test.mounts, test.own)
		if got := fmt.Sprint(two, " ", cpu, " ", memory); strings.ReplaceAll(got, "  ", " ") != strings.ReplaceAll(test.want, "  ", " ") {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

func FuzzPeak(f *testing.F) {
	f.Add([]byte("Name:\tx\nVmHWM:\t    1234 kB\nVmRSS:\t 1 kB\n"))
	f.Add([]byte("\nVmHWM:\t9999999999999999999 kB\n"))
	f.Fuzz(func(t *testing.T, status []byte) {
		if peak(status) < 0 {
			t.Errorf("%q", status)
		}
	})
}

func FuzzPlaces(f *testing.F) {
	f.Add("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", "0::/\n")
	f.Fuzz(func(t *testing.T, mounts, own string) { places(mounts, own) })
}

func TestPeak(t *testing.T) {
	t.Parallel()
	if n := peak([]byte("Name:\tx\nVmHWM:\t    1234 kB\nVmRSS:\t 1 kB\n")); n != 1234<<10 {
		t.Errorf("%d", n)
	}
}
