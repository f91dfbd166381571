package simulate

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/route"
	"github.com/banyan-migration/banyan/shared/accesslog"
)

// LogHarm is what the new side does worse than the log says.
type LogHarm struct {
	Points float64       // so many percentage points of requests fail besides
	Slow   time.Duration // every answer takes so much longer
}

// ParseHarm reads "+5%" (five of a hundred requests fail besides) or "+200ms" (every answer takes that much longer); "" is no harm.
func ParseHarm(text string) (LogHarm, error) {
	bad := fmt.Errorf("%q is not a harm: write +5%% for five more failures in a hundred, or +200ms for answers that take longer", text)
	rest, ok := strings.CutPrefix(text, "+")
	if text == "" {
		return LogHarm{}, nil
	}
	if share, percent := strings.CutSuffix(rest, "%"); ok && percent {
		points, err := strconv.ParseFloat(share, 64)
		if err != nil || !(points > 0 && points <= 100) {
			return LogHarm{}, bad
		}
		return LogHarm{Points: points}, nil
	}
	slow, err := time.ParseDuration(rest)
	if !ok || err != nil || slow <= 0 || slow > time.Minute {
		return LogHarm{}, bad
	}
	return LogHarm{Slow: slow}, nil
}

// The synthetic day: so many requests a minute at night and at the evening's peak, from so many addresses, of which so many fail.
const (
	nightRate   = 10.0
	peakRate    = 100.0
	peakHour    = 20.5
	peakSpread  = 2.5 // hours
	addresses   = 20000
	failing     = 0.005
	longestPlay = 90 * 24 * time.Hour
)

// Synthetic is invented traffic of a group: the same day again and again, from a Monday on, for at most 90 days.
func Synthetic(g *config.Group, seed uint64) iter.Seq[accesslog.Line] {
	d := newDice(seed, 1)
	routes := plain(g)
	return func(yield func(accesslog.Line) bool) {
		for at := epoch.Truncate(24 * time.Hour); len(routes) > 0 && at.Before(epoch.Add(longestPlay)); at = at.Add(time.Minute) {
			hour := float64(at.Hour()) + float64(at.Minute())/60
			away := (hour - peakHour) / peakSpread
			n := d.poisson(nightRate + (peakRate-nightRate)*math.Exp(-away*away/2))
			for i := range n {
				if !yield(d.line(at.Add(time.Minute*time.Duration(i)/time.Duration(n)), routes)) {
					return
				}
			}
		}
	}
}

// plain are the group's routes that a request without a query, a cookie or a number of a form can take.
func plain(g *config.Group) (all []*route.Route) {
	needed := func(c route.Condition) bool { return !c.Absent }
	for _, r := range g.Routes {
		if !slices.ContainsFunc(r.Match.Query, needed) && !slices.ContainsFunc(r.Match.Headers, needed) && r.Match.Host == "" && !r.Done {
			all = append(all, r)
		}
	}
	return all
}

func (d dice) line(at time.Time, routes []*route.Route) accesslog.Line {
	r := routes[d.IntN(len(routes))]
	n := d.IntN(addresses)
	l := accesslog.Line{Addr: fmt.Sprintf("198.18.%d.%d", n>>8, n&255), At: at, Method: r.Match.Method, Target: d.target(r.Match.Path.String()),
		Status: 200, Agent: "Mozilla/5.0 (synthetic)"}
	if l.Method == "" {
		l.Method = "GET"
	}
	if l.Write() {
		l.Status = 302
	}
	if d.chance(failing) {
		l.Status = 500
	}
	spread := math.Log(float64(percent95)/float64(median)) / normal95
	l.Duration = time.Duration(float64(median) * math.Exp(spread*d.NormFloat64()))
	return l
}

// target draws a path that a pattern takes.
func (d dice) target(pattern string) string {
	parts := strings.Split(pattern, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, "{") || part == "*" {
			parts[i] = strconv.Itoa(d.IntN(addresses))
		}
	}
	return strings.Join(parts, "/")
}
