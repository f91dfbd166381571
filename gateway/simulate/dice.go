package simulate

import (
	"math"
	"math/rand/v2"
)

// dice draws counts. The same seeds always draw the same ones. It is for one goroutine.
type dice struct{ *rand.Rand }

func newDice(seed, stream uint64) dice { return dice{rand.New(rand.NewPCG(seed, stream))} }

// chance is true with probability p.
func (d dice) chance(p float64) bool { return p > 0 && d.Float64() < p }

// many is how many tries stand for a Poisson draw: the two differ by less than its mean in a thousand million.
const many = 1 << 40

// poisson draws how many of a steady stream arrive in a time.
func (d dice) poisson(mean float64) int64 { return d.binomial(many, mean/many) }

// some is poisson without its zero, for means under 30: what arrives in a time in which something does.
func (d dice) some(mean float64) int64 {
	term := math.Exp(-mean)
	u := term + (1-term)*d.Float64()
	for k := int64(0); ; k++ {
		if u -= term; u <= 0 || term == 0 && k > 0 {
			return max(k, 1)
		}
		term *= mean / float64(k+1)
	}
}

// binomial draws how many of n tries of probability p succeed: by inversion where few do, else by Hörmann's transformed rejection
// with squeeze (BTRS, "The generation of binomial random variates", 1993). Both are exact but for rounding.
func (d dice) binomial(n int64, p float64) int64 {
	switch {
	case n <= 0 || p <= 0:
		return 0
	case p >= 1:
		return n
	case p > 0.5:
		return n - d.binomial(n, 1-p)
	case float64(n)*p < 10:
		return d.inversion(n, p)
	}
	return d.rejection(float64(n), p)
}

func (d dice) inversion(n int64, p float64) int64 {
	odds := p / (1 - p)
	none := math.Exp(float64(n) * math.Log1p(-p))
	u := d.Float64()
	term := none
	for k := int64(0); k <= n; k++ {
		if u -= term; u <= 0 {
			return k
		}
		term *= odds * float64(n-k) / float64(k+1)
	}
	return n // the terms' rounding left less than 1e-15
}

func (d dice) rejection(n, p float64) int64 {
	spread := math.Sqrt(n * p * (1 - p))
	b := 1.15 + 2.53*spread
	a := -0.0873 + 0.0248*b + 0.01*p
	centre := n*p + 0.5
	squeeze := 0.92 - 4.2/b
	scale := (2.83 + 5.1/b) * spread
	odds, mode := p/(1-p), math.Floor((n+1)*p)
	for {
		u, v := d.Float64()-0.5, d.Float64()
		edge := 0.5 - math.Abs(u)
		k := math.Floor((2*a/edge+b)*u + centre)
		if edge >= 0.07 && v <= squeeze {
			return int64(k)
		}
		if k < 0 || k > n {
			continue
		}
		bound := (mode+0.5)*math.Log((mode+1)/(odds*(n-mode+1))) + (n+1)*math.Log((n-mode+1)/(n-k+1)) +
			(k+0.5)*math.Log(odds*(n-k+1)/(k+1)) + stirling(mode) + stirling(n-mode) - stirling(k) - stirling(n-k)
		if math.Log(v*scale/(a/(edge*edge)+b)) <= bound {
			return int64(k)
		}
	}
}

// stirling is what Stirling's formula lacks of the logarithm of k!: ln k! - (k+½) ln(k+1) + (k+1) - ½ ln 2π.
func stirling(k float64) float64 {
	if k < 10 {
		whole, _ := math.Lgamma(k + 1)
		return whole - (k+0.5)*math.Log(k+1) + (k + 1) - 0.5*math.Log(2*math.Pi)
	}
	inverse := 1 / (k + 1)
	return (1.0/12 - (1.0/360-inverse*inverse/1260)*inverse*inverse) * inverse
}
