package box

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// The kernel needs a moment to end what is killed, and what is killed may have started something else.
const (
	rounds = 500
	pause  = 2 * time.Millisecond
)

// end kills every process of a control group, whatever group or session it has put itself into, and removes the folder.
func end(dir string, two bool) {
	for range rounds {
		if err := os.Remove(dir); err == nil || errors.Is(err, fs.ErrNotExist) {
			return
		}
		if two { // all at once, where the kernel is of 2021 or later
			os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0o644)
		}
		text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		if err != nil {
			return
		}
		for _, pid := range numbers(text) {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		time.Sleep(pause)
	}
}

// numbers are the processes of a cgroup.procs that may be killed: one of another namespace of processes is told as 0, which
// to kill means this process's own group.
func numbers(text []byte) (all []int) {
	for field := range bytes.FieldsSeq(text) {
		if pid, err := strconv.Atoi(string(field)); err == nil && pid > 1 && pid != os.Getpid() {
			all = append(all, pid)
		}
	}
	return all
}

// EndStrays kills every process that was started with a variable, NAME=VALUE, which nothing but one environment has. So
// daemons end where no control group holds them; one that has thrown its variables away does not. It does nothing where
// there is no /proc.
func EndStrays(variable string) {
	for range rounds / 10 {
		if !killStrays([]byte(variable)) {
			return
		}
		time.Sleep(pause)
	}
}

func killStrays(variable []byte) (found bool) {
	proc, err := os.Open("/proc")
	if err != nil {
		return false
	}
	defer proc.Close()
	names, _ := proc.Readdirnames(-1) // those that were read before it failed
	network, _ := os.Readlink("/proc/self/ns/net")
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil || pid <= 1 || pid == os.Getpid() {
			continue
		}
		text, err := os.ReadFile("/proc/" + name + "/environ")
		if err != nil || !slices.ContainsFunc(bytes.Split(text, []byte{0}), func(v []byte) bool { return bytes.Equal(v, variable) }) {
			continue // gone, another user's, or none of the environment's
		}
		// A container on this machine may have the same address for itself.
		if other, err := os.Readlink("/proc/" + name + "/ns/net"); err != nil || other != network {
			continue
		}
		found = true
		syscall.Kill(pid, syscall.SIGKILL)
	}
	return found
}
