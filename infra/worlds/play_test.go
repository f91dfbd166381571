package worlds

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/services/all"
)

// root is the repository's.
var root = filepath.Join("..", "..")

// programs are the scenarios of each service, compiled once for every world.
type programs map[string]string

func compile(t *testing.T) programs {
	t.Helper()
	dir, made := t.TempDir(), programs{}
	for _, e := range all.Services {
		made[e.Name] = filepath.Join(dir, e.Name+".test")
		run(t, root, nil, "go", "test", "-c", "-o", made[e.Name], "./services/"+e.Name)
	}
	return made
}

// run runs a program to its end, which must be good, and returns what it said on its standard output.
func run(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	out, err := try(t, dir, env, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// try is run that may end badly; it then also returns what was said on standard error.
func try(t *testing.T, dir string, env []string, name string, args ...string) (string, error) {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	c.Dir, c.Env = dir, append(clean(), env...)
	var out, wrong bytes.Buffer
	c.Stdout, c.Stderr = &out, &wrong
	if err := c.Run(); err != nil {
		return out.String() + wrong.String(), err
	}
	return out.String(), nil
}

// clean is this process's environment without what leads to an AWS account.
func clean() []string {
	return slices.DeleteFunc(os.Environ(), func(line string) bool { return strings.HasPrefix(line, "AWS_") })
}

// table is what became of every scenario in every world.
type table struct {
	worlds []string
	ends   map[string]map[string]end // by scenario, by world
}

// end is how one scenario ended in one world.
type end struct {
	verdict string // PASS, FAIL, SKIP
	took    string // seconds
}

var verdict = regexp.MustCompile(`(?m)^--- (PASS|FAIL|SKIP): TestScenario(\S+) \(([0-9.]+)s\)`)

// play runs every scenario of every service in the world that the file tells of; an empty one means memory. It returns how
// long that took.
func (b *table) play(t *testing.T, p programs, world, file string) time.Duration {
	t.Helper()
	began := time.Now()
	if b.ends == nil {
		b.ends = map[string]map[string]end{}
	}
	b.worlds = append(b.worlds, world)
	for _, service := range slices.Sorted(maps.Keys(p)) {
		out, err := try(t, filepath.Join(root, "services", service), []string{"BANYAN_WORLD=" + file}, p[service], "-test.v", "-test.run=^TestScenario", "-test.timeout=4m")
		found := verdict.FindAllStringSubmatch(out, -1)
		if err != nil || len(found) == 0 {
			t.Errorf("%s in the world %s: %v; %d scenarios\n%s", service, world, err, len(found), failures(out))
		}
		for _, v := range found {
			name := service + " " + v[2]
			if b.ends[name] == nil {
				b.ends[name] = map[string]end{}
			}
			b.ends[name][world] = end{v[1], v[3]}
			if v[1] != "PASS" {
				t.Errorf("%s in the world %s: %s", name, world, v[1])
			}
		}
	}
	return time.Since(began)
}

// failures are the lines that say what is wrong, without the services' logs.
func failures(out string) string {
	var kept []string
	for lines := bufio.NewScanner(strings.NewReader(out)); lines.Scan(); {
		if line := lines.Text(); !strings.Contains(line, "level=INFO") && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- PASS") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept[max(0, len(kept)-80):], "\n")
}

// check fails the test where a scenario was not played in a world that others were.
func (b *table) check(t *testing.T) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(b.ends)) {
		for _, world := range b.worlds {
			if b.ends[name][world].verdict == "" {
				t.Errorf("%s was not played in the world %s", name, world)
			}
		}
	}
}

// String is a line a scenario, a column a world: seconds where it passed.
func (b *table) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%-58s", "scenario")
	for _, world := range b.worlds {
		fmt.Fprintf(&s, "%9s", world)
	}
	for _, name := range slices.Sorted(maps.Keys(b.ends)) {
		fmt.Fprintf(&s, "\n%-58s", name)
		for _, world := range b.worlds {
			e := b.ends[name][world]
			cell := e.took + " s"
			if e.verdict != "PASS" {
				cell = e.verdict
			}
			fmt.Fprintf(&s, "%9s", cell)
		}
	}
	fmt.Fprintf(&s, "\n%d scenarios in %d worlds", len(b.ends), len(b.worlds))
	return s.String()
}
