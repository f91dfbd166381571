package account

import (
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/banyan-migration/banyan/gateway/split"
)

// Metrics is all that the gateway counts, and a prometheus.Collector. It outlives every reload. It is safe for concurrent use.
type Metrics struct {
	mu      sync.Mutex
	series  map[key]*Series
	rejects map[reject]uint64
	over    map[override]uint64

	inflight [3]gauge // legacy, new, and what no side has been chosen for
	flags    []atomic.Uint64
	names    []string
	attempts [2][4]atomic.Uint64
	dropped  [dropReasons]sharded
	odd      [oddities]atomic.Uint64
	gauges   func(emit Emit)
	log      func() uint64
}

type key struct {
	group  string
	side   split.Side
	routed bool
}
type reject struct {
	rule string
	code int
}
type override struct{ group, result string }

// gauge counts up and down in shards.
type gauge [shards]struct {
	n atomic.Int64
	_ [56]byte
}
type sharded = gauge

func (g *gauge) sum() (n int64) {
	for i := range g {
		n += g[i].n.Load()
	}
	return n
}

// Attempt is why an upstream was asked.
type Attempt uint8

// The reasons of attempts.
const (
	First     Attempt = iota
	Unsent            // again on a fresh connection: no byte had been written (W-77)
	IdleClose         // again, by the route's option (W-78)
	Failover          // the other side, by the route's option (W-79)
)

var attemptNames = [...]string{"first", "unsent", "idle_close", "failover"}

// Drop is why a header line did not pass.
type Drop uint8

// The reasons of dropped lines.
const (
	DropSpoofable Drop = iota
	DropUnderscore
	DropConditional
	DropStripped
	DropTrailer
	dropReasons
)

var dropNames = [dropReasons]string{"spoofable", "underscore", "conditional", "stripped", "trailer"}

// Oddity is something an upstream did that deserves a look.
type Oddity uint8

// The oddities.
const (
	FramingSuspect  Oddity = iota // length and coding together (W-46)
	Folded                        // folded header lines (W-21)
	StrayBytes                    // bytes after the end of an answer (W-55)
	InterimDropped                // a 1xx (W-54)
	OriginRewritten               // an internal origin in Location and the like (W-60)
	BodyToLegacy                  // a body on a method that has none by custom (W-43)
	oddities
)

var oddityNames = [oddities]string{"framing_suspect", "folded", "stray_bytes", "interim_dropped", "origin_rewritten", "body_to_legacy"}

// NewMetrics makes the counters. flags are the names of the path flags; dropped says how many log lines were lost; gauges writes what is read
// when asked, and may be nil.
func NewMetrics(flags []string, dropped func() uint64, gauges func(Emit)) *Metrics {
	return &Metrics{series: map[key]*Series{}, rejects: map[reject]uint64{}, over: map[override]uint64{},
		flags: make([]atomic.Uint64, len(flags)), names: flags, log: dropped, gauges: gauges}
}

// Series finds or makes the counters of a group's side; routed is false for what the gateway answers by itself.
func (m *Metrics) Series(group string, side split.Side, routed bool) *Series {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := key{group, side, routed}
	s := m.series[k]
	if s == nil {
		s = newSeries(group, side, routed)
		m.series[k] = s
	}
	return s
}

// Reject counts a request that was refused by a rule of the wire contract.
func (m *Metrics) Reject(rule string, code int) {
	m.mu.Lock()
	m.rejects[reject{rule, code}]++
	m.mu.Unlock()
}

// Override counts a signed override, used or ignored.
func (m *Metrics) Override(group, result string) {
	m.mu.Lock()
	m.over[override{group, result}]++
	m.mu.Unlock()
}

// Flag counts a path's flags, one bit each in the order of their names.
func (m *Metrics) Flag(bits uint) {
	for i := range m.flags {
		if bits&(1<<i) != 0 {
			m.flags[i].Add(1)
		}
	}
}

// Attempt counts a request sent to a side.
func (m *Metrics) Attempt(side split.Side, why Attempt) { m.attempts[side][why].Add(1) }

// Drop counts header lines that did not pass.
func (m *Metrics) Drop(why Drop, n, shard int) {
	if n > 0 {
		m.dropped[why][shard%shards].n.Add(int64(n))
	}
}

// Odd counts an upstream's oddity.
func (m *Metrics) Odd(what Oddity) { m.odd[what].Add(1) }

// Flight counts a side's requests in flight up or down.
func (m *Metrics) Flight(side split.Side, by, shard int) {
	m.inflight[side][shard%shards].n.Add(int64(by))
}

// Emit writes one value of one of the gauges below.
type Emit func(d *prometheus.Desc, value float64, labels ...string)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// The descriptions of what is read when asked.
var (
	Connections = desc("banyan_gateway_upstream_connections", "Connections to backends.", "side", "state")
	BackendUp   = desc("banyan_gateway_backend_up", "1 unless the latest attempt to connect to the backend failed.", "backend")
	BasisPoints = desc("banyan_gateway_bucket_basis_points", "Weight of a group in basis points.", "group", "replica")
	Phase       = desc("banyan_gateway_phase", "Phase of a group: 0 off, 1 canary, 2 full, 3 backfill, 4 shadow, 5 drain, 6 retired.", "group", "replica")
	Revision    = desc("banyan_gateway_config_revision", "Revision of the plan in use.", "group", "replica")
	Converged   = desc("banyan_gateway_config_converged", "1 if the plan in use is the store's, 0 if the store cannot be reached.", "group", "replica")
)

var (
	requests   = desc("banyan_gateway_requests_total", "Requests by group, side, blame class and status class.", "group", "side", "class", "code_class")
	seconds    = desc("banyan_gateway_request_seconds", "From the request's head to the answer's last byte.", "group", "side", "cold")
	headTime   = desc("banyan_gateway_upstream_head_seconds", "From the request sent to the answer's head.", "group", "side", "cold")
	queueTime  = desc("banyan_gateway_queue_seconds", "Wait for a free upstream connection, where there was one.", "group", "side", "cold")
	inflight   = desc("banyan_gateway_inflight", "Requests being answered.", "side", "state")
	attempts   = desc("banyan_gateway_upstream_attempts_total", "Requests sent upstream, by reason.", "side", "reason")
	rejects    = desc("banyan_gateway_parse_rejects_total", "Requests refused by a rule of the wire contract.", "rule", "code")
	flags      = desc("banyan_gateway_path_noncanonical_total", "Paths that only legacy may judge.", "flag")
	drops      = desc("banyan_gateway_headers_dropped_total", "Header lines that did not pass.", "reason")
	overrides  = desc("banyan_gateway_overrides_total", "Testers' signed overrides.", "group", "result")
	odd        = desc("banyan_gateway_upstream_oddities_total", "Answers that broke a rule and passed mended, and requests counted for their shape.", "kind")
	logDropped = desc("banyan_log_dropped_total", "Access log lines lost because the sink was slow.")
)

// Describe is prometheus.Collector's. The set of series changes with the configuration, so nothing is promised.
func (m *Metrics) Describe(chan<- *prometheus.Desc) {}

// Collect is prometheus.Collector's.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	count := func(d *prometheus.Desc, n float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, n, labels...)
	}
	gauge := func(d *prometheus.Desc, n float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, n, labels...)
	}
	m.mu.Lock()
	for _, s := range m.series {
		s.collect(ch, count)
	}
	for r, n := range m.rejects {
		count(rejects, float64(n), r.rule, strconv.Itoa(r.code))
	}
	for o, n := range m.over {
		count(overrides, float64(n), o.group, o.result)
	}
	m.mu.Unlock()
	for i := range m.flags {
		count(flags, float64(m.flags[i].Load()), m.names[i])
	}
	for i, name := range dropNames {
		count(drops, float64(m.dropped[i].sum()), name)
	}
	for i, name := range oddityNames {
		count(odd, float64(m.odd[i].Load()), name)
	}
	for _, side := range []split.Side{split.Legacy, split.New} {
		gauge(inflight, float64(m.inflight[side].sum()), side.String(), "active")
		for i, name := range attemptNames {
			count(attempts, float64(m.attempts[side][i].Load()), side.String(), name)
		}
	}
	count(logDropped, float64(m.log()))
	if m.gauges != nil {
		m.gauges(gauge)
	}
}

func (s *Series) collect(ch chan<- prometheus.Metric, count func(*prometheus.Desc, float64, ...string)) {
	for class := range classes {
		for code := range 6 {
			var n uint64
			for _, c := range s.cells {
				n += c.requests[class][code].Load()
			}
			if n > 0 {
				count(requests, float64(n), s.group, s.name(), class.String(), strconv.Itoa(code)+"xx")
			}
		}
	}
	for cold, label := range []string{"false", "true"} {
		s.histogram(ch, seconds, label, func(c *cell) *histogram { return &c.total[cold] })
		s.histogram(ch, headTime, label, func(c *cell) *histogram { return &c.head[cold] })
		s.histogram(ch, queueTime, label, func(c *cell) *histogram { return &c.waiting[cold] })
	}
}

func (s *Series) histogram(ch chan<- prometheus.Metric, d *prometheus.Desc, cold string, of func(*cell) *histogram) {
	buckets := map[float64]uint64{}
	var count uint64
	var sum int64
	for i := range len(bounds) + 1 {
		for _, c := range s.cells {
			count += of(c).count[i].Load()
		}
		if i < len(bounds) {
			buckets[bounds[i].Seconds()] = count
		}
	}
	for _, c := range s.cells {
		sum += of(c).sum.Load()
	}
	if count > 0 {
		ch <- prometheus.MustNewConstHistogram(d, count, float64(sum)/1e9, buckets, s.group, s.name(), cold)
	}
}
