package move

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// rounds is how often a batch is looked at and written while somebody else changes the same rows.
const rounds = 5

// batch brings records of the service's own into the old site.
func (r *reversal) batch(ctx context.Context, records []form.Record) error {
	records = r.fit(records)
	if len(records) == 0 {
		return ctx.Err()
	}
	done := make([]fate, len(records))
	for range rounds {
		rows, err := r.w.Look(ctx, r.job.Form.Alias, records)
		if err != nil {
			return err
		}
		todo, err := r.decide(ctx, records, rows)
		if err != nil {
			return err
		}
		again, err := r.write(ctx, todo, rows)
		if err != nil {
			return err
		}
		for i, row := range rows {
			d := &done[i]
			d.sid, d.homeless = row.SID, row.Homeless
			d.wrote = d.wrote || row.Wrote
			d.conflict = d.conflict || row.State == drupal.Edited || row.State == drupal.Gone
		}
		if !again {
			return r.count(ctx, records, done)
		}
	}
	return errors.New("somebody else keeps changing the same rows of the old site: nothing of them was written over")
}

// fate is what became of a record.
type fate struct {
	sid             int64
	wrote, conflict bool
	homeless        []string
}

// fit leaves out what is not for the old site.
func (r *reversal) fit(records []form.Record) (fit []form.Record) {
	for _, rec := range records {
		switch {
		case rec.Mark != "":
		case slices.Contains(rec.Homeless, "currency"):
			r.total.Rows++
			r.total.Rejected["currency"]++
			r.total.Homeless["currency"]++
		default:
			rec.Form = r.job.Form.Alias
			fit = append(fit, rec)
		}
	}
	return fit
}

// errand is what is to be written, how it stood, and where in the batch.
type errand struct {
	records []form.Record
	rows    []drupal.Row
	at      []int
}

// decide says what is to be written, and lists the conflicts first: whoever is killed behind the write would not see them
// again.
func (r *reversal) decide(ctx context.Context, records []form.Record, rows []drupal.Row) (todo errand, err error) {
	var listed []kv.Write
	for i, row := range rows {
		if slices.Contains(row.Homeless, "amount") {
			return todo, fmt.Errorf("the webform %s has no component that holds the amount, and a gift without one would be lost over there: put it back, or say which one it is with --rename %[1]s:NEW=amount. "+
				"Nothing of these records was written", r.job.Form.Alias)
		}
		if row.State == drupal.Missing && r.before {
			if err := r.nameless(ctx, records[i]); err != nil {
				return todo, err
			}
		}
		conflict := row.State == drupal.Edited || row.State == drupal.Gone
		if conflict {
			listed = append(listed, r.conflict(records[i], row))
		}
		if row.State != drupal.Same && (!conflict || r.job.Authority == Target) {
			todo.records, todo.rows, todo.at = append(todo.records, records[i]), append(todo.rows, row), append(todo.at, i)
		}
	}
	if len(listed) > 0 && !r.job.DryRun {
		err = commit(ctx, r.job.Parts[0].Store, listed)
	}
	return todo, err
}

// nameless refuses to write a record again whose row is still there, and only our table there has lost its line: one
// gift would be two. A number that was given to another has another time.
func (r *reversal) nameless(ctx context.Context, rec form.Record) error {
	sid, _, err := idsOf(r.job.Parts[0].Store, r.job.Form).Get(ctx, rec.Origin)
	if errors.Is(err, kv.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	row, err := r.job.Source.Record(ctx, r.job.Form.Node, sid)
	switch {
	case errors.Is(err, drupal.ErrNoRecord):
		return nil
	case err != nil:
		return err
	case row.Origin == "" && row.At.Unix() == rec.At.Unix():
		return fmt.Errorf("submission %d of %s is the record %s, which reverse wrote before, and the table banyan_origin no longer says so: written again it would be there twice. "+
			"Put that table back as the site's last backup has it, or delete the submission over there; nothing of these records was written", sid, r.job.Form.Alias, rec.Origin)
	}
	return nil
}

// write writes, and says in rows what it has written; again tells that one is no longer as it was seen.
func (r *reversal) write(ctx context.Context, todo errand, rows []drupal.Row) (again bool, err error) {
	if len(todo.records) == 0 {
		return false, nil
	}
	if r.job.DryRun {
		for _, i := range todo.at {
			rows[i].Wrote = true
		}
		return false, nil
	}
	if err := r.ids.begin(ctx); err != nil {
		return false, err
	}
	written, err := r.w.Write(ctx, r.job.Form.Alias, todo.records, todo.rows)
	if err != nil {
		return false, err
	}
	for n, row := range written {
		if was := todo.rows[n].SID; row.Wrote && was != 0 && was != row.SID {
			r.ids.moved(was)
		}
		again = again || !row.Wrote && row.State != drupal.Same
		rows[todo.at[n]].SID, rows[todo.at[n]].Wrote = row.SID, row.Wrote
	}
	return again, nil
}

// count adds up a batch and keeps the ids of its rows.
func (r *reversal) count(ctx context.Context, records []form.Record, done []fate) error {
	t := &r.total
	for i, d := range done {
		t.Rows++
		if pence, err := amount(records[i]); err == nil {
			t.SumPence += pence
		}
		if d.conflict {
			t.Conflicts++
		}
		if d.wrote {
			t.Moved++
		}
		for _, name := range d.homeless {
			t.Homeless[name]++
		}
		if d.sid != 0 && (d.wrote || r.ids.all) {
			r.ids.put(records[i].Origin, d.sid)
		}
	}
	t.Unchanged = t.Rows - t.Moved - t.Rejections()
	if r.job.Moved != nil {
		r.job.Moved(len(records))
	}
	if r.job.DryRun {
		return ctx.Err()
	}
	return r.ids.flush(ctx)
}

// conflict is the list's line of a row that somebody over there has changed or deleted.
func (r *reversal) conflict(rec form.Record, row drupal.Row) kv.Write {
	c := Conflict{Form: r.job.Form.Alias, SID: row.SID, Service: r.job.Form.Service, Stands: "target", Source: row.There.Values, At: r.job.now().UTC()}
	if r.job.Authority == Source {
		own, err := json.Marshal(rec.Values)
		if err != nil {
			panic("move: " + err.Error()) // texts only
		}
		c.Stands, c.Source, c.Target = "source", nil, []json.RawMessage{own}
	}
	data, err := json.Marshal(c)
	if err != nil {
		panic("move: " + err.Error()) // texts and times only
	}
	lost := uint64(0)
	if row.State == drupal.Edited {
		lost = drupal.Sum(row.There)
	}
	key := kv.Key{Part: conflictsPart(r.job.Form), Sort: fmt.Sprintf("%019d/reverse/%016x", row.SID, lost)}
	return kv.Write{Key: key, Data: data, Expires: r.job.now().Add(retention)}
}

// commit stores writes that need not be one, in as many commits as the store wants.
func commit(ctx context.Context, store kv.Store, writes []kv.Write) error {
	for some := range slices.Chunk(writes, min(kv.MaxWrites(store), 500)) {
		if err := store.Commit(ctx, some...); err != nil {
			return err
		}
	}
	return nil
}
