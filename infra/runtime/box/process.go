package box

import (
	"bufio"
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
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := r.launch(cmd); err != nil {
		output.close()
		return nil, err
	}
	p := &Process{cmd: cmd, output: output, exited: make(chan struct{})}
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

// Peak is how much memory the program has had at most, in bytes; zero where the system does not say.
func (p *Process) Peak() int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	return peak(text)
}

// peak finds the high water mark in a /proc/PID/status.
func peak(status []byte) int64 {
	lines := bufio.NewScanner(bytes.NewReader(status))
	for lines.Scan() {
		if rest, ok := bytes.CutPrefix(lines.Bytes(), []byte("VmHWM:")); ok {
			fields := bytes.Fields(rest)
			if len(fields) == 0 {
				return 0
			}
			kb, err := strconv.ParseInt(string(fields[0]), 10, 64)
			if err != nil || kb < 0 {
				return 0
			}
			return kb << 10
		}
	}
	return 0
}
