package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/banyan-migration/banyan/services/all"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// Stored is the row that the old site keeps of a submission: shadow's port of that name.
func (d Data) Stored(ctx context.Context, nid, sid int64) (form.Record, error) {
	return d.Source.Record(ctx, nid, sid)
}

// Wrote is what the writes in a shadow's answer say as a row of the old form: shadow's port of that name. They are put into an empty store
// and read as verify and reverse read the service's own.
func Wrote(ctx context.Context, service string, writes json.RawMessage) (form.Record, error) {
	e, ok := all.Named(service)
	if !ok || e.Records == nil {
		return form.Record{}, fmt.Errorf("the service %s gives back no rows of an old form", service)
	}
	var written []struct {
		Part, Sort string
		Data       json.RawMessage
		Deleted    bool
	}
	if err := json.Unmarshal(writes, &written); err != nil {
		return form.Record{}, fmt.Errorf("the writes of the shadow's answer: %w", err)
	}
	store := kv.NewMem()
	for _, w := range written {
		if w.Deleted {
			continue
		}
		if err := store.Commit(ctx, kv.Write{Key: kv.Key{Part: w.Part, Sort: w.Sort}, Data: w.Data}); err != nil {
			return form.Record{}, err
		}
	}
	var rows []form.Record
	for after := ""; ; {
		page, next, err := e.Records(ctx, store, after, 10)
		if err != nil {
			return form.Record{}, err
		}
		if rows = append(rows, page...); next == "" {
			break
		}
		after = next
	}
	switch len(rows) {
	case 0:
		return form.Record{}, errors.New("nothing was written")
	case 1:
		return rows[0], nil
	}
	return form.Record{}, fmt.Errorf("%d rows were written for one submission", len(rows))
}
