package judge

import (
	"math"
	"strconv"
	"strings"
	"time"
)

var sides = [2]string{Legacy: "legacy", New: "the new side"}

// proof is the evidence in words.
func (l *look) proof() string {
	if l.Critical > 0 {
		return join("in ", count(l.Critical), " of the requests that both sides were given, what the new side would have stored differs from what ",
			"legacy did store in an amount or a consent. One is enough")
	}
	ramps := "a billion"
	if e := l.evidence[0].E; e < 1e9 {
		ramps = count(int64(e))
	}
	leading := l.leading()
	so := "if both were equally good"
	if leading.Usual > 0 {
		so = "if no more than that were bad"
	}
	return l.shown(leading) + join("; ", so, ", evidence this strong would come at most once in ", ramps, " ramps")
}

// shown is one test's numbers in words.
func (l *look) shown(e Evidence) string {
	n, bad, of, was := count(e.New[0]), count(e.New[1]), count(e.Legacy[0]), count(e.Legacy[1])
	switch {
	case e.New[0] == 0:
		return join("the evidence (", e.Test, ") of before ", percent(l.Weight), " still stands")
	case e.Usual > 0:
		return l.unmatched(e)
	case e.Test == Failures:
		return join("the new side failed ", bad, " of ", n, " visits, legacy ", was, " of ", of, " in the same minutes")
	case e.Test == PairedBad:
		return join("of ", n, " requests given to both sides, the new side alone failed ", bad, ", legacy alone ", was)
	case e.Test == PairedSlow:
		return join("of ", n, " requests given to both sides, the new side was much slower in ", bad, ", legacy in ", was)
	case e.Test == Slow:
		return join("the new side was slow in ", bad, " of ", n, " answers, legacy in ", was, " of ", of, " in the same minutes; 95\u00a0% took at most ",
			tail(l.Side[New].Latency), " and ", tail(l.Side[Legacy].Latency))
	case e.Test == Botched:
		return join("the new side failed ", bad, " of ", n, " posts, legacy ", was, " of ", of, " in the same minutes")
	case e.Test == Refused:
		return join("the new side refused ", bad, " of ", n, " posts, legacy ", was, " of ", of, " in the same minutes")
	case e.Test == Lost && e.Legacy[0] == 0:
		return join("of ", n, " gifts that the new side accepted ", bad, " came to nothing; ", strconv.FormatFloat(l.policy.LostPercent, 'f', -1, 64), "\u00a0% are borne")
	case e.Test == Lost:
		return join("of ", n, " gifts that the new side accepted ", bad, " came to nothing, of legacy's ", of, " it was ", was)
	default:
		return join("the answers mean something else in ", bad, " of ", n, " requests; legacy differs from itself in ", was, " of ", of)
	}
}

// did is what the new side did that is bad, by test, where it is told alone.
var did = map[string][2]string{Failures: {"it failed", "visits"}, Botched: {"it failed", "posts"}, Refused: {"it refused", "posts"},
	Lost: {"it lost", "gifts"}, Slow: {"it was slow in", "answers"}}

// unmatched is one test's numbers in words where nobody is at legacy.
func (l *look) unmatched(e Evidence) string {
	what, network := did[e.Test], ""
	if (e.Test == Failures || e.Test == Botched) && l.reached() == Network {
		network = join("; most failures were on the way to it (", count(l.Side[New].Network), " of ", count(l.Side[New].Failed), ")")
	}
	return join("no donor is at legacy now, so that the new side is compared with what legacy showed before: ", what[0], " ", count(e.New[1]), " of ",
		count(e.New[0]), " ", what[1], "; ", borneOf(e), network)
}

// borneOf is the share that is borne, and why, in words.
func borneOf(e Evidence) string {
	share := strconv.FormatFloat(100*e.Usual, 'g', 2, 64)
	if e.Legacy[0] == 0 {
		return join("legacy was not seen, and ", share, "\u00a0% are borne")
	}
	return join("of legacy's ", count(e.Legacy[0]), " it was ", count(e.Legacy[1]), ", and at most ", share, "\u00a0% are borne")
}

// clean is why a group may have more.
func (l *look) clean() string {
	next := join("; ", percent(l.now.Next), " may follow")
	switch {
	case l.now.Weight > 0:
		return join(l.shown(l.evidence[1]), " at ", percent(l.now.Weight), next)
	case l.Pairs.Compared > 0:
		return join("in ", count(l.Pairs.Compared), " requests given to both sides nothing stands against the new side", next)
	}
	return "the new side has had no requests, and no shadow was asked for" + next
}

// tail is the wait that 95 % do not exceed, in words.
func tail(h Histogram) string {
	at, _, _ := h.Quantile(0.95)
	return at.Round(time.Millisecond).String()
}

// of is "12 of 40".
func (t *trend) of() string {
	return count(int64(math.Round(t.LateFailed))) + " of " + count(int64(math.Round(t.Late)))
}

// join is the parts as one sentence.
func join(parts ...string) string { return strings.Join(parts, "") }

// count writes 12400 as 12,400.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// percent writes a weight of 50 as 0.5 %.
func percent(weight int) string {
	return strconv.FormatFloat(float64(weight)/100, 'f', -1, 64) + "\u00a0%"
}

// span writes a time in its two largest units.
func span(d time.Duration) string {
	if d.Round(time.Second) < time.Minute {
		return strconv.FormatFloat(math.Round(d.Seconds()*10)/10, 'f', -1, 64) + " s"
	}
	d = d.Round(time.Minute)
	if d < time.Hour {
		return units(d, time.Minute, " min", 0, "")
	}
	if d < 48*time.Hour {
		return units(d, time.Hour, " h", time.Minute, " min")
	}
	return units(d, 24*time.Hour, " days", time.Hour, " h")
}

func units(d, large time.Duration, name string, small time.Duration, rest string) string {
	s := count(int64(d/large)) + name
	if small > 0 && d%large >= small {
		s += " " + count(int64(d%large/small)) + rest
	}
	return s
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
