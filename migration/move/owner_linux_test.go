package move

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/banyan-migration/banyan/migration/drupal/drupaltest"
)

// killed is the owner that a process of this machine was.
func killed(t *testing.T) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "cat")
	if _, err := c.StdinPipe(); err != nil { // it waits for what never comes
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	owner := uuid.NewString() + "@" + placeOf(c.Process.Pid)
	if dead(owner) || strings.HasSuffix(owner, "@") {
		t.Errorf("%s lives", owner)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // it was killed
	return owner
}

func TestWhoIsGone(t *testing.T) {
	t.Parallel()
	was, own := killed(t), owner()
	if !dead(was) {
		t.Errorf("%s is dead", was)
	}
	of, number, _ := strings.Cut(was, " ")
	if other := own + "0"; !dead(other) {
		t.Errorf("%s: its number is ours now", other)
	}
	for _, unsure := range []string{own, "", uuid.NewString(), own + "@", "x@y", of, of + "0 " + number, of + " 0 1", of + " -1 1", of + " many 1", fmt.Sprintf("%s %s", of, strings.Fields(number)[0])} {
		if dead(unsure) {
			t.Errorf("%q is taken for gone", unsure)
		}
	}
}

// The partition of a process that was killed on this machine is taken at once.
func TestTheDeadAreNotWaitedFor(t *testing.T) {
	t.Parallel()
	was := killed(t)
	synctest.Test(t, func(t *testing.T) {
		j := job(drupaltest.New(gift(1, "5.00")), memory())
		m, err := j.mover(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		p, err := m.plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		slow, _, err := m.take(t.Context(), p, silence{})
		if err != nil {
			t.Fatal(err)
		}
		part := slow.now
		part.Owner = was
		if err := slow.put(t.Context(), part); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if got := must(t, j.Backfill); got.Moved != 1 || time.Since(began) >= lease/20 {
			t.Errorf("%+v after %v", got, time.Since(began))
		}
	})
}
