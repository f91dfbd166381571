package verify

import (
	"context"
	"errors"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// row is a source row and what is to become of it.
type row struct {
	record form.Record
	writes []kv.Write
	reason string // why it is not to be moved; empty: it is, or the service took it itself
	pence  int64
}

// judge decides about rows in the order of their sids. It is used by one goroutine.
type judge struct {
	job        Job
	canon      *canon
	duplicates *duplicates
}

func (j Job) judge() *judge {
	c := newCanon(j.Form)
	return &judge{j, c, newDuplicates(c)}
}

// alone applies every reason that a row has by itself, in their order: draft, then what the service refuses.
func (j *judge) alone(r form.Record) row {
	judged := row{record: r, pence: j.canon.pence(&r)}
	switch {
	case r.Origin != "":
	case r.Draft:
		judged.reason = "draft"
	case j.job.Import == nil:
		if no := form.Refuse(r); len(no) > 0 {
			judged.reason = no[0].Field
		}
	default:
		var err error
		judged.writes, err = j.job.Import(r)
		judged.reason = reasonOf(err)
	}
	return judged
}

// row adds the one reason that a row has by those before it.
func (j *judge) row(r form.Record) row {
	judged := j.alone(r)
	if judged.reason == "" && r.Origin == "" && j.job.Import != nil && j.duplicates.again(&r) {
		judged.reason = "duplicate"
	}
	return judged
}

// reasonOf is that of Import's first fault.
func reasonOf(err error) string {
	var f *fault.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &f) && f.Field != "":
		return f.Field
	}
	return "import"
}

// lot is how many rows go from one goroutine to the next at once.
const lot = 256

// reading is the source's rows, judged, in the order of their sids.
type reading struct {
	lots    <-chan []row
	orphans int64 // both valid once lots is closed
	err     error
}

// read reads in one goroutine and judges in another: a dump is parsed as slowly as a service judges.
func (c *comparison) read(ctx context.Context) *reading {
	raw, lots := make(chan []form.Record, 2), make(chan []row, 2)
	r := &reading{lots: lots}
	go func() {
		defer close(raw)
		batch := make([]form.Record, 0, lot)
		give := func() error {
			select {
			case raw <- batch:
				batch = make([]form.Record, 0, lot)
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		r.orphans, r.err = c.job.Source.Records(ctx, c.job.Form.Alias, drupal.Span{Until: c.until}, func(record form.Record) error {
			if batch = append(batch, record); len(batch) < lot {
				return nil
			}
			return give()
		})
		if r.err == nil {
			r.err = give()
		}
	}()
	go func() {
		defer close(lots)
		j := c.job.judge()
		for records := range raw {
			rows := make([]row, len(records))
			for i, record := range records {
				rows[i] = j.row(record)
			}
			select {
			case lots <- rows:
			case <-ctx.Done(): // the reader ends by itself, and raw with it
			}
		}
	}()
	return r
}
