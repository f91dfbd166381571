package judge

import "math"

// ratios are how many times likelier than legacy the new side may fail: one bet each (J-3).
var ratios = [7]float64{1.25, 1.5, 2, 3, 5, 10, 20}

var logRatios = func() (all [len(ratios)]float64) {
	for i, t := range ratios {
		all[i] = math.Log(t)
	}
	return all
}()

// sunk is how far below its stake a process falls before a fresh one is begun beside it: e^-3.
const sunk = 0.05

// sure is the largest evidence there is. More would change no verdict, and sums of it stay finite.
const sure = 1e12

// unlimited lets a bet grow as it will.
var unlimited = math.Inf(1)

// bet is J-3's e-process, begun again and again: a process that ran for weeks on healthy visits has sunk so far that a new fault
// would not lift it for weeks. For each ratio the j-th process holds the share prior(j) of the stake from the start and lies still
// until it is begun; the stake as a whole is an e-process, since when a process begins depends on the past alone. From its beginning
// on each process of a ratio takes the same factors, so that their sum is all that must be kept, however many they are.
type bet struct {
	Begun [len(ratios)]int64   `json:"begun"` // processes
	Worth [len(ratios)]float64 `json:"worth"` // of all of them together
}

// prior is the share of the stake that the j-th process holds, from 1: what rest loses by it. It falls with the root of the third power
// of j, slowly, since a month makes thousands of processes and the newest one must still be worth something.
func prior(j int64) float64 {
	if j == 1 {
		return 1 - late
	}
	a, b := math.Sqrt(float64(j-1)), math.Sqrt(float64(j))
	return late / (a * b * (a + b))
}

// rest is the share of the stake that still lies when so many were begun.
func rest(begun int64) float64 {
	if begun == 0 {
		return 1
	}
	return late / math.Sqrt(float64(begun))
}

// late is the share of the stake for all processes after the first.
const late = 0.15

// gains are what bets grow by, as logarithms.
type gains [len(ratios)]float64

// events adds events of which bad are the new side's and good are not, where the new side has the share w of what could have an event.
// An event of a power above 1 weighs like so many: its ratio is raised to it.
func (g *gains) events(bad, good int64, w float64, power int) {
	if bad+good == 0 {
		return
	}
	for i := range g {
		g[i] += float64(bad)*float64(power)*logRatios[i] - float64(bad+good)*math.Log1p(w*(powers[power][i]-1))
	}
}

// powers are the ratios raised.
var powers = func() (all [upper + 1][len(ratios)]float64) {
	for power := range all {
		for i, t := range ratios {
			all[power][i] = math.Pow(t, float64(power))
		}
	}
	return all
}()

// take lets the bets grow, none by more than the logarithm most.
func (b *bet) take(g *gains, most float64) {
	if *g == (gains{}) {
		return
	}
	if b.Begun[0] == 0 {
		b.begin()
	}
	for i, worth := range b.Worth {
		worth *= math.Exp(min(g[i], most))
		if fresh := prior(b.Begun[i] + 1); worth < fresh*sunk {
			b.Begun[i]++
			worth += fresh
		}
		b.Worth[i] = min(worth, sure)
	}
}

// begin begins a fresh process for every ratio.
func (b *bet) begin() {
	for i := range b.Begun {
		b.Begun[i]++
		b.Worth[i] += prior(b.Begun[i])
	}
}

// e is what the stake has become: how much likelier the events are if the new side is worse.
func (b *bet) e() float64 {
	sum := 0.0
	for i, worth := range b.Worth {
		sum += worth + rest(b.Begun[i])
	}
	return sum / float64(len(ratios))
}
