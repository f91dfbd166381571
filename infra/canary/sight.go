package canary

import (
	"fmt"
	"math"
	"time"
)

// Sight is what the alarms on the new version could have seen, while it had a part of the traffic.
type Sight struct {
	Invocations int     `json:"invocations"` // of the new version in that time
	Minutes     int     `json:"minutes"`
	Harm        float64 `json:"harm"`  // a version that fails so often…
	Found       float64 `json:"found"` // …would have been found with this probability
	// Needed is how many requests a minute the alias needs for Found to be 0.95; zero: no rate is enough.
	Needed int `json:"needed_a_minute"`
	// Blind says that no alarm could have gone off had every request failed.
	Blind bool   `json:"blind"`
	Text  string `json:"text"`
}

const (
	harm  = 0.05 // the failing version that a canary is there to find
	sure  = 0.95
	limit = 1_000_000 // requests a minute; more than this nobody has
)

// sight asks what the traffic that there was could have shown. A deployment that moves everything at once has no time in
// which both versions could be told apart.
func (d *deployment) sight() Sight {
	s := Sight{Harm: harm}
	if d.report.Outcome != Promoted {
		return s
	}
	if d.canary.from < 0 {
		s.Text = d.Type.Name + " has no canary: the new version had everybody before any alarm could look at it"
		return s
	}
	s.Minutes = d.canary.to - d.canary.from
	s.Invocations = d.count(d.New, d.canary.from, d.canary.to).Invocations
	best := -1
	for i, a := range d.Alarms {
		if !a.ofNew(d.New) || a.Metric.Name != "Errors" || a.Metric.Statistic != "Sum" && a.Metric.Statistic != "Average" {
			continue
		}
		if p := a.power(d.counts(a), harm); best < 0 || p > s.Found {
			best, s.Found = i, p
		}
	}
	if best < 0 {
		s.Text = fmt.Sprintf("no alarm looks at the failures of %s alone: those on %s see them among %s's", d.new(), d.Alias, d.old())
		return s
	}
	a := d.Alarms[best]
	s.Blind = a.power(d.counts(a), 1) < 1e-9
	s.Needed = d.enough(a)
	need := "no traffic is enough for it"
	if s.Needed > 0 {
		need = fmt.Sprintf("for %.0f %% it needs %d requests a minute on %s (had %d), of which the canary gets %.0f", sure*100, s.Needed, d.Alias, d.Rate, float64(s.Needed)*d.first())
	}
	had := fmt.Sprintf("%s had %d requests in the %d minutes of its canary", d.new(), s.Invocations, s.Minutes)
	switch {
	case s.Blind:
		s.Text = fmt.Sprintf("too little traffic: %s, and %s (%s) could not have gone off had every one failed. To find a version that fails %.0f %%: %s",
			had, a.Name, a.Rule(), harm*100, need)
	case s.Found < sure:
		s.Text = fmt.Sprintf("little traffic: %s; had it failed %.0f %% of them, %s (%s) would have gone off in %s of 100 deployments; %s",
			had, harm*100, a.Name, a.Rule(), ofHundred(s.Found), need)
	default:
		s.Text = fmt.Sprintf("%s: enough for %s (%s) to find one that fails %.0f %% in %s of 100 deployments", had, a.Name, a.Rule(), harm*100, ofHundred(s.Found))
	}
	return s
}

// ofHundred writes a probability, never as a certainty.
func ofHundred(p float64) string {
	if p < 0.01 {
		return "less than 1"
	}
	return fmt.Sprintf("%.0f", math.Floor(p*100))
}

// first is the share of the first step.
func (d *deployment) first() float64 { return d.Type.plan()[0].share }

// counts are the new version's requests in each period of an alarm while it was a canary.
func (d *deployment) counts(a Alarm) []int {
	length := int(a.Period / time.Minute)
	var all []int
	for p := d.canary.from / length; p*length < d.canary.to; p++ {
		all = append(all, d.count(d.New, p*length, (p+1)*length).Invocations)
	}
	return all
}

// enough is the least rate at which the alarm finds harm with the wanted probability.
func (d *deployment) enough(a Alarm) int {
	period, length := d.canary.to-d.canary.from, int(a.Period/time.Minute)
	finds := func(rate int) bool {
		counts := make([]int, max(1, period/length))
		for i := range counts {
			counts[i] = int(float64(rate*length) * d.first())
		}
		return a.power(counts, harm) >= sure
	}
	if !finds(limit) {
		return 0
	}
	low, high := 0, limit // low does not find it
	for high-low > 1 {
		if mid := (low + high) / 2; finds(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}

// power is the probability that the alarm goes off over periods with so many requests, of which each fails with p. A period
// without requests does not breach.
func (a Alarm) power(counts []int, p float64) float64 {
	// by which of the last Periods breached: the probability of each such history, none of which is an alarm yet
	histories := map[uint64]float64{0: 1}
	off, mask := 0.0, uint64(1)<<min(a.Periods, 63)-1
	for _, n := range counts {
		breach := a.chance(n, p)
		next := map[uint64]float64{}
		for h, had := range histories {
			for bit, chance := range []float64{1 - breach, breach} {
				after := (h<<1 | uint64(bit)) & mask
				if ones(after) >= a.needed() {
					off += had * chance
				} else {
					next[after] += had * chance
				}
			}
		}
		histories = next
	}
	return off
}

func ones(h uint64) (n int) {
	for ; h > 0; h &= h - 1 {
		n++
	}
	return n
}

// chance is the probability that one period's datapoint breaches: of n requests each fails with p.
func (a Alarm) chance(n int, p float64) float64 {
	if n == 0 {
		return 0
	}
	within := 0.0
	for k := 0; k <= n; k++ {
		v := float64(k)
		if a.Metric.Statistic == "Average" {
			v /= float64(n)
		}
		if !a.breaches(v) {
			within += binomial(n, k, p)
		} else if a.Comparison[0] == 'G' { // all greater ones breach too
			break
		}
	}
	return max(0, 1-within)
}

// binomial is the probability of k failures among n.
func binomial(n, k int, p float64) float64 {
	if p >= 1 {
		if k == n {
			return 1
		}
		return 0
	}
	lgamma := func(x int) float64 {
		v, _ := math.Lgamma(float64(x + 1))
		return v
	}
	return math.Exp(lgamma(n) - lgamma(k) - lgamma(n-k) + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
}
