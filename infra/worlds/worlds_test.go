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
	t.Run("lambda", func(t *testing.T) {
		env := append(open(t, moto.Test(t).URL).environment(), "LOG_LEVEL=debug")
		played.play(t, scenarios, "lambda", up(t, banyan, log, env, "--lambda"))
	})
	took("lambda")
	t.Run("stack", func(t *testing.T) {
		s := newStack(t, ministack.Test(t), sam)
		s.build()
		took("stack: sam build")
		s.deploy()
		if got := s.status(); got != "CREATE_COMPLETE" {
			t.Fatal(got)
		}
		took("stack: sam deploy")
		if n := s.routes(); n < 10 {
			t.Errorf("%d routes", n)
		}
		played.play(t, scenarios, "stack", s.world())
		took("stack: scenarios")
	})
	played.check(t)
	t.Logf("\n%s\n%s", &played, strings.Join(said, "\n"))
}
