package loadtest

import (
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The sides that can take a donation.
const (
	Legacy   = "legacy"
	Services = "services"
)

// Result is what a run did, in milliseconds where nothing else is said. Sent is OK plus all Errors.
type Result struct {
	Plan    string    `json:"plan"`
	Kind    string    `json:"kind"`
	Seed    uint64    `json:"seed"`
	Run     string    `json:"run"`
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`

	Sent      int64            `json:"sent"` // requests
	OK        int64            `json:"ok"`
	Errors    map[string]int64 `json:"errors"`
	LateSends int64            `json:"late_sends"` // visits that began more than 10 ms after their time
	NotSent   int64            `json:"not_sent"`   // visits that were due when too many were under way
	Unposted  int64            `json:"unposted"`   // posts of the log whose page has no webform: looked at only

	Latency  Percentiles `json:"latency_ms"` // every request; a visit's first from the time at which the plan wanted it
	Visit    Percentiles `json:"visit_ms"`   // a form's page, its post and the page after it, from the wanted time
	Rate     float64     `json:"rate"`       // requests a second
	Legacy   Side        `json:"legacy"`
	Services Side        `json:"services"`
	CPU      float64     `json:"cpu_seconds"` // of this whole process

	Width      float64    `json:"moment_seconds"`
	Series     []Moment   `json:"series"`
	Donations  []Donation `json:"donations"`  // accepted, in the order of their answers
	Refused    []string   `json:"refused"`    // refs of donations whose form came back
	Unanswered []string   `json:"unanswered"` // refs of donations whose answer never came, or was a failure

	Reconciled *Reconciled `json:"reconciled,omitempty"`
}

// Accepted is how many donations both sides took.
func (r *Result) Accepted() int64 { return r.Legacy.Accepted + r.Services.Accepted }

// Side is what one side took, from the post to the 302.
type Side struct {
	Accepted int64       `json:"accepted"`
	Post     Percentiles `json:"post_ms"`
}

// Moment is one stretch of the run, of moment_seconds.
type Moment struct {
	Second   float64 `json:"second"` // of its beginning, from the start
	Requests int64   `json:"requests"`
	Errors   int64   `json:"errors"`
	Legacy   Taken   `json:"legacy"`
	Services Taken   `json:"services"`
}

// Taken is how many donations a side accepted in a moment, and how long from post to 302.
type Taken struct {
	Accepted int64   `json:"accepted"`
	P50      float64 `json:"p50"`
	P95      float64 `json:"p95"`
}

// Donation is one that the site accepted. Ref is the transaction_id that the form was given.
type Donation struct {
	Ref    string    `json:"ref"`
	Amount string    `json:"amount"` // pounds and pence, as typed
	SID    uint64    `json:"sid"`    // of the page that the donor was sent to
	Side   string    `json:"side"`
	At     time.Time `json:"at"`
}

// Percentiles are of a histogram with three digits; all are zero where there was nothing to count.
type Percentiles struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

func percentiles(h *hdrhistogram.Histogram) Percentiles {
	at := func(q float64) float64 { return round(float64(h.ValueAtQuantile(q)) / 1000) }
	return Percentiles{P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), Max: round(float64(h.Max()) / 1000)}
}

func round(x float64) float64 { return math.Round(x*1000) / 1000 }
