package cutover

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
)

// Switch is the kill switch: all groups, or some, to legacy, by a file, an environment value or a signal, without a
// network and without the store (T-7). A nil Switch kills nothing. Safe for concurrent use.
type Switch struct {
	file string

	mu     sync.Mutex
	always []string // from the environment
	pulled bool     // by signal, where no file keeps it
	killed []string // in order; "all" stands for every group
}

// NewSwitch reads the environment's value, "all" or groups with spaces or commas between, and watches a file: while
// it exists, the groups that it names are killed, or all if it names none. Either may be empty.
func NewSwitch(file, env string) *Switch {
	s := &Switch{file: file, always: words(env)}
	s.look()
	return s
}

func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r <= ' ' || r == ',' })
}

// Pull kills all groups, as SIGUSR1 does. With a file it writes "all" there, so that it survives a restart and ends
// when the file is removed; without one it lasts as long as the process. The error is that of writing; the switch is
// pulled all the same.
func (s *Switch) Pull() error {
	var err error
	if s.file != "" {
		err = os.WriteFile(s.file, []byte("all\n"), 0o644)
	}
	s.mu.Lock()
	s.pulled = s.file == "" || err != nil
	s.mu.Unlock()
	s.look()
	return err
}

// look reads the file again. A file that is there but cannot be read kills all: somebody meant something by it.
func (s *Switch) look() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	killed := slices.Clone(s.always)
	if s.pulled {
		killed = append(killed, "all")
	}
	if s.file != "" {
		text, err := os.ReadFile(s.file)
		named := words(string(text))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil || len(named) == 0:
			killed = append(killed, "all")
		default:
			killed = append(killed, named...)
		}
	}
	slices.Sort(killed)
	s.killed = slices.Compact(killed)
}

// Kills says whether a group is killed.
func (s *Switch) Kills(group string) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.killed, group) || slices.Contains(s.killed, "all")
}

func (s *Switch) all() bool { return s.Kills("all") }

// String lists what is killed.
func (s *Switch) String() string {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.killed, " ")
}
