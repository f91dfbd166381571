// Package diff says what two answers to one request mean differently: status, headers that matter, JSON by type and path, HTML by
// its meaning, forms and redirects, and what a write would have stored. Noise is masked by rule or learned by statistics; personal
// data is redacted before anything is kept.
package diff

import "time"

// Answer is one side's answer as it came.
type Answer struct {
	Status int
	Header [][2]string
	Body   []byte        // as received, perhaps coded by gzip or br; decoded in a copy
	Cut    bool          // the body is longer than what was kept
	Took   time.Duration // to the head
	Failed string        // the blame class of an answer that did not come; "" if it did
}

// Request is what was asked, as far as masks and reports need it.
type Request struct {
	ID     string
	Group  string
	Route  string // its id
	Method string
	Target string
	At     time.Time
}

// Outcome is how a comparison ended (F-12: every one is counted).
type Outcome string

// The outcomes. Uncomparable has a gateway's or a client's failure on a side (F-1); Capped was over a cap (F-9).
const (
	Equal        Outcome = "equal"
	Masked       Outcome = "masked" // equal but for noise
	Differs      Outcome = "differs"
	Capped       Outcome = "capped"
	Uncomparable Outcome = "uncomparable"
)

// Difference is one place where the answers mean something else. Legacy and New are redacted.
type Difference struct {
	Field    string `json:"field"` // status, header location, html title, html form /donate field amount, json /a/0/b, effect amount, …
	Kind     string `json:"kind"`  // changed, missing, extra, order, type, …
	Legacy   string `json:"legacy"`
	New      string `json:"new"`
	Critical bool   `json:"critical,omitempty"` // an amount or a consent (J-8)
}

// Result is one comparison.
type Result struct {
	Outcome     Outcome      `json:"outcome"`
	Differences []Difference `json:"differences,omitempty"`
	Masks       []string     `json:"masks,omitempty"` // the ids of those that hid something
}
