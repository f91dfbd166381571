package diff

import "time"

// Row is one kind of difference of a group: the same difference again adds to its count.
type Row struct {
	Group   string     `json:"group"`
	Route   string     `json:"route"`
	Example Difference `json:"example"` // the newest, redacted
	Request string     `json:"request"` // its id
	Count   int64      `json:"count"`
	First   time.Time  `json:"first"`
	Last    time.Time  `json:"last"`
}

// Tally is what became of a group's comparisons; Compared is the sum of the others (F-12).
type Tally struct {
	Compared     int64 `json:"compared"`
	Equal        int64 `json:"equal"`
	Masked       int64 `json:"masked"`
	Differing    int64 `json:"differing"`
	Capped       int64 `json:"capped"`
	Uncomparable int64 `json:"uncomparable"`
	Replays      int64 `json:"replays"` // legacy against itself
	Noise        int64 `json:"noise"`   // of them, differing
}

// Ledger keeps the kinds of differences of all groups, bounded, for fourteen days (F-9). It is safe for concurrent use.
type Ledger struct{}

// NewLedger makes an empty one.
func NewLedger(now func() time.Time) *Ledger { return &Ledger{} }

// Add counts one comparison. replay says that legacy was compared with itself.
func (l *Ledger) Add(r Request, replay bool, res Result) {}

// Rows are a group's kinds of differences, the most frequent first; every group's for "".
func (l *Ledger) Rows(group string) []Row { return nil }

// Tally is what became of a group's comparisons.
func (l *Ledger) Tally(group string) Tally { return Tally{} }
