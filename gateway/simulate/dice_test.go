package simulate

import (
	"math"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
)

func TestBinomialHasItsMomentsAndItsShape(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		n int64
		p float64
	}{{1, 0.3}, {8, 0.01}, {40, 0.5}, {200, 0.005}, {200, 0.98}, {5000, 0.02}, {5000, 0.3}, {1 << 40, 50.0 / (1 << 40)}, {900_000, 0.01}} {
		const draws = 40_000
		d := newDice(1, uint64(c.n))
		seen := map[int64]float64{}
		sum, squares := 0.0, 0.0
		mean, variance := float64(c.n)*c.p, float64(c.n)*c.p*(1-c.p)
		for range draws {
			k := d.binomial(c.n, c.p)
			seen[k]++
			sum += float64(k)
			squares += (float64(k) - mean) * (float64(k) - mean)
		}
		if off := math.Abs(sum/draws-mean) / math.Sqrt(variance/draws); off > 4 {
			t.Errorf("binomial(%d, %g): the mean is %g, %.1f standard errors off", c.n, c.p, sum/draws, off)
		}
		if ratio := squares / draws / variance; ratio < 0.95 || ratio > 1.05 {
			t.Errorf("binomial(%d, %g): the variance is %.3f times what it should be", c.n, c.p, ratio)
		}
		chi, cells := 0.0, 0.0
		for k, got := range seen {
			if want := draws * math.Exp(logBinomial(c.n, k, c.p)); want >= 5 {
				chi += (got - want) * (got - want) / want
				cells++
			}
		}
		if limit := cells + 4*math.Sqrt(2*cells) + 4; chi > limit {
			t.Errorf("binomial(%d, %g): chi-square is %.1f over %.0f cells, want under %.1f", c.n, c.p, chi, cells, limit)
		}
	}
}

func logBinomial(n, k int64, p float64) float64 {
	if n > 1<<30 { // a Poisson; Lgamma of n loses too many digits
		mean := float64(n) * p
		whole, _ := math.Lgamma(float64(k + 1))
		return float64(k)*math.Log(mean) - mean - whole
	}
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p)
}

func TestBinomialAtItsEdges(t *testing.T) {
	t.Parallel()
	d := newDice(1, 1)
	for _, c := range []struct {
		n    int64
		p    float64
		want int64
	}{{0, 0.5, 0}, {-1, 0.5, 0}, {7, 0, 0}, {7, 1, 7}, {1e9, 1, 1e9}} {
		if got := d.binomial(c.n, c.p); got != c.want {
			t.Errorf("binomial(%d, %g) = %d, want %d", c.n, c.p, got, c.want)
		}
	}
}

// Cells without a request are skipped, and the rate is still right.
func TestTrafficArrivesAtItsRate(t *testing.T) {
	t.Parallel()
	for _, rate := range []int{3, 50, 1000, 30000} {
		w := newWorld(Case{Rate: rate, Base: 0.02}, newDice(2, uint64(rate)))
		w.move(5000)
		var requests, new, failed, answered int64
		for requests < 200_000 {
			c := w.next(10 * time.Second)
			if c.Side[0].Requests+c.Side[1].Requests == 0 {
				t.Fatalf("%d a minute: an empty cell at %v", rate, c.At)
			}
			for side := range c.Side {
				requests += c.Side[side].Requests
				failed += c.Side[side].Failed
				for _, n := range c.Side[side].Latency {
					answered += n
				}
			}
			new += c.Side[judge.New].Requests
		}
		if got := float64(requests) / w.at.Sub(epoch).Minutes() / float64(rate); got < 0.98 || got > 1.02 {
			t.Errorf("%d a minute: %.3f of that arrived", rate, got)
		}
		if got := float64(new) / float64(requests); got < 0.49 || got > 0.51 {
			t.Errorf("%d a minute: the new side had %.3f, want a half", rate, got)
		}
		if got := float64(failed) / float64(requests); got < 0.018 || got > 0.022 || failed+answered != requests {
			t.Errorf("%d a minute: %.4f failed, want 0.02; %d + %d of %d", rate, got, failed, answered, requests)
		}
	}
}

// The recorded log's GETs: 0.142 s and 0.563 s; the slower new side keeps the one and has 0.763 s for the other.
func TestWaitsHaveTheLogsPercentiles(t *testing.T) {
	t.Parallel()
	for by, want := range map[time.Duration][2]float64{0: {142, 563}, 200 * time.Millisecond: {142, 763}} {
		for _, lot := range []int64{few, 1000, 100_000} { // one by one, and by halves
			var h judge.Histogram
			d := newDice(3, uint64(lot))
			for drawn := int64(0); drawn < 100_000; drawn += lot {
				slower(by).draw(d, lot, &h)
			}
			for i, q := range []float64{0.5, 0.95} {
				if got := quantile(&h, q); math.Abs(got-want[i]) > 0.03*want[i] {
					t.Errorf("%v later, by %d: quantile %g is %.0f ms, want %.0f", by, lot, q, got, want[i])
				}
			}
		}
	}
	if got := hurt(200*time.Millisecond, 50*time.Millisecond, 20); math.Abs(got-0.162) > 0.002 {
		t.Errorf("%.3f of answers are slower by the margin, want 0.162", got)
	}
}
