// Package rig measures a proxy from outside: it runs programs as processes of their own, asks them as browsers do, and reads what they
// have cost from the kernel's own clocks.
package rig

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Process is a running program, with the processes that it has started.
type Process struct {
	cmd  *exec.Cmd
	Addr string // where it listens
}

// Self runs this program in a role; it prints its address when it is ready.
func Self(args ...string) (*Process, error) {
	me, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(me, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	return &Process{cmd, strings.TrimSpace(line)}, err
}

// Foreign runs another program that listens at addr; what it prints goes to out.
func Foreign(addr string, out io.Writer, name string, args ...string) (*Process, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		path = filepath.Join("/usr/sbin", name)
	}
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w; apt-get install %s", err, name)
	}
	p := &Process{cmd, addr}
	for range 200 {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return p, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.Stop()
	return nil, errors.New("it does not listen")
}

// Stop ends the program, kindly first.
func (p *Process) Stop() {
	p.cmd.Process.Signal(os.Interrupt)
	done := make(chan bool)
	go func() { p.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(3 * time.Second):
		p.cmd.Process.Kill()
		<-done
	}
}

// family is the process and its children.
func (p *Process) family() []string {
	pid := strconv.Itoa(p.cmd.Process.Pid)
	all := []string{pid}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, s := range stats {
		if f := fields(s); len(f) > 1 && f[1] == pid {
			all = append(all, filepath.Base(filepath.Dir(s)))
		}
	}
	return all
}

// fields of a stat file, from the state on.
func fields(file string) []string {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	return strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
}

// CPU is the time that the family has used, in user and in kernel mode, by the kernel's own clock of each process: /proc counts in
// hundredths of a second.
func (p *Process) CPU() (total time.Duration) {
	for _, pid := range p.family() {
		n, _ := strconv.Atoi(pid)
		const wholeProcess = 2 // CPUCLOCK_SCHED, as clock_getcpuclockid makes it
		var t unix.Timespec
		if unix.ClockGettime(int32(^n<<3|wholeProcess), &t) == nil {
			total += time.Duration(t.Nano())
		}
	}
	return total
}

// Resident is the family's memory in KiB.
func (p *Process) Resident() (kib int64) {
	for _, pid := range p.family() {
		if f := fields("/proc/" + pid + "/stat"); len(f) > 21 {
			pages, _ := strconv.ParseInt(f[21], 10, 64)
			kib += pages * int64(os.Getpagesize()) >> 10
		}
	}
	return kib
}

// LoadAverage is how busy the machine is, by the kernel's words.
func LoadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(b))
}

// Median is the middle one of the values.
func Median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}
