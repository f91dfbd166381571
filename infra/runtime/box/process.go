package box

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// Process is one program of an environment with all that it starts: a process group. Safe for concurrent use.
type Process struct {
	cmd    *exec.Cmd
	output *Output
	exited chan struct{}
	state  string
	shared bool
	status *os.File // in /proc; nil where there is none
}

// Start starts a program in the root, under a share. Its output goes to line, from a goroutine or from Sync, one line at a time.
func (r *Root) Start(program string, environment []string, share *Share, line func([]byte)) (*Process, error) {
	output, write, err := newOutput(line)
	if err != nil {
		return nil, err
	}
	defer write.Close()
	cmd := exec.Command(program)
	cmd.Dir = r.Task
	cmd.Env = environment
	cmd.Stdout, cmd.Stderr = write, write
	cmd.SysProcAttr = attributes()
	if err := r.thread.do(cmd.Start); err != nil {
		output.close()
		return nil, err
	}
	p := &Process{cmd: cmd, output: output, exited: make(chan struct{})}
	if status, err := os.Open(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)); err == nil { // kept open: it is read after each invocation
		p.status = status
	}
	p.shared = share.Add(cmd.Process.Pid) == nil && share != nil
	go output.follow()
	go func() {
		cmd.Wait() // its error is in the state
		p.state = cmd.ProcessState.String()
		if cmd.ProcessState.Success() {
			p.state = ""
		}
		p.Signal(syscall.SIGKILL) // what it left behind
		output.Sync()
		output.close()
		p.status.Close()
		close(p.exited)
	}()
	return p, nil
}

// Exited is closed when the program has ended; its group is dead then, and its output read.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// State is how it ended: empty for exit status 0, else "exit status 1" or "signal: killed". Only after Exited is closed.
func (p *Process) State() string { return p.state }

// Shared says whether the share holds for this program.
func (p *Process) Shared() bool { return p.shared }

// Signal sends a signal to the whole group. Once the program has ended it does nothing: the number may be another's.
func (p *Process) Signal(s syscall.Signal) {
	select {
	case <-p.exited:
	default:
		syscall.Kill(-p.cmd.Process.Pid, s)
	}
}

// Sync reads what the group has written up to now.
func (p *Process) Sync() { p.output.Sync() }

// Peak is how much memory the program has had at most, in bytes; zero where the system does not say, or does not any more.
func (p *Process) Peak() int64 {
	if p.status == nil {
		return 0
	}
	var buffer [2048]byte // what it says of memory comes in the first thousand
	n, err := p.status.ReadAt(buffer[:], 0)
	if n == 0 && err != nil {
		return 0
	}
	return peak(buffer[:n])
}

// peak finds the high water mark in a /proc/PID/status.
func peak(status []byte) int64 {
	_, rest, _ := bytes.Cut(status, []byte("\nVmHWM:"))
	line, _, whole := bytes.Cut(rest, []byte("\n"))
	number, unit, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
	kb, err := strconv.ParseInt(string(number), 10, 64)
	if !whole || err != nil || kb < 0 || kb > 1<<40 || string(unit) != "kB" {
		return 0
	}
	return kb << 10
}
