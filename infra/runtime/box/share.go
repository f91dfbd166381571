package box

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Groups are the control groups that give environments their share. A nil *Groups gives none.
type Groups struct {
	base  []string // one folder with version 2; with version 1 one for the processor, one for memory
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
const pattern = "banyan-lambda-*"

// OpenGroups makes a place for control groups below this process's own; nil where that is not permitted, or there are none.
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
		dir, err := os.MkdirTemp(parent, pattern)
		if err != nil {
			g.Close()
			return nil
		}
		g.base = append(g.base, dir)
	}
	return g
}

// openTwo makes a group whose own groups have a share each; that needs the controllers, which a parent with processes of its
// own cannot hand down unless it is the root.
func openTwo(parent string) (*Groups, error) {
	if err := os.WriteFile(filepath.Join(parent, "cgroup.subtree_control"), []byte("+cpu +memory"), 0o644); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(parent, pattern)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+cpu +memory"), 0o644); err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	return &Groups{base: []string{dir}, two: true}, nil
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

// Close removes the share of processes that are dead; the kernel may take a moment to see that they are.
func (s *Share) Close() {
	if s == nil {
		return
	}
	for _, dir := range s.dirs {
		for range 50 {
			if err := os.Remove(dir); err == nil || errors.Is(err, os.ErrNotExist) {
				break
			}
			time.Sleep(2 * time.Millisecond)
		}
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
}
