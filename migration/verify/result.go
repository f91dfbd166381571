package verify

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/banyan-migration/banyan/shared/form"
)

// Result is what was found. Sums are over what is migratable; days are those of UTC.
type Result struct {
	Form           string           `json:"form"`
	Began          time.Time        `json:"began"`
	Ended          time.Time        `json:"ended"`
	Watermark      Watermark        `json:"watermark"`
	RowsSource     int64            `json:"rows_source"` // all of them, up to the watermark
	RowsTarget     int64            `json:"rows_target"` // those that were imported
	SumPenceSource int64            `json:"sum_pence_source"`
	SumPenceTarget int64            `json:"sum_pence_target"`
	Rejected       map[string]int64 `json:"rejected"`
	Differences    []Difference     `json:"differences"`      // by sid; they hold people's data
	More           int64            `json:"more_differences"` // rows that differ beyond those listed
	Orphans        int64            `json:"orphans"`          // values whose submission is gone from the old site
	Own            int64            `json:"own"`              // records that the service took itself and that wait to be written back
	Reversed       int64            `json:"reversed"`         // those that were: each was held against its row
	Narrowed       int64            `json:"narrowed"`         // those of them whose rows lack letters that the old tables do not know: drupal.Narrow
	Waiting        int64            `json:"waiting"`          // rows whose service does not exist yet
	WaitingPence   int64            `json:"waiting_pence"`    // what they come to, a part of SumPenceSource
	InFlight       int64            `json:"in_flight"`        // rows beyond the watermark, and rows that changed from look to look
	Moving         []Moving         `json:"in_flight_rows"`   // at most 1000 of them
	Settled        int64            `json:"settled"`          // rows that differed at first and were equal at a later look
	Sums           []Sum            `json:"sums"`             // by day and status
	Digest         Digest           `json:"digest"`
}

// Watermark is up to where the two sides were compared, fixed before anything was read.
type Watermark struct {
	SID int64     `json:"sid"` // the old site's; 0: all there was
	At  time.Time `json:"at"`
}

// Moving is a row that was in flight.
type Moving struct {
	ID  string `json:"id"`
	Why string `json:"why"` // beyond the watermark, or changing
}

// Sum is what the rows of one day and status come to, on both sides.
type Sum struct {
	Day         string `json:"day"`    // 2019-03-15, by UTC
	Status      string `json:"status"` // moved, reversed, own, waiting, rejected or in_flight
	RowsSource  int64  `json:"rows_source"`
	RowsTarget  int64  `json:"rows_target"`
	PenceSource int64  `json:"pence_source"`
	PenceTarget int64  `json:"pence_target"`
}

// What may have become of a row. Moved and reversed ones are on both sides.
const (
	moved    = "moved"
	reversed = "reversed"
	own      = "own"
	waiting  = "waiting"
	rejected = "rejected"
	inFlight = "in_flight"
)

// Digest is the print of each side's moved rows, as the package comment says.
type Digest struct {
	Source string `json:"source"`
	Target string `json:"target"`
}

// Difference is one value that is not the same on both sides. The field "row" stands for a whole row, "stored NAME" for
// what the service keeps under that name.
type Difference struct {
	ID     string `json:"id"` // the old site's sid
	Field  string `json:"field"`
	Source string `json:"source"`
	Target string `json:"target"`
	Kind   Kind   `json:"kind"`
}

// Kind is in what way a row differs.
type Kind string

// The kinds of differences.
const (
	Missing Kind = "missing" // the target lacks it
	Extra   Kind = "extra"   // the source lacks it
	Twice   Kind = "twice"   // one row is there more than once
	Refused Kind = "refused" // it is there although it is not to be moved
	Value   Kind = "value"   // one value is another
	Stored  Kind = "stored"  // what the service keeps besides is not what it would make of the row
)

// Clean says whether every row that was compared is equal or rejected.
func (r Result) Clean() bool {
	for _, s := range r.Sums {
		if (s.Status == moved || s.Status == reversed) && (s.RowsSource != s.RowsTarget || s.PenceSource != s.PenceTarget) {
			return false
		}
	}
	return len(r.Differences) == 0 && r.More == 0 && r.SumPenceSource-r.WaitingPence == r.SumPenceTarget &&
		(r.Waiting > 0 || r.Digest.Source == r.Digest.Target)
}

// Rejections is how many rows are not to be moved, for all reasons.
func (r Result) Rejections() (n int64) {
	for _, count := range r.Rejected {
		n += count
	}
	return n
}

func inOrder(all []Difference) {
	slices.SortStableFunc(all, func(a, b Difference) int {
		x, _ := strconv.ParseInt(a.ID, 10, 64)
		y, _ := strconv.ParseInt(b.ID, 10, 64)
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(a.Field, b.Field))
	})
}

// tally adds rows up by day and status.
type tally struct {
	by map[cell]*figures
}

type cell struct {
	day    int64 // since 1970
	status string
}

// figures are rows and pence of the source and of the target.
type figures struct{ rows, pence [2]int64 }

// side is one of the two.
type side int

const (
	ofSource side = iota
	ofTarget
)

func dayOf(r *form.Record) int64 {
	seconds := r.At.Unix()
	if day := seconds / 86400; seconds%86400 >= 0 {
		return day
	}
	return seconds/86400 - 1
}

func (t *tally) add(of side, day int64, status string, pence int64) {
	f := t.by[cell{day, status}]
	if f == nil {
		f = &figures{}
		t.by[cell{day, status}] = f
	}
	f.rows[of]++
	f.pence[of] += pence
}

// sums are the cells in order.
func (t *tally) sums() []Sum {
	all := make([]Sum, 0, len(t.by))
	for c, f := range t.by {
		all = append(all, Sum{time.Unix(c.day*86400, 0).UTC().Format(time.DateOnly), c.status, f.rows[ofSource], f.rows[ofTarget], f.pence[ofSource], f.pence[ofTarget]})
	}
	slices.SortFunc(all, func(a, b Sum) int { return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Status, b.Status)) })
	return all
}
