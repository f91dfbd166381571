// Command donate measures donations at the case's peak: it starts the whole world in a process of its own, with every
// donor on the services and acquirers that take 50 ms, sends 350 journeys a second (form, post, thank-you page), compares
// everybody's books, and then looks for the ceiling. It exits with 1 when the aim does not hold.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/banyan-migration/banyan/loadtest"
)

// The aims of the peak: from the post to the 302, and from the last answer until every payment has settled.
const (
	aimPost   = 250 * time.Millisecond
	aimSettle = 10 * time.Second
)

// child is the environment variable by which the program, started by itself, is the world; its value is the world's folder.
const child = "BANYAN_BENCH_WORLD"

func main() {
	rate := flag.Float64("rate", 350, "donations a second")
	seconds := flag.Int("seconds", 60, "how long the rate is held")
	ceiling := flag.Bool("ceiling", true, "afterwards, raise the rate until the aim no longer holds")
	profile := flag.String("profile", "", "file for a CPU profile of the world at that rate")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if dir := os.Getenv(child); dir != "" {
		err = serve(ctx, dir, *profile, os.Stdin, os.Stdout)
	} else {
		err = bench(ctx, *rate, time.Duration(*seconds)*time.Second, *ceiling, *profile)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-donate:", err)
		os.Exit(1)
	}
}

// bench holds the rate, looks for the ceiling, and compares the books of all that was sent.
func bench(ctx context.Context, rate float64, hold time.Duration, ceiling bool, profile string) (err error) {
	dir, err := os.MkdirTemp("", "banyan-donate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	w, err := begin(ctx, dir, profile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.end()) }()
	plan, err := loadtest.Load("peak")
	if err != nil {
		return err
	}
	plan.Rate, plan.Hold = rate, hold
	fmt.Printf("%.0f donations a second held for %v after a rise of %v; acquirers of 50 ms; SQLite, WAL, synchronous=FULL; %d cores%s\n",
		rate, hold, plan.Rise, runtime.NumCPU(), load())
	peak, err := w.run(ctx, plan)
	if err != nil {
		return err
	}
	peak.print()
	runs := []*measured{peak}
	if ceiling {
		more, err := w.climb(ctx, peak)
		if err != nil {
			return err
		}
		runs = append(runs, more...)
	}
	if err := w.books(ctx, runs); err != nil {
		return err
	}
	return peak.missed()
}
