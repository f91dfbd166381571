// Package diff says what two answers to one request mean differently: status, headers that matter, JSON by type and path, HTML by
// its meaning, forms and redirects, and what a write would have stored. Noise is masked by rule or learned by statistics; personal
// data is redacted before anything is kept.
package diff

import (
	"cmp"
	"crypto/rand"
	"strings"
	"sync/atomic"
	"time"
)

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
	Own    bool // its answer is for one person, which a post, a query and the answers' own heads tell too
}

// path is the target without its query.
func (r Request) path() string {
	path, _, _ := strings.Cut(r.Target, "?")
	return path
}

// Outcome is how a comparison ended (F-12: every one is counted).
type Outcome string

// The outcomes. Uncomparable has a gateway's or a client's failure on a side, or no answer on both (F-1); Capped was over a cap (F-9).
const (
	Equal        Outcome = "equal"
	Masked       Outcome = "masked" // equal but for noise
	Differs      Outcome = "differs"
	Capped       Outcome = "capped"
	Uncomparable Outcome = "uncomparable"
)

// Difference is one place where the answers mean something else. Legacy and New are redacted.
type Difference struct {
	Field    string `json:"field"` // status, header location path, html title, html form /donate field amount, json /a/0/b, effect amount, …
	Kind     string `json:"kind"`  // changed, missing, extra, order, type, …
	Legacy   string `json:"legacy"`
	New      string `json:"new"`
	Critical bool   `json:"critical,omitempty"` // an amount or a consent (J-8)
}

// The kinds of differences. Missing is what only legacy has, Extra what only the new side has.
const (
	Changed = "changed"
	Missing = "missing"
	Extra   = "extra"
	Order   = "order" // the same values in another order
	Type    = "type"  // another JSON type
	Cut     = "cut"   // over a cap: only length and hash were compared
)

// Result is one comparison.
type Result struct {
	Outcome     Outcome      `json:"outcome"`
	Differences []Difference `json:"differences,omitempty"`
	Masks       []string     `json:"masks,omitempty"`   // the ids of those that hid something
	Learned     []string     `json:"learned,omitempty"` // fields that learned noise hid
	// DOM says how the trees of two HTML pages differ. It is information: markup may change while the meaning stays (F-5).
	DOM string `json:"dom,omitempty"`
}

// Critical says whether any of the differences is in an amount or a consent.
func (r Result) Critical() bool {
	for _, d := range r.Differences {
		if d.Critical {
			return true
		}
	}
	return false
}

// Caps bound what one comparison may cost (F-9). A zero field is its default.
type Caps struct {
	Bytes int // of a body, decoded; 1 MiB
	Nodes int // elements of a page, values of a document; 20,000
	Depth int // 256
	// Work is in bytes looked at, about ten nanoseconds each: five million stand for 50 ms of CPU. It is counted, not timed, so that
	// the same pair always ends the same way.
	Work int
}

func (c Caps) withDefaults() Caps {
	return Caps{cmp.Or(c.Bytes, 1<<20), cmp.Or(c.Nodes, 20_000), cmp.Or(c.Depth, 256), cmp.Or(c.Work, 5_000_000)}
}

// Options make a Comparer.
type Options struct {
	Masks []Mask
	Key   []byte // of the hashes that stand for redacted values; empty: a random one, so that hashes do not outlive the process
	Noise *Noise // learned noise; nil: none is learned
	Caps  Caps
	Now   func() time.Time // for masks that expire; nil: the clock
}

// Comparer compares answers. It is safe for concurrent use.
type Comparer struct {
	masks atomic.Pointer[[]*mask]
	red   redactor
	noise *Noise
	caps  Caps
	now   func() time.Time
}

// New makes a Comparer. It fails for a mask that cannot be used, and names it.
func New(o Options) (*Comparer, error) {
	key := o.Key
	if len(key) == 0 {
		key = []byte(rand.Text())
	}
	c := &Comparer{red: redactor{key}, noise: o.Noise, caps: o.Caps.withDefaults(), now: o.Now}
	if c.now == nil {
		c.now = time.Now
	}
	if err := c.Use(o.Masks); err != nil {
		return nil, err
	}
	return c, nil
}

// date is noise of every answer: listed, since two answers of one second would teach that it is none (F-7).
var date = Mask{ID: "date", At: "header date", Kind: Window, Window: 5 * time.Minute}

// Use replaces the masks; comparisons that run end with the old ones. If one cannot be used nothing is changed.
func (c *Comparer) Use(masks []Mask) error {
	all, err := compile(append([]Mask{date}, masks...))
	if err != nil {
		return err
	}
	c.masks.Store(&all)
	return nil
}

// Compare says what two answers to one request mean differently. Legacy and new are sides, whichever was asked first; in a replay
// both are legacy's. It never fails: what cannot be compared has an outcome that says so.
func (c *Comparer) Compare(r Request, legacy, new Answer) Result {
	if uncomparable(legacy.Failed) || uncomparable(new.Failed) || (legacy.Failed != "" && new.Failed != "") {
		return Result{Outcome: Uncomparable}
	}
	x := c.begin(r)
	x.heads = [2][][2]string{legacy.Header, new.Header}
	if legacy.Failed != "" || new.Failed != "" {
		x.found("answer", Missing, cmp.Or(legacy.Failed, "came"), cmp.Or(new.Failed, "came"), false)
		return x.result()
	}
	x.single("status", status(legacy), status(new))
	x.headers(legacy.Header, new.Header)
	if legacy.Status == new.Status { // pages of other kinds have nothing to compare
		x.bodies(legacy, new)
	}
	return x.result()
}

// uncomparable says whether a blame class is the gateway's or a client's (F-1).
func uncomparable(class string) bool {
	return strings.HasPrefix(class, "gateway_") || strings.HasPrefix(class, "client_")
}
