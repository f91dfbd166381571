package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/banyan-migration/banyan/loadtest"
)

// measured is one run of a plan, with what it cost.
type measured struct {
	*loadtest.Result
	plan     loadtest.Plan
	took     time.Duration // the generator, until its last answer
	settling time.Duration // from then until every gift had settled and was charged
	settled  bool
	machine  float64           // the part of all cores that was busy meanwhile, whoever had it; 0: not known
	ours     float64           // CPU of the world, in seconds, until the last answer
	commits  uint32            // transactions in the services' file, each with one fsync of its log
	theirs   uint32            // and in the acquirers'
	ids      map[string]string // the gifts' by ref, once the books were compared
}

// run sends a plan and waits until what it gave has settled, at most as long as the aim allows.
func (w *world) run(ctx context.Context, plan loadtest.Plan) (*measured, error) {
	before, err := w.used()
	if err != nil {
		return nil, err
	}
	m := &measured{plan: plan, commits: w.transactions("services.db"), theirs: w.transactions("psp.db")}
	began, idle := time.Now(), now()
	if m.Result, err = loadtest.Run(ctx, plan, loadtest.Options{Target: w.Gateway, Timeout: 10 * time.Second}); err != nil {
		return nil, err
	}
	m.took, m.machine = time.Since(began), now().busy(idle)
	after, err := w.used() // before the books are read, which costs more than what is still to settle
	if err != nil {
		return nil, err
	}
	m.ours = after - before
	m.commits, m.theirs = w.transactions("services.db")-m.commits, w.transactions("psp.db")-m.theirs
	m.settling, m.settled, err = w.settle(ctx, m, aimSettle)
	return m, err
}

// transactions is SQLite's own count of what was committed to a file in WAL mode: the wal-index's iChange, which lies
// at byte 8 of its first header in the machine's byte order (sqlite.org/walformat.html). 0 where it cannot be read.
func (w *world) transactions(file string) uint32 {
	f, err := os.Open(filepath.Join(w.dir, file+"-shm"))
	if err != nil {
		return 0
	}
	defer f.Close()
	var count [4]byte
	if _, err := f.ReadAt(count[:], 8); err != nil {
		return 0
	}
	return binary.NativeEndian.Uint32(count[:])
}

// held is how many donations a second were accepted while the plan held its rate, and in the poorest of those seconds.
func (m *measured) held() (rate float64, poorest int64) {
	from, to := int(m.plan.Rise.Seconds()), int((m.plan.Rise + m.plan.Hold).Seconds())
	var sum int64
	for i := from; i < to; i++ {
		var taken int64
		if i < len(m.Series) {
			taken = m.Series[i].Services.Accepted
		}
		if sum += taken; i == from || taken < poorest {
			poorest = taken
		}
	}
	return float64(sum) / float64(to-from), poorest
}

// wanted is how many donations the plan had: those whose answer is known, or never came, or that were never sent.
func (m *measured) wanted() int64 {
	return m.Services.Accepted + m.Legacy.Accepted + int64(len(m.Refused)+len(m.Unanswered)) + m.NotSent
}

// cores says who had the machine's cores, in per cent of all of them.
func (m *measured) cores() string {
	have := m.took.Seconds() * float64(runtime.NumCPU()) / 100
	text := fmt.Sprintf("world %.0f %%, generator %.0f %%", m.ours/have, m.CPU/have)
	if m.machine > 0 {
		text += fmt.Sprintf(", others %.0f %%, idle %.0f %%", max(0, m.machine*100-(m.ours+m.CPU)/have), 100-m.machine*100)
	}
	return text
}

func (m *measured) print() {
	line := func(name, format string, args ...any) {
		fmt.Printf("  %-12s "+format+"\n", append([]any{name}, args...)...)
	}
	each := float64(max(1, m.Services.Accepted))
	rate, poorest := m.held()
	post := m.Services.Post
	line("accepted", "%d of %d, of %d requests %d failed; %.1f a second held, %d in the poorest second", m.Services.Accepted, m.wanted(), m.Sent, m.Sent-m.OK, rate, poorest)
	line("post to 302", "p50 %.1f ms, p99 %.1f ms, p99.9 %.1f ms, at most %.1f ms (the aim: p99 under %v)", post.P50, post.P99, post.P999, post.Max, aimPost)
	line("whole visit", "p50 %.1f ms, p99 %.1f ms: form, post and thank-you page, from the planned moment", m.Visit.P50, m.Visit.P99)
	line("late sends", "%d of %d began over 10 ms after their time, %d were not sent", m.LateSends, m.wanted(), m.NotSent)
	if m.settled {
		line("settled", "all, %.1f s after the last answer (the aim: %v)", m.settling.Seconds(), aimSettle)
	} else {
		line("settled", "not all within %v of the last answer", aimSettle)
	}
	line("CPU", "%.2f ms a donation in the world (gateway, services, acquirers), %.2f ms in the generator; of %d cores: %s", m.ours/each*1000, m.CPU/each*1000,
		runtime.NumCPU(), m.cores())
	line("commits", "%.0f a second in the services' file, %.2f a donation; %.0f a second in the acquirers'", float64(m.commits)/m.took.Seconds(), float64(m.commits)/each, float64(m.theirs)/m.took.Seconds())
}

// missed says which aims a run missed, nil where it held them all.
func (m *measured) missed() error {
	var all []error
	miss := func(missed bool, format string, args ...any) {
		if missed {
			all = append(all, fmt.Errorf(format, args...))
		}
	}
	rate, _ := m.held()
	miss(m.Services.Accepted < m.wanted(), "%d of %d donations were not accepted by the services: %v", m.wanted()-m.Services.Accepted, m.wanted(), m.Errors)
	miss(rate < 0.99*m.plan.Rate, "%.1f donations a second were held; the aim is %.0f", rate, m.plan.Rate)
	miss(m.Services.Post.P99 >= float64(aimPost.Milliseconds()), "p99 from post to 302 is %.1f ms; the aim is under %v", m.Services.Post.P99, aimPost)
	miss(!m.settled, "not all donations had settled %v after the last answer", aimSettle)
	return errors.Join(all...)
}
