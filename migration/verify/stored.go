package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"github.com/banyan-migration/banyan/shared/kv"
)

// stored holds what a row would be stored as against what is stored: what Records shows of it is equal already, but a
// service keeps more, such as the pence that it made of a text.
func (c *comparison) stored(ctx context.Context, sid int64, w kv.Write) ([]Difference, error) {
	if w.Delete {
		return nil, nil
	}
	item, err := c.job.Store.Get(ctx, w.Key)
	switch {
	case errors.Is(err, kv.ErrNotFound):
		return []Difference{{id(sid), "stored", w.Key.Part + " " + w.Key.Sort, "missing", Stored}}, nil
	case err != nil:
		return nil, err
	case bytes.Equal(item.Data, w.Data):
		return nil, nil
	}
	return fields(sid, w.Data, item.Data), nil
}

// fields names what differs of two stored records. A field that one side does not have belongs to another version of
// the service and is no difference.
func fields(sid int64, source, target []byte) (all []Difference) {
	var ours, theirs map[string]json.RawMessage
	if json.Unmarshal(source, &ours) != nil || json.Unmarshal(target, &theirs) != nil {
		return []Difference{{id(sid), "stored", string(source), string(target), Stored}}
	}
	for name, mine := range ours {
		if theirs, has := theirs[name]; has && !bytes.Equal(mine, theirs) {
			all = append(all, Difference{id(sid), "stored " + name, string(mine), string(theirs), Stored})
		}
	}
	return all
}
