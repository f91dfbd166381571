package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/money"
)

// keys are a form's components, in one order for both sides.
func keys(f form.Form) []string {
	all := make([]string, len(f.Components))
	for i, c := range f.Components {
		all[i] = c.Key
	}
	return all
}

// canonical is what a row says, however it was written: where a form has a mapping, both sides go through it, and money
// is pounds and pence. A component that the old site did not store is equal to an empty one, which is what the service
// makes of it.
func (c *comparison) canonical(r form.Record) map[string][]string {
	if r.Form != "donate" {
		return r.Values
	}
	d := form.DonationOf(r.Values)
	if pounds, err := money.ParseOld(d.Amount); err == nil {
		d.Amount = pounds.Decimal()
	}
	return d.Values()
}

var seed = maphash.MakeSeed()

// sum is the print of a row's canonical form.
func (c *comparison) sum(r form.Record) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	values := c.canonical(r)
	for _, key := range c.keys {
		for _, v := range values[key] {
			h.WriteString(v)
			h.WriteByte(0)
		}
		h.WriteByte(1)
	}
	h.WriteString(r.At.UTC().Format(time.RFC3339))
	return h.Sum64()
}

// unknown reports values of components that the form does not know, and which therefore nobody took over.
func (c *comparison) unknown(r form.Record) {
	if c.known(r) {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(r.Values)) {
		if text := join(r.Values[key]); text != "" && !slices.Contains(c.keys, key) {
			c.differ(Difference{id(r.SID), key, text, "no such field"})
		}
	}
}

// known says whether the row has components of the form only.
func (c *comparison) known(r form.Record) bool {
	n := 0
	for _, key := range c.keys {
		if _, has := r.Values[key]; has {
			n++
		}
	}
	return n == len(r.Values)
}

// stored holds what a row would be stored as against what is stored: what Records shows of it is equal already, but a
// service keeps more, such as the pence that it made of a text.
func (c *comparison) stored(ctx context.Context, sid int64, writes []kv.Write) error {
	for _, w := range writes {
		item, err := c.job.Store.Get(ctx, w.Key)
		switch {
		case errors.Is(err, kv.ErrNotFound):
			c.differ(Difference{id(sid), "stored", w.Key.Part + " " + w.Key.Sort, "missing"})
		case err != nil:
			return err
		case !bytes.Equal(item.Data, w.Data):
			c.fields(sid, w.Data, item.Data)
		}
	}
	return nil
}

// fields names what differs of two stored records. A field that one side does not have belongs to another version of
// the service and is no difference.
func (c *comparison) fields(sid int64, source, target []byte) {
	var ours, theirs map[string]json.RawMessage
	if json.Unmarshal(source, &ours) != nil || json.Unmarshal(target, &theirs) != nil {
		c.differ(Difference{id(sid), "stored", string(source), string(target)})
		return
	}
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		if theirs, has := theirs[name]; has && !bytes.Equal(ours[name], theirs) {
			c.differ(Difference{id(sid), "stored " + name, string(ours[name]), string(theirs)})
		}
	}
}

// differing reads the unequal rows of the target again and names the values.
func (c *comparison) differing(ctx context.Context) error {
	if len(c.unequal) == 0 {
		return nil
	}
	return c.records(ctx, func(r form.Record) error {
		source, differs := c.unequal[r.SID]
		if !differs {
			return nil
		}
		ours, theirs := c.canonical(source), c.canonical(r)
		for _, key := range c.keys {
			if !slices.Equal(ours[key], theirs[key]) {
				c.differ(Difference{id(r.SID), key, join(ours[key]), join(theirs[key])})
			}
		}
		if !source.At.Equal(r.At) {
			c.differ(Difference{id(r.SID), "at", source.At.UTC().Format(time.RFC3339), r.At.UTC().Format(time.RFC3339)})
		}
		return nil
	})
}

// doubled finds which of the missing rows are duplicates: the whole submission, its transaction included, is that of an
// earlier row that may be moved. The others are lost.
func (c *comparison) doubled(ctx context.Context) error {
	byTransaction := map[string][]form.Record{}
	for _, r := range c.missing {
		if t := r.Value("transaction_id"); t != "" {
			byTransaction[t] = append(byTransaction[t], r)
		}
	}
	if len(byTransaction) > 0 {
		_, err := c.job.Source.Records(ctx, c.job.Form.Alias, drupal.Span{}, func(r form.Record) error {
			for _, later := range byTransaction[r.Value("transaction_id")] {
				_, missing := c.missing[later.SID]
				if missing && r.SID < later.SID && maps.EqualFunc(r.Values, later.Values, slices.Equal) {
					if _, no := c.judge(r); no == "" {
						c.duplicate(later)
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, sid := range slices.Sorted(maps.Keys(c.missing)) {
		c.differ(Difference{id(sid), "row", "there", "missing"})
	}
	return nil
}

func (c *comparison) duplicate(r form.Record) {
	delete(c.missing, r.SID)
	c.result.Rejected["duplicate"]++
	if pence, err := money.ParseOld(r.Value("amount")); err == nil {
		c.result.SumPenceSource -= pence.Minor()
	}
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

func join(values []string) string { return strings.Join(values, ", ") }
