package move

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"

	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// The old site's number of a submission and the service's id of it are found from one another without asking the old
// site. Of an imported row the pages know under which id it was stored; of a row that reverse wrote, two tables here.

func sidsOf(store kv.Store, f form.Form) kv.Table[string] { // by sid
	return kv.Table[string]{Store: store, Name: "move/" + f.Alias + "/sids", Parts: 16}
}

func idsOf(store kv.Store, f form.Form) kv.Table[int64] { // by id
	return kv.Table[int64]{Store: store, Name: "move/" + f.Alias + "/ids", Parts: 16}
}

// Find is the service's id of a submission of the old site, or of a node or a file of form.Contents by its number;
// kv.ErrNotFound where it was not moved, or reverse has not ended since it was written back.
func Find(ctx context.Context, store kv.Store, f form.Form, sid int64) (id string, err error) {
	id, _, err = sidsOf(store, f).Get(ctx, strconv.FormatInt(sid, 10))
	if err == nil {
		there, _, err := idsOf(store, f).Get(ctx, id)
		if err == nil && there == sid {
			return id, nil
		}
		if err != nil && !errors.Is(err, kv.ErrNotFound) {
			return "", fmt.Errorf("move: %w", err)
		}
	} else if !errors.Is(err, kv.ErrNotFound) {
		return "", fmt.Errorf("move: %w", err)
	}
	item, err := store.Get(ctx, pageKey(f, sid/width))
	if err != nil {
		return "", fmt.Errorf("move: submission %d of %s: %w", sid, f.Alias, err)
	}
	p, err := decode(sid/width, item.Data)
	if err != nil {
		return "", fmt.Errorf("move: the page %v: %w", item.Key, err)
	}
	if at, has := p.find(sid); has && p.rows[at].state == moved && len(p.rows[at].parts) > 0 && len(p.rows[at].parts[0].keys) > 0 {
		return p.rows[at].parts[0].keys[0].Sort, nil
	}
	return "", fmt.Errorf("move: submission %d of %s was not moved: %w", sid, f.Alias, kv.ErrNotFound)
}

// FindOld is the way back: the number under which the old site has a record of the service. kv.ErrNotFound where it has
// none.
func FindOld(ctx context.Context, store kv.Store, f form.Form, id string) (sid int64, err error) {
	sid, _, err = idsOf(store, f).Get(ctx, id)
	if err == nil {
		return sid, nil
	}
	if !errors.Is(err, kv.ErrNotFound) {
		return 0, fmt.Errorf("move: %w", err)
	}
	var nid int64
	if n, _ := fmt.Sscanf(id, "d7-%d-%d", &nid, &sid); n == 2 && nid == f.Node {
		if back, err := Find(ctx, store, f, sid); err == nil && back == id {
			return sid, nil
		} else if err != nil && !errors.Is(err, kv.ErrNotFound) {
			return 0, err
		}
	}
	return 0, fmt.Errorf("move: %s has no row of the old form %s: %w", id, f.Alias, kv.ErrNotFound)
}

// ids keeps the numbers of what reverse writes. Between the old site's commit and ours a run may be killed: while one
// writes, a note of it lies in the store, and whoever finds another's note keeps the numbers of all rows and not only of
// those that it writes itself.
type ids struct {
	store kv.Store
	form  form.Form
	note  kv.Key
	noted bool
	all   bool      // another's note was there at the beginning
	left  []kv.Item // those
	queue []kv.Write
}

func openIDs(ctx context.Context, store kv.Store, j Job) (ids, error) {
	x := ids{store: store, form: j.Form, note: kv.Key{Part: "move/" + j.Form.Alias + "/reversing", Sort: rand.Text()}}
	var err error
	x.left, err = store.List(ctx, x.note.Part, "", "", 1000)
	x.all = len(x.left) > 0
	return x, err
}

// begin notes that something is about to be written. It is noted anew before each write, so that nobody who came
// before it takes the note away.
func (x *ids) begin(ctx context.Context) error {
	x.noted = true
	return x.store.Commit(ctx, kv.Write{Key: x.note, Data: []byte("{}")})
}

func (x *ids) put(id string, sid int64) {
	x.queue = append(x.queue, sidsOf(x.store, x.form).Put(strconv.FormatInt(sid, 10), id, kv.Always), idsOf(x.store, x.form).Put(id, sid, kv.Always))
}

// moved forgets a number that is another submission's now.
func (x *ids) moved(sid int64) {
	x.queue = append(x.queue, kv.Write{Key: sidsOf(x.store, x.form).Key(strconv.FormatInt(sid, 10)), Delete: true})
}

func (x *ids) flush(ctx context.Context) error {
	writes := x.queue
	x.queue = nil
	return commit(ctx, x.store, writes)
}

// end takes our note away, and those that we have made good.
func (x *ids) end(ctx context.Context) error {
	if x.noted {
		if err := x.store.Commit(ctx, kv.Write{Key: x.note, Delete: true}); err != nil {
			return err
		}
	}
	for _, item := range x.left {
		err := x.store.Commit(ctx, kv.Write{Key: item.Key, Delete: true, If: kv.Condition(item.Rev)})
		if err != nil && !errors.Is(err, kv.ErrConflict) {
			return err
		}
	}
	return nil
}
