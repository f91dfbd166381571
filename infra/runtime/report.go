package runtime

import (
	"fmt"
	"strings"
	"time"
)

// billed is what Lambda charges for: whole milliseconds, init included.
func billed(init, duration time.Duration) time.Duration {
	return (init + duration + time.Millisecond - 1).Truncate(time.Millisecond)
}

// ms writes a time as REPORT does.
func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond)) }

// report is the REPORT line of a record, without its end.
func report(r Record, status string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "REPORT RequestId: %s\tDuration: %s\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB\t",
		r.Request, ms(r.Duration), r.Billed.Milliseconds(), r.Memory, r.MaxMemory)
	if r.Init > 0 {
		fmt.Fprintf(&b, "Init Duration: %s\t", ms(r.Init))
	}
	if status != "" {
		fmt.Fprintf(&b, "Status: %s\t", status)
		if status == "error" {
			fmt.Fprintf(&b, "Error Type: %s\t", r.Error)
		}
	}
	return b.String()
}
