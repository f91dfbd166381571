package worlds

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/ministack"
	"github.com/banyan-migration/banyan/infra/fakes/moto"
	"github.com/banyan-migration/banyan/infra/permissions"
	"github.com/banyan-migration/banyan/services/all"
)

// The same scenarios of every service pass in four worlds; what the third and the fourth log is the proof of permissions.
func TestWorlds(t *testing.T) {
	sam := os.Getenv("BANYAN_SAM")
	if sam == "" || os.Getenv("BANYAN_MOTO") == "" || os.Getenv("BANYAN_MINISTACK") == "" {
		t.Skip("BANYAN_SAM, BANYAN_MOTO and BANYAN_MINISTACK name no programs: what four worlds prove is proved in CI")
	}
	var said []string
	clock := time.Now()
	took := func(what string) {
		said = append(said, fmt.Sprintf("%6.1f s  %s", time.Since(clock).Seconds(), what))
		clock = time.Now()
	}
	made := []string{"build/" + runtime.GOARCH + "/hooks/bootstrap"}
	for _, e := range all.Services {
		made = append(made, "build/"+runtime.GOARCH+"/"+e.Name+"/bootstrap")
	}
	run(t, root, nil, "make", made...)
	banyan := filepath.Join(t.TempDir(), "banyan")
	run(t, root, nil, "go", "build", "-o", banyan, ".")
	scenarios := compile(t)
	took("bootstraps, the command, the scenarios")
	var played table
	played.play(t, scenarios, "memory", "")
	took("memory")
	log := filepath.Join(t.TempDir(), "log")
	t.Run("sqlite", func(t *testing.T) {
		played.play(t, scenarios, "sqlite", up(t, banyan, log, nil))
	})
	took("sqlite")
	var recorded map[string][]permissions.Call // what each function of the third world asked of AWS
	t.Run("lambda", func(t *testing.T) {
		emulator := open(t, moto.Test(t).URL)
		played.play(t, scenarios, "lambda", up(t, banyan, log, append(emulator.environment(), "LOG_LEVEL=debug"), "--lambda"))
		emulator.checkUsed()
		recorded = callsIn(t, log)
	})
	took("lambda")
	t.Run("stack", func(t *testing.T) {
		s := newStack(t, ministack.Test(t), sam)
		before := s.left()
		s.build()
		took("stack: sam build")
		s.deploy()
		if got := s.status(); got != "CREATE_COMPLETE" {
			t.Fatal(got)
		}
		took("stack: sam deploy")
		s.checkLimits()
		if n := s.routes(); n < 10 {
			t.Errorf("%d routes", n)
		}
		world := s.world()
		played.play(t, scenarios, "stack", world)
		took("stack: scenarios")
		s.checkCrashes(s.judge)
		took("stack: what crashes left")
		s.checkRoles(recorded)
		s.checkHooks()
		took("stack: hooks, permissions")
		s.again(t, scenarios, world)
		took("stack: a change, and none")
		s.checkThere()
		s.delete()
		s.checkLeft(before)
		took("stack: deletion")
	})
	played.check(t)
	t.Logf("\n%s\n%s", &played, strings.Join(said, "\n"))
}

// again deploys a change, which moves every alias to a new version while the flow goes on, and then nothing, which is no error.
func (s *stack) again(t *testing.T, scenarios programs, world string) {
	t.Helper()
	old := s.version("donate")
	s.change()
	s.deploy()
	if got := s.status(); got != "UPDATE_COMPLETE" {
		t.Fatal(got)
	}
	if got := s.version("donate"); old != "1" || got != "2" {
		t.Errorf("the alias went from version %s to %s, want 1 to 2", old, got)
	}
	var after table
	after.play(t, programs{"payments": scenarios["payments"]}, "stack, changed", world)
	if said := s.deploy(); !strings.Contains(said, "No changes to deploy") || s.version("donate") != "2" {
		t.Errorf("a deployment of nothing said %s", said)
	}
}
