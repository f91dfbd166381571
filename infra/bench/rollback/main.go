// Command rollback rolls a group back under load and says when that was in force: two gateways, each with a plan of its own over one
// SQLite file, and donors who come through either by turns. It fails if a request does, or if a donor is on both sides before the call,
// or on the new side a second after it.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	rate := flag.Int("rate", 2000, "requests a second, over both gateways")
	length := flag.Duration("for", 5*time.Second, "how long to ask before the call, and after it")
	flag.Parse()
	dir, err := os.MkdirTemp("", "bench-rollback")
	if err == nil {
		defer os.RemoveAll(dir)
		var r result
		if r, err = run(dir, *rate, *length, *length); err == nil {
			fmt.Println(r)
			err = r.holds()
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-rollback:", err)
		os.Exit(1)
	}
}

// within is how long a rollback may take from the call to the last replica's first request on the old side.
const within = time.Second

// result is what one rollback did.
type result struct {
	sent, failed int
	rate         float64       // requests a second that were answered
	committed    time.Duration // from the call to its return
	force        time.Duration // from the call to the beginning of the last request that the new side answered
	late         int           // requests that began a second after the call, or later, and were answered by the new side
	moved        int           // donors who were on the new side before
	donors       int
	torn         int   // donors who were on both sides before, or on both after
	why          error // of the first failure
}

func (r result) String() string {
	return fmt.Sprintf("%d requests at %.0f a second over two gateways, %d failed; %d of %d donors on the new side before\n"+
		"the call returned after %s; the last request to the new side began %s after it; %d donors on two sides",
		r.sent, r.rate, r.failed, r.moved, r.donors, r.committed.Round(time.Millisecond), r.force.Round(time.Millisecond), r.torn)
}

// holds says what of the promise does not.
func (r result) holds() error {
	switch {
	case r.failed > 0:
		return fmt.Errorf("%d requests failed, the first with: %w", r.failed, r.why)
	case r.late > 0:
		return fmt.Errorf("%d requests that began %s after the call went to the new side", r.late, within)
	case r.torn > 0:
		return fmt.Errorf("%d donors were on two sides", r.torn)
	case r.moved == 0 || r.moved == r.donors:
		return fmt.Errorf("%d of %d donors were on the new side: there was nothing to see", r.moved, r.donors)
	}
	return nil
}
