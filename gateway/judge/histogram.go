package judge

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// Buckets is how many a histogram has: each is a fifth wider than the one before, from a millisecond to over a minute.
const Buckets = 64

// Histogram counts waits by bucket. The zero Histogram is empty. In JSON only the buckets that hold something stand.
type Histogram [Buckets]int64

// Bound is where a bucket ends; the last has no end.
func Bound(i int) time.Duration {
	return time.Duration(math.Round(float64(time.Millisecond) * math.Pow(1.2, float64(i))))
}

var bounds = func() (all [Buckets - 1]time.Duration) {
	for i := range all {
		all[i] = Bound(i)
	}
	return all
}()

// BucketOf is the bucket of a wait.
func BucketOf(d time.Duration) int {
	low, high := 0, len(bounds)
	for low < high {
		if mid := (low + high) / 2; d <= bounds[mid] {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low
}

// MarshalJSON writes {"bucket": count}.
func (h Histogram) MarshalJSON() ([]byte, error) {
	some := map[int]int64{}
	for i, n := range h {
		if n != 0 {
			some[i] = n
		}
	}
	return json.Marshal(some)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (h *Histogram) UnmarshalJSON(text []byte) error {
	some := map[int]int64{}
	if err := json.Unmarshal(text, &some); err != nil {
		return err
	}
	*h = Histogram{}
	for i, n := range some {
		if i < 0 || i >= Buckets {
			return fmt.Errorf("judge: a histogram has no bucket %d: 0 to %d", i, Buckets-1)
		}
		h[i] = n
	}
	return nil
}

// Sum is how many waits a histogram holds.
func (h *Histogram) Sum() int64 { return sum(h[:]) }
