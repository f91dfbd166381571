package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// process is a running proxy, with the processes that it has started.
type process struct {
	cmd  *exec.Cmd
	addr string
}

// self runs this program in a role; it prints its address when it is ready.
func self(args ...string) (*process, error) {
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
	return &process{cmd, strings.TrimSpace(line)}, err
}

// foreign runs another program that listens at addr; what it prints goes to out.
func foreign(addr string, out io.Writer, name string, args ...string) (*process, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		path = filepath.Join("/usr/sbin", name)
	}
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w; apt-get install %s", err, name)
	}
	p := &process{cmd, addr}
	for range 200 {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return p, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.stop()
	return nil, errors.New("it does not listen")
}

func (p *process) stop() {
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
func (p *process) family() []string {
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

// cpu is the time that the family has used, in user and in kernel mode, by the kernel's own clock of each process: /proc counts in
// hundredths of a second.
func (p *process) cpu() (total time.Duration) {
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

// resident is the family's memory in KiB.
func (p *process) resident() (kib int64) {
	for _, pid := range p.family() {
		if f := fields("/proc/" + pid + "/stat"); len(f) > 21 {
			pages, _ := strconv.ParseInt(f[21], 10, 64)
			kib += pages * int64(os.Getpagesize()) >> 10
		}
	}
	return kib
}
