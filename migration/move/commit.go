package move

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// patience is how often a batch is tried again when somebody else writes the same rows at the same time.
const patience = 5

// Mark is the highest sid that was moved or rejected, 0 at the beginning: the checkpoint, written with each batch.
func Mark(ctx context.Context, store kv.Store, f form.Form) (int64, error) {
	item, err := store.Get(ctx, markKey(f))
	if errors.Is(err, kv.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("move: %w", err)
	}
	mark, err := strconv.ParseInt(string(item.Data), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("move: the checkpoint %v is not a number: %w", item.Key, err)
	}
	return mark, nil
}

func markKey(f form.Form) kv.Key { return kv.Key{Part: "move/" + f.Alias, Sort: "mark"} }

// committer stores lots in order.
type committer struct {
	job    Job
	mark   int64
	result *Result
}

func (c *committer) run(ctx context.Context, lots <-chan *lot) error {
	for l := range lots {
		if err := c.take(ctx, l); err != nil {
			return err
		}
		if c.job.Moved != nil {
			c.job.Moved(int(l.rows))
		}
	}
	return ctx.Err()
}

// take stores one lot. The rejects come first, for nobody looks at a row again that Sync's checkpoint has passed; the
// first service comes last, together with the checkpoint. Whatever kills us before that leaves rows that the next run
// finds unchanged, and perhaps a line that it writes again.
func (c *committer) take(ctx context.Context, l *lot) error {
	if writes := rejected(c.job, l.rejects); len(writes) > 0 && !c.job.DryRun {
		if err := c.job.Parts[0].Store.Commit(ctx, writes...); err != nil {
			return err
		}
	}
	var fresh int64
	for i := len(c.job.Parts) - 1; i >= 0; i-- {
		var err error
		if fresh, err = c.store(ctx, l, i); err != nil {
			return err
		}
	}
	c.mark = max(c.mark, l.last)
	r := c.result
	r.Rows += l.rows
	r.Moved += fresh
	r.Unchanged += int64(len(l.keep)) - fresh
	r.RefusedParts += l.refused
	r.Waiting += l.waiting
	for _, k := range l.keep {
		r.SumPence += k.pence
	}
	for _, reject := range l.rejects {
		if reject.Service == "" {
			r.Rejected[reject.Reason]++
		}
	}
	return nil
}

// store puts the i-th part of a lot into its service's store and counts the rows that were not there. Rows beyond the
// checkpoint are taken for new, which the conditions of their writes check; the others are looked up first.
func (c *committer) store(ctx context.Context, l *lot, i int) (fresh int64, err error) {
	store := c.job.Parts[i].Store
	look := l.last <= c.mark || c.job.DryRun
	for range patience {
		writes, fresh, err := c.missing(ctx, l, i, look)
		if err != nil {
			return 0, err
		}
		if i == 0 && l.last > c.mark {
			writes = append(writes, c.checkpoint(l)...)
		}
		if len(writes) == 0 || c.job.DryRun {
			return fresh, nil
		}
		err = store.Commit(ctx, writes...)
		if err == nil || !errors.Is(err, kv.ErrConflict) {
			return fresh, err
		}
		look = true
	}
	return 0, fmt.Errorf("%s: rows up to sid %d cannot be stored, since somebody else keeps writing the same ones: %w",
		c.job.Parts[i].Service, l.last, kv.ErrConflict)
}

// missing are the writes of the rows that are not yet in the store.
func (c *committer) missing(ctx context.Context, l *lot, i int, look bool) (writes []kv.Write, fresh int64, err error) {
	for _, k := range l.keep {
		if len(k.writes[i]) == 0 {
			continue
		}
		if look {
			_, err := c.job.Parts[i].Store.Get(ctx, k.writes[i][0].Key)
			if err == nil {
				continue
			}
			if !errors.Is(err, kv.ErrNotFound) {
				return nil, 0, err
			}
		}
		writes = append(writes, k.writes[i]...)
		fresh++
	}
	return writes, fresh, nil
}

// checkpoint says how far the form has come, and remembers what later rows may double. Two movers at once write the
// same, each only what it has moved itself.
func (c *committer) checkpoint(l *lot) []kv.Write {
	writes := []kv.Write{{Key: markKey(c.job.Form), Data: strconv.AppendInt(nil, l.last, 10)}}
	if len(l.digests) > 0 {
		data := make([]byte, 0, 8*len(l.digests))
		for _, d := range l.digests {
			data = binary.BigEndian.AppendUint64(data, d)
		}
		writes = append(writes, kv.Write{Key: log(c.job.Form, l.last), Data: data})
	}
	return writes
}
