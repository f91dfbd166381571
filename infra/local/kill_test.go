package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/local/report"
	"github.com/banyan-migration/banyan/loadtest"
	"github.com/banyan-migration/banyan/migration/drupal"
)

// weighted is the repository's gateway.yaml with the donate group at a weight.
func weighted(t testing.TB, weight int) []byte {
	t.Helper()
	text := repository(t)
	group := bytes.Index(text, []byte("\n  donate:"))
	seed := []byte("weight: 0")
	if group < 0 || !bytes.Contains(text[group:], seed) {
		t.Fatal("gateway.yaml has no donate group at weight 0")
	}
	return append(text[:group:group], bytes.Replace(text[group:], seed, fmt.Appendf(nil, "weight: %d", weight), 1)...)
}

// TestKilledUnderLoadNothingIsLostNorChargedTwice: kill -9 of the whole world under load, three times, and each time started
// again on the same folder. Half of the donors are on either side. What anybody was thanked for is stored once with its amount;
// what the services took is charged once and in the ledger, which sums to nothing (PAY-26, PAY-29, LED-4).
func TestKilledUnderLoadNothingIsLostNorChargedTwice(t *testing.T) {
	t.Parallel()
	dir, listen := oldFolder(t), fixedPort(t)
	if err := os.WriteFile(filepath.Join(dir, "gateway.yaml"), weighted(t, 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	result := loadAndKill(t, dir, listen, 3, 40)
	t.Logf("%d accepted by Drupal, %d by the services, %d unanswered", result.Legacy.Accepted, result.Services.Accepted, len(result.Unanswered))
	if result.Legacy.Accepted == 0 || result.Services.Accepted == 0 {
		t.Fatal("one side took nothing: it proves nothing of that side")
	}
	w, err := Start(t.Context(), Options{Dir: dir, Config: weighted(t, 5000)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	for _, c := range reckoned(t, dir, w, result) {
		t.Errorf("%s: %s", c.Name, c.Figure)
	}
}

// loadAndKill sends donations until the world was killed so many times, each time after so many more were accepted, and once
// more as many were accepted after the last.
func loadAndKill(t *testing.T, dir, listen string, kills, apart int, more ...string) *loadtest.Result {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	accepted := make(chan struct{}, 1<<16) // never full: OnAccept must not wait for a restart
	var failed atomic.Value
	ended := make(chan struct{})
	up, err := startChild(dir, listen, more...)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(ended)
		defer stop()
		for n := range kills + 1 {
			for range apart {
				select {
				case <-accepted:
				case <-ctx.Done():
					return
				}
			}
			if n == kills {
				return
			}
			if err := up.kill(); err != nil {
				failed.Store(err)
				return
			}
			if up, err = startChild(dir, listen, more...); err != nil {
				failed.Store(err)
				return
			}
		}
	}()
	plan := loadtest.Plan{Kind: loadtest.Drip, Host: siteHost, Form: "/donate", Mark: "none", Seed: 1, Rate: 60, Hold: time.Minute}
	result, err := loadtest.Run(ctx, plan, loadtest.Options{Target: "http://" + listen, OnAccept: func(loadtest.Donation) { accepted <- struct{}{} }})
	<-ended
	if e, _ := failed.Load().(error); e != nil {
		t.Fatal(e)
	}
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("the load ended before the kills: %v, %d accepted", err, result.Accepted())
	}
	if err := up.end(); err != nil {
		t.Error(err)
	}
	return result
}

// reckoned moves what Drupal took, lets everything settle and compares the books as the demo does. It returns the checks that
// do not hold.
func reckoned(t *testing.T, dir string, w *World, result *loadtest.Result) []report.Check {
	t.Helper()
	source, err := drupal.Open(t.Context(), "sqlite:"+filepath.Join(dir, "legacy.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	d := &demo{world: w, source: source, report: &report.Report{Load: result}}
	job, err := d.job()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := job.Backfill(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.desk.Tick(t.Context()) // what the killed ones left under way
	for _, step := range []func(context.Context) (string, error){d.settle, d.verifyAgain, d.books} {
		if _, err := step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return unheld(d.report)
}
