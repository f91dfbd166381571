package judge_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
)

func TestABucketHoldsWhatItsBoundSays(t *testing.T) {
	t.Parallel()
	for i := range judge.Buckets - 1 {
		if got := judge.BucketOf(judge.Bound(i)); got != i {
			t.Errorf("%s lies in bucket %d, not %d", judge.Bound(i), got, i)
		}
		if got := judge.BucketOf(judge.Bound(i) + 1); got != i+1 {
			t.Errorf("just above %s lies in bucket %d, not %d", judge.Bound(i), got, i+1)
		}
	}
	if got := judge.BucketOf(time.Hour); got != judge.Buckets-1 {
		t.Errorf("an hour lies in bucket %d", got)
	}
}

// J-7: p95 and p99 with intervals that hold what they say 19 times of 20.
func TestAQuantilesIntervalHoldsIt(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 9))
	true95, held := 563*time.Millisecond, 0
	const times = 1000
	for range times {
		h := answers(r, 400, 0)
		at, low, high := h.Quantile(0.95)
		if low > at || at > high {
			t.Fatalf("%s does not lie between %s and %s", at, low, high)
		}
		if low <= judge.Bound(judge.BucketOf(true95)) && judge.Bound(judge.BucketOf(true95)) <= high {
			held++
		}
	}
	if held < times*94/100 {
		t.Errorf("%d of %d intervals held the quantile", held, times)
	}
	if at, low, high := (judge.Histogram{}).Quantile(0.95); at != 0 || low != 0 || high != 0 {
		t.Errorf("an empty histogram has a quantile: %s, %s to %s", at, low, high)
	}
	var slowest judge.Histogram
	slowest[judge.Buckets-1] = 7
	if at, _, _ := slowest.Quantile(0.5); at != judge.Bound(judge.Buckets-2) {
		t.Errorf("beyond the last bound stands %s", at)
	}
}

func TestARatioSaysHowMuchSlower(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 9))
	at, low, high := judge.Ratio(answers(r, 20000, 563*time.Millisecond), answers(r, 20000, 0), 0.95)
	if math.Abs(at-2) > 0.5 || low > at || at > high || low < 1.3 || high > 3 {
		t.Errorf("twice as slow came out as %.2f, %.2f to %.2f", at, low, high)
	}
	if at, _, _ := judge.Ratio(judge.Histogram{}, answers(r, 10, 0), 0.95); at != 0 {
		t.Errorf("nothing is %.2f times something", at)
	}
}
