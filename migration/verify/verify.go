// Package verify proves that the services hold what the old site holds: it compares counts, sums of money and every
// row, value by value, in both directions. It shares no code with the mover beyond the services' own rules.
package verify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/money"
)

// Job is the comparison of one form with the service that decided about its rows.
type Job struct {
	Source drupal.Source
	Form   form.Form
	Store  kv.Store
	// Import and Records are services/all's.
	Import   func(form.Record) ([]kv.Write, error)
	Records  func(ctx context.Context, store kv.Store, after string, limit int) ([]form.Record, string, error)
	Compared func(rows int) // told of the source's rows now and then; nil: nobody
}

// Result is what was found. Sums are over what is migratable.
type Result struct {
	RowsSource     int64            `json:"rows_source"` // all of them
	RowsTarget     int64            `json:"rows_target"` // those that were imported
	SumPenceSource int64            `json:"sum_pence_source"`
	SumPenceTarget int64            `json:"sum_pence_target"`
	Rejected       map[string]int64 `json:"rejected"`
	Differences    []Difference     `json:"differences"`
	More           int64            `json:"more_differences"` // rows that differ beyond those listed
	Orphans        int64            `json:"orphans"`          // values whose submission is gone from the old site
	Own            int64            `json:"own"`              // records that the service took itself, which no old row has
}

// Clean says whether every row is equal or rejected.
func (r Result) Clean() bool {
	return len(r.Differences) == 0 && r.More == 0 && r.SumPenceSource == r.SumPenceTarget
}

// Rejections is how many rows are not to be moved, for all reasons.
func (r Result) Rejections() (n int64) {
	for _, count := range r.Rejected {
		n += count
	}
	return n
}

// Difference is one value that is not the same on both sides. The field "row" stands for a whole row.
type Difference struct {
	ID     string `json:"id"` // the old site's sid
	Field  string `json:"field"`
	Source string `json:"source"`
	Target string `json:"target"`
}

// most is how many rows that differ are listed value by value; beyond it they are counted.
const most = 10_000

// print is a target row in sixteen bytes, so that a million rows take sixteen megabytes.
type print struct {
	sid int64
	sum uint64
}

// Run compares. It reads the target first, so that a row which is moved meanwhile is not called missing twice; while
// somebody moves rows, what it finds is not final.
func (j Job) Run(ctx context.Context) (Result, error) {
	c := comparison{job: j, keys: keys(j.Form), result: Result{Rejected: map[string]int64{}, Differences: []Difference{}}}
	for _, step := range []func(context.Context) error{c.target, c.source, c.differing, c.doubled} {
		if err := step(ctx); err != nil {
			return c.result, fmt.Errorf("verify: %s: %w", j.Form.Alias, err)
		}
	}
	c.rest()
	slices.SortStableFunc(c.result.Differences, func(a, b Difference) int {
		x, _ := strconv.ParseInt(a.ID, 10, 64)
		y, _ := strconv.ParseInt(b.ID, 10, 64)
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(a.Field, b.Field))
	})
	return c.result, nil
}

// comparison is one Run.
type comparison struct {
	job     Job
	keys    []string
	result  Result
	prints  []print
	at      int                   // prints before it are compared
	unequal map[int64]form.Record // source rows whose print differs
	missing map[int64]form.Record // source rows that the target does not have
}

// target takes the print of every imported record.
func (c *comparison) target(ctx context.Context) error {
	err := c.records(ctx, func(r form.Record) error {
		if r.SID == 0 {
			c.result.Own++
			return nil
		}
		pence, err := money.ParseOld(r.Value("amount"))
		if err == nil {
			c.result.SumPenceTarget += pence.Minor()
		}
		c.result.RowsTarget++
		c.prints = append(c.prints, print{r.SID, c.sum(r)})
		return nil
	})
	bySID := func(a, b print) int { return cmp.Compare(a.sid, b.sid) }
	if !slices.IsSortedFunc(c.prints, bySID) {
		slices.SortFunc(c.prints, bySID)
	}
	return err
}

// records gives every record of the form that the service holds.
func (c *comparison) records(ctx context.Context, each func(form.Record) error) error {
	for after := ""; ; {
		records, next, err := c.job.Records(ctx, c.job.Store, after, 1000)
		if err != nil {
			return err
		}
		for _, r := range records {
			if r.Form == c.job.Form.Alias || r.SID == 0 {
				if err := each(r); err != nil {
					return err
				}
			}
		}
		if next == "" {
			return nil
		}
		after = next
	}
}

// source holds every old row against the prints. Both come in the order of sids.
func (c *comparison) source(ctx context.Context) (err error) {
	c.unequal, c.missing = map[int64]form.Record{}, map[int64]form.Record{}
	c.result.Orphans, err = c.job.Source.Records(ctx, c.job.Form.Alias, drupal.Span{}, func(r form.Record) error {
		c.result.RowsSource++
		if c.job.Compared != nil && c.result.RowsSource%1000 == 0 {
			c.job.Compared(1000)
		}
		c.before(r.SID)
		sum, held := c.held(r.SID)
		writes, reason := c.judge(r)
		if reason != "" {
			c.result.Rejected[reason]++
			if held {
				c.differ(Difference{id(r.SID), "row", "rejected: " + reason, "there"})
			}
			return nil
		}
		pence, err := money.ParseOld(r.Value("amount"))
		if err == nil {
			c.result.SumPenceSource += pence.Minor()
		}
		switch {
		case !held:
			c.keep(c.missing, r)
		case sum != c.sum(r):
			c.keep(c.unequal, r)
		default:
			if err := c.stored(ctx, r.SID, writes); err != nil {
				return err
			}
		}
		c.unknown(r)
		return nil
	})
	return err
}

// before passes the target's rows up to a sid: the source does not have them.
func (c *comparison) before(sid int64) {
	for ; c.at < len(c.prints) && c.prints[c.at].sid < sid; c.at++ {
		c.differ(Difference{id(c.prints[c.at].sid), "row", "missing", "there"})
	}
}

// rest passes those beyond the last source row.
func (c *comparison) rest() {
	for ; c.at < len(c.prints); c.at++ {
		c.differ(Difference{id(c.prints[c.at].sid), "row", "missing", "there"})
	}
}

// held is the target's print of a row; one that it has twice is a difference.
func (c *comparison) held(sid int64) (sum uint64, held bool) {
	for ; c.at < len(c.prints) && c.prints[c.at].sid == sid; c.at++ {
		if held {
			c.differ(Difference{id(sid), "row", "once", "twice"})
		}
		sum, held = c.prints[c.at].sum, true
	}
	return sum, held
}

// judge is what is to be stored of a row, or the reason why it is not to be moved, duplicates aside.
func (c *comparison) judge(r form.Record) (writes []kv.Write, reason string) {
	if r.Draft {
		return nil, "draft"
	}
	writes, err := c.job.Import(r)
	return writes, reasonOf(err)
}

func (c *comparison) keep(in map[int64]form.Record, r form.Record) {
	if len(c.unequal)+len(c.missing) >= most {
		c.result.More++
		return
	}
	in[r.SID] = r
}

func (c *comparison) differ(d Difference) {
	if len(c.result.Differences) >= most {
		c.result.More++
		return
	}
	c.result.Differences = append(c.result.Differences, d)
}

func id(sid int64) string { return strconv.FormatInt(sid, 10) }
