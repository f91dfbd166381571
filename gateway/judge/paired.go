package judge

import "math"

// paired is J-2 on pairs of which one side was bad and the other was not (McNemar's discordant pairs): most of the stake on J-2's
// own process since the beginning, the rest on bets that are begun again, for a fault that comes late.
type paired struct {
	Worse  int64 `json:"worse"`  // the new side was bad
	Better int64 `json:"better"` // legacy was
	Late   bet   `json:"late"`
}

func (p *paired) add(worse, better int64) {
	p.Worse += worse
	p.Better += better
	var g gains
	g.events(worse, better, 0.5, 1)
	p.Late.take(&g, unlimited)
}

func (p *paired) e() float64 { return (1-late)*discordant(p.Worse, p.Better) + late*p.Late.e() }

// discordant is J-2's evidence, 2^(b+c) * 2 * the integral of p^b (1-p)^c from 1/2 to 1, where b were worse and c better.
func discordant(b, c int64) float64 {
	x, y := float64(b)+1, float64(c)+1
	lx, _ := math.Lgamma(x)
	ly, _ := math.Lgamma(y)
	lxy, _ := math.Lgamma(x + y)
	front := lx + ly - lxy + (x+y-1)*math.Ln2 // of 2^(b+c+1) * B(b+1, c+1)
	return min(math.Exp(front+logUpperHalf(x, y)), sure)
}

// large is how many discordant pairs make the beta distribution as good as normal: the next term is a ten-thousandth.
const large = 10000

// logUpperHalf is the logarithm of the chance that a Beta(x, y) exceeds 1/2.
func logUpperHalf(x, y float64) float64 {
	if x+y > large {
		return math.Log(math.Erfc((y-x)/math.Sqrt(2*(x+y))) / 2)
	}
	if x < y {
		return logTail(y, x) // the chance that a Beta(y, x) lies below 1/2
	}
	return math.Log1p(-math.Exp(logTail(x, y)))
}

// logTail is the logarithm of the chance that a Beta(x, y) with x >= y lies below 1/2, by the continued fraction of the incomplete
// beta function (Abramowitz and Stegun 26.5.8), evaluated by Lentz's method.
func logTail(x, y float64) float64 {
	const tiny, close, turns = 1e-300, 1e-13, 300
	lx, _ := math.Lgamma(x)
	ly, _ := math.Lgamma(y)
	lxy, _ := math.Lgamma(x + y)
	c, d := 1.0, 1/nonzero(1-(x+y)/(x+1)/2, tiny)
	value := d
	for m := 1.0; m <= turns; m++ {
		even := m * (y - m) / 2 / ((x + 2*m - 1) * (x + 2*m))
		d = 1 / nonzero(1+even*d, tiny)
		c = nonzero(1+even/c, tiny)
		value *= d * c
		odd := -(x + m) * (x + y + m) / 2 / ((x + 2*m) * (x + 2*m + 1))
		d = 1 / nonzero(1+odd*d, tiny)
		c = nonzero(1+odd/c, tiny)
		value *= d * c
		if math.Abs(d*c-1) < close {
			break
		}
	}
	return lxy - lx - ly - (x+y)*math.Ln2 - math.Log(x) + math.Log(value)
}

func nonzero(v, tiny float64) float64 {
	if math.Abs(v) < tiny {
		return tiny
	}
	return v
}
