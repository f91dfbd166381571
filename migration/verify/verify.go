// Package verify proves that the services hold what the old site holds, and the old site what the services took
// meanwhile: it compares counts, sums of money and every row, value by value, in both directions, while both sides are
// live. It shares no code with the mover beyond the services' own rules.
//
// # How it looks
//
// The watermark comes first: the source's last sid. Rows beyond it are in flight. Both sides are then read once, in the
// order of sids. What differs is looked at again until Job.Patience is over: a row that is equal then was in flight and
// has landed; one that still changes from look to look is in flight; one that stays as it is, and differs, is a
// difference. So no row that moves is called lost, and no loss is called moving.
//
// # The digest of a side
//
// Each party can compute its own side's digest alone and read it to the other. netstring(x) is x's length in bytes as a
// decimal, ":", x, ",".
//
//	row    = SHA-256 of netstring(form) netstring(nid) netstring(sid) netstring(time) component …
//	         form is the path alias ("donate"), time is RFC 3339 in UTC to the second ("2019-03-16T00:42:13Z")
//	component = netstring(key) netstring(number of values) netstring(value) …
//	         in the form's order, then those that the form does not know, by key; trailing empty values are dropped, and
//	         a component without values is left out
//	block  = SHA-256 of its rows' 32 bytes each, in the order of sids; block n holds the sids from 100·n to 100·n+99
//	digest = SHA-256 of (n as 8 bytes, big endian; block n's 32 bytes) for each n that has rows, in order; in hex
//
// The rows are those of the old site that are moved: no drafts, no rejects, no duplicates, none that was written back
// from the service, none in flight. Where a donation's component has one value it is taken as it was meant: space around
// it is dropped except in message, amount is pounds, a point and two digits, the ways to write the United Kingdom, nothing
// among them, are GB, and gift_aid and email_consent are 1, 0 or empty.
//
// # What is kept, and who may read it
//
// Differences hold people's data: WriteDifferences is for a file of mode 0600, to be deleted once they are mended. The
// certificate holds none, only row numbers, lengths and keyed hashes, and is for keeping: seven years with the accounts
// that it proves. Its files are made with mode 0600 all the same; whoever publishes one decides so.
package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// Job is the comparison of one form with the service that decided about its rows.
type Job struct {
	Source drupal.Source
	Form   form.Form // a webform, or one of form.Contents
	Store  kv.Store
	// Import and Records are services/all's; nil where the service does not exist yet, and all that can be moved waits.
	Import   func(form.Record) ([]kv.Write, error)
	Records  func(ctx context.Context, store kv.Store, after string, limit int) ([]form.Record, string, error)
	Compared func(rows int) // told of the source's rows now and then; nil: nobody
	// Patience is how long a row of a live source may take to land before it is a difference; 0: one more look, at once.
	Patience time.Duration
	// Reached is the sid up to which a sync that goes on has looked at every row: later ones are in flight. 0: none goes
	// on, and all must be there.
	Reached int64
	Now     func() time.Time // nil: the clock
}

// looks is how often what differs is looked at again within Job.Patience.
const looks = 5

// most is how many rows that differ are looked at again and listed value by value; beyond it they are counted.
const most = 10_000

// Run compares. It only reads.
func (j Job) Run(ctx context.Context) (Result, error) {
	if j.Now == nil {
		j.Now = time.Now
	}
	began := j.Now().UTC()
	r, err := j.run(ctx, false)
	if errors.Is(err, errUnsorted) {
		r, err = j.run(ctx, true)
	}
	if err != nil {
		return r, fmt.Errorf("verify: %s: %w", j.Form.Alias, err)
	}
	r.Began, r.Ended = began, j.Now().UTC()
	return r, nil
}

func (j Job) run(ctx context.Context, shelved bool) (Result, error) {
	c := &comparison{job: j, canon: newCanon(j.Form), tally: tally{map[cell]*figures{}}, source: newDigest(), held: newDigest(), back: newReversals(),
		result: Result{Form: j.Form.Alias, Rejected: map[string]int64{}, Differences: []Difference{}, Moving: []Moving{}}}
	steps := []func(context.Context) error{c.watermark, func(ctx context.Context) error { return c.merge(ctx, shelved) }, c.beyond, c.join, c.settle}
	if j.Import == nil || j.Records == nil {
		steps = []func(context.Context) error{c.watermark, c.wait, c.beyond}
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return c.result, err
		}
	}
	inOrder(c.result.Differences)
	c.result.Sums = c.tally.sums()
	c.result.Digest = Digest{c.source.hex(), c.held.hex()}
	return c.result, nil
}

// comparison is one Run.
type comparison struct {
	job     Job
	canon   *canon
	result  Result
	tally   tally
	source  *digest
	held    *digest
	until   int64  // the watermark; 0: none
	ahead   []held // records beyond it
	pending []*pending
	back    *reversals
}

// watermark is fixed before anything is read. A dump stands still and needs none.
func (c *comparison) watermark(ctx context.Context) (err error) {
	c.result.Watermark.At = c.job.Now().UTC()
	if !c.job.Source.Live() {
		return nil
	}
	if c.until, err = c.job.Source.Last(ctx, c.job.Form.Alias); err != nil {
		return err
	}
	if c.job.Reached > 0 {
		c.until = min(c.until, c.job.Reached)
	}
	c.result.Watermark.SID = c.until
	return nil
}

// wait goes through a form whose service does not exist yet: its rows are counted, and wait.
func (c *comparison) wait(ctx context.Context) (err error) {
	j := c.job.judge()
	c.result.Orphans, err = c.job.Source.Records(ctx, c.job.Form.Alias, drupal.Span{Until: c.until}, func(record form.Record) error {
		c.compared()
		r := j.alone(record)
		if r.reason != "" {
			c.result.Rejected[r.reason]++
			c.tally.add(ofSource, dayOf(&record), rejected, r.pence)
			return nil
		}
		c.result.Waiting++
		c.result.WaitingPence += r.pence
		c.result.SumPenceSource += r.pence
		c.tally.add(ofSource, dayOf(&record), waiting, r.pence)
		c.source.add(record.SID, c.canon.sum(&record, id(record.SID)))
		return nil
	})
	return err
}

// compared counts a source row and tells whoever watches.
func (c *comparison) compared() {
	c.result.RowsSource++
	if c.job.Compared != nil && c.result.RowsSource%1000 == 0 {
		c.job.Compared(1000)
	}
}
