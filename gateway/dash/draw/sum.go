package draw

import (
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
)

// waits is how many a histogram holds.
func waits(h judge.Histogram) (n int64) {
	for _, k := range h {
		n += k
	}
	return n
}

// ms is a quantile in milliseconds, a straight line through its bucket; the histogram must not be empty.
func ms(h judge.Histogram, q float64) float64 {
	rank, before := q*float64(waits(h)), int64(0)
	for i, n := range h {
		if n == 0 || float64(before+n) < rank {
			before += n
			continue
		}
		low := judge.Bound(0) / 2
		if i > 0 {
			low = judge.Bound(i - 1)
		}
		part := (rank - float64(before)) / float64(n)
		return float64(low+time.Duration(part*float64(judge.Bound(i)-low))) / float64(time.Millisecond)
	}
	return float64(judge.Bound(judge.Buckets-1)) / float64(time.Millisecond)
}
