package canary

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/banyan-migration/banyan/infra/runtime"
)

// Metric is one that CloudWatch would have, with the statistic that a datapoint of it is.
type Metric struct {
	Namespace  string
	Name       string
	Dimensions map[string]string
	Statistic  string // Sum, Average, Minimum, Maximum, SampleCount, or a percentile as p99 or p99.9
}

const ofLambda = "AWS/Lambda"

// series is a metric's name in the store.
type series struct{ namespace, name, dimensions string }

func (m Metric) series() series { return series{m.Namespace, m.Name, written(m.Dimensions)} }

func written(dimensions map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(dimensions)) {
		all = append(all, name+"="+dimensions[name])
	}
	return strings.Join(all, ",")
}

// metrics are what CloudWatch is told, by the minute of the deployment. Safe for concurrent use.
type metrics struct {
	mu  sync.Mutex
	all map[series]map[int][]float64 // the values of each minute
}

func (m *metrics) put(s series, minute int, v float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all == nil {
		m.all = map[series]map[int][]float64{}
	}
	if m.all[s] == nil {
		m.all[s] = map[int][]float64{}
	}
	m.all[s][minute] = append(m.all[s][minute], v)
}

// invoked records an invocation under the dimensions that Lambda has for one through an alias. Its documentation speaks of
// ExecutedVersion only for an alias that has two versions; here it is always there.
func (m *metrics) invoked(function, alias, version string, minute int, name string, v float64) {
	d := map[string]string{"FunctionName": function}
	m.put(series{ofLambda, name, written(d)}, minute, v)
	d["Resource"] = function + ":" + alias
	m.put(series{ofLambda, name, written(d)}, minute, v)
	if version != "" { // a throttled one ran nowhere
		d["ExecutedVersion"] = version
		m.put(series{ofLambda, name, written(d)}, minute, v)
	}
}

// known says whether anything was ever told of a series.
func (m *metrics) known(s series) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.all[s]) > 0
}

// values are those of the minutes [from, to).
func (m *metrics) values(s series, from, to int) []float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []float64
	for minute := from; minute < to; minute++ {
		all = append(all, m.all[s][minute]...)
	}
	return all
}

// datapoint is a metric's statistic over the minutes [from, to); without a value there is none.
func (m *metrics) datapoint(of Metric, from, to int) (float64, bool) {
	all := m.values(of.series(), from, to)
	if len(all) == 0 {
		return 0, false
	}
	switch of.Statistic {
	case "SampleCount":
		return float64(len(all)), true
	case "Minimum":
		return slices.Min(all), true
	case "Maximum":
		return slices.Max(all), true
	case "Sum", "Average":
		sum := 0.0
		for _, v := range all {
			sum += v
		}
		if of.Statistic == "Average" {
			sum /= float64(len(all))
		}
		return sum, true
	}
	p, _ := percentile(of.Statistic)
	return rank(all, p), true
}

// percentile reads p99 as 99.
func percentile(statistic string) (p float64, ok bool) {
	digits, is := strings.CutPrefix(statistic, "p")
	p, err := strconv.ParseFloat(digits, 64)
	return p, is && err == nil && p > 0 && p < 100
}

// rank is the value that p of a hundred are at most.
func rank(all []float64, p float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[max(0, int(math.Ceil(p/100*float64(len(sorted))))-1)]
}

// Records hears what a player says of its functions, for the metrics of a deployment: its Record and Log are for
// runtime.Options. Its zero value is ready; safe for concurrent use.
type Records struct {
	mu     sync.Mutex
	all    map[string]time.Duration // by request, until it is asked for
	to     *metrics                 // where embedded metrics go; nil: nobody deploys
	minute func() int
}

// follow sends embedded metrics to a deployment's from now on.
func (k *Records) follow(to *metrics, minute func() int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.to, k.minute = to, minute
}

// Record takes one.
func (k *Records) Record(r runtime.Record) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.all == nil {
		k.all = map[string]time.Duration{}
	}
	k.all[r.Request] = r.Duration
}

// take gives how long a request took, if its record has come, and forgets it.
func (k *Records) take(request string) (took time.Duration, there bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	took, there = k.all[request]
	delete(k.all, request)
	return took, there
}
