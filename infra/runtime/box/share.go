package box

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// Groups are the control groups that give environments their share. A nil *Groups gives none.
type Groups struct {
	base  []string   // one folder with version 2; with version 1 one for the processor, one for memory
	locks []*os.File // of base, held while the player lives
	two   bool
	count atomic.Int64
}

// Share is one environment's. A nil *Share limits nothing.
type Share struct {
	groups *Groups
	dirs   []string
	memory int // MB
}

// period is what a share of the processor is given out by, as on AWS; a fifth of the kernel's own.
const period = 20 * time.Millisecond

// pattern names a player's groups; a process may have several players.
const pattern = "banyan-player-*"

// OpenGroups makes a place for control groups below this process's own; nil where that is not permitted, or there are none.
// It removes what players that were killed have left there, but where something still runs.
func OpenGroups() *Groups {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil
	}
	two, cpu, memory := places(string(mounts), string(own))
	for _, parent := range two {
		if g, err := openTwo(parent); err == nil {
			return g
		}
	}
	if cpu == "" || memory == "" {
		return nil
	}
	g := &Groups{}
	for _, parent := range []string{cpu, memory} {
		if err := g.open(parent); err != nil {
			g.Close()
			return nil
		}
	}
	return g
}

// open makes the player's folder in a parent, and removes those of dead players: whose lock is free. The parent's lock keeps
// others from seeing the new folder before it has its own.
func (g *Groups) open(parent string) error {
	alone, err := os.Open(parent)
	if err != nil {
		return err
	}
	defer alone.Close()
	if err := syscall.Flock(int(alone.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	defer syscall.Flock(int(alone.Fd()), syscall.LOCK_UN)
	old, _ := filepath.Glob(filepath.Join(parent, pattern)) // fails only where the pattern is wrong
	for _, dir := range old {
		sweep(dir)
	}
	dir, err := os.MkdirTemp(parent, pattern)
	if err != nil {
		return err
	}
	g.base = append(g.base, dir)
	lock, err := os.Open(dir)
	if err != nil {
		return err
	}
	g.locks = append(g.locks, lock)
	return syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

// sweep removes a dead player's folder with those of its environments, where they are empty.
func sweep(dir string) {
	lock, err := os.Open(dir)
	if err != nil {
		return
	}
	defer lock.Close()
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return
	}
	defer syscall.Flock(int(lock.Fd()), syscall.LOCK_UN)
	shares, _ := filepath.Glob(filepath.Join(dir, "[1-9]*"))
	for _, share := range shares {
		os.Remove(share) // not one with processes: the kernel keeps it
	}
	os.Remove(dir)
}

// openTwo makes a group whose own groups have a share each; that needs the controllers, which a parent with processes of its
// own cannot hand down unless it is the root.
func openTwo(parent string) (*Groups, error) {
	if err := os.WriteFile(filepath.Join(parent, "cgroup.subtree_control"), []byte("+cpu +memory"), 0o644); err != nil {
		return nil, err
	}
	g := &Groups{two: true}
	err := g.open(parent)
	if err == nil {
		err = os.WriteFile(filepath.Join(g.base[0], "cgroup.subtree_control"), []byte("+cpu +memory"), 0o644)
	}
	if err != nil {
		g.Close()
		return nil, err
	}
	return g, nil
}

// places finds where control groups can be made: version 2's folders, this process's own before the root; version 1's for
// the processor and for memory.
func places(mounts, own string) (two []string, cpu, memory string) {
	paths := map[string]string{}
	for line := range strings.Lines(own) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) == 3 {
			for controller := range strings.SplitSeq(parts[1], ",") {
				paths[controller] = parts[2]
			}
		}
	}
	for line := range strings.Lines(mounts) {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		switch options := "," + f[3] + ","; {
		case f[2] == "cgroup2":
			two = append(two, filepath.Join(f[1], paths[""]))
			if p := paths[""]; p != "" && p != "/" {
				two = append(two, f[1])
			}
		case f[2] == "cgroup" && strings.Contains(options, ",cpu,"):
			cpu = filepath.Join(f[1], paths["cpu"])
		case f[2] == "cgroup" && strings.Contains(options, ",memory,"):
			memory = filepath.Join(f[1], paths["memory"])
		}
	}
	return two, cpu, memory
}

// New makes the share of an environment with so much memory. Memory is limited from the start, the processor from Limit on:
// an init has the whole of it, as a start on AWS has more than its share.
func (g *Groups) New(memory int) (*Share, error) {
	if g == nil {
		return nil, nil
	}
	s := &Share{groups: g, memory: memory}
	name := strconv.FormatInt(g.count.Add(1), 10)
	for _, base := range g.base {
		dir := filepath.Join(base, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			s.Close()
			return nil, err
		}
		s.dirs = append(s.dirs, dir)
	}
	bytes, file := strconv.Itoa(memory<<20), "memory.limit_in_bytes"
	if g.two {
		file = "memory.max"
	}
	if err := os.WriteFile(filepath.Join(s.dirs[len(s.dirs)-1], file), []byte(bytes), 0o644); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Add puts a process, and what it starts from now on, under the share.
func (s *Share) Add(pid int) error {
	if s == nil {
		return nil
	}
	var wrong error
	for _, dir := range s.dirs {
		wrong = errors.Join(wrong, os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644))
	}
	return wrong
}

// Limit gives the environment its share of the processor: 1,769 MB are one.
func (s *Share) Limit() error {
	if s == nil {
		return nil
	}
	whole := period.Microseconds()
	quota := max(int64(s.memory)*whole/1769, 1000) // the kernel's least
	if s.groups.two {
		return os.WriteFile(filepath.Join(s.dirs[0], "cpu.max"), fmt.Appendf(nil, "%d %d", quota, whole), 0o644)
	}
	return errors.Join(os.WriteFile(filepath.Join(s.dirs[0], "cpu.cfs_period_us"), fmt.Appendf(nil, "%d", whole), 0o644),
		os.WriteFile(filepath.Join(s.dirs[0], "cpu.cfs_quota_us"), fmt.Appendf(nil, "%d", quota), 0o644))
}

// Close kills what is still under the share, and removes it.
func (s *Share) Close() {
	if s == nil {
		return
	}
	for _, dir := range s.dirs {
		end(dir, s.groups.two)
	}
}

// Close removes the place. Every share is closed.
func (g *Groups) Close() {
	if g == nil {
		return
	}
	for _, dir := range g.base {
		os.Remove(dir) // what is left behind is empty, and in nobody's way
	}
	g.release()
}

// release frees the locks. By name, as closing is not enough while a process that is just being forked shares the open file.
func (g *Groups) release() {
	for _, lock := range g.locks {
		syscall.Flock(int(lock.Fd()), syscall.LOCK_UN)
		lock.Close()
	}
	g.locks = nil
}
