package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/web"
)

// AckHeader answers a shadow request with its request id: the copy arrived, and kept nothing.
const AckHeader = "X-Banyan-Shadow-Ack"

// overlay is what a shadow request has written: its own reads see it, nobody else's do, and it ends with the request.
type overlay struct {
	mu       sync.Mutex
	items    map[kv.Key]*kv.Item // nil: deleted
	messages []event.Message
	blobs    map[string][]byte
	mails    []mailed
	starts   []started
}

type overlayKey struct{}

func overlayOf(ctx context.Context) *overlay {
	o, _ := ctx.Value(overlayKey{}).(*overlay)
	return o
}

func (o *overlay) get(ctx context.Context, live kv.Store, key kv.Key) (kv.Item, error) {
	o.mu.Lock()
	item, own := o.items[key]
	o.mu.Unlock()
	switch {
	case !own:
		return live.Get(ctx, key)
	case item == nil:
		return kv.Item{}, kv.ErrNotFound
	}
	return *item, nil
}

func (o *overlay) commit(ctx context.Context, live kv.Store, writes []kv.Write) error {
	if err := kv.Check(writes); err != nil {
		return err
	}
	made := map[kv.Key]*kv.Item{}
	var messages []event.Message
	for _, w := range writes {
		before, err := o.get(ctx, live, w.Key)
		if err != nil && !errors.Is(err, kv.ErrNotFound) {
			return err
		}
		if !w.If.Holds(before.Rev) {
			return kv.ErrConflict
		}
		made[w.Key] = nil
		if !w.Delete {
			made[w.Key] = &kv.Item{Key: w.Key, Rev: before.Rev + 1, Data: bytes.Clone(w.Data), Expires: w.Expires}
		}
		messages = append(messages, w.Messages...)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	maps.Copy(o.items, made)
	o.messages = append(o.messages, messages...)
	return nil
}

// written is how a shadow's answer tells of a write.
type written struct {
	Part    string          `json:"part"`
	Sort    string          `json:"sort"`
	Data    json.RawMessage `json:"data,omitempty"`
	Deleted bool            `json:"deleted,omitempty"`
}

// told is what the answer says of the shadow; what it did not do at all is left out, but for writes and messages.
func (o *overlay) told() map[string]any {
	o.mu.Lock()
	defer o.mu.Unlock()
	writes := []written{}
	for key, item := range o.items {
		w := written{Part: key.Part, Sort: key.Sort, Deleted: item == nil}
		if item != nil && json.Valid(item.Data) {
			w.Data = item.Data
		}
		writes = append(writes, w)
	}
	slices.SortFunc(writes, func(a, b written) int { return bytes.Compare([]byte(a.Part+a.Sort), []byte(b.Part+b.Sort)) })
	told := map[string]any{"writes": writes, "messages": append([]event.Message{}, o.messages...)}
	if len(o.blobs) > 0 {
		told["blobs"] = o.put()
	}
	if len(o.mails) > 0 {
		told["mails"] = o.mails
	}
	if len(o.starts) > 0 {
		told["starts"] = o.starts
	}
	return told
}

// alone are the words in an address that no shadow may ask for: what a third party calls, what spends money or a token,
// what an operator decides. A second answer to these means nothing, or does harm.
var alone = map[string]bool{
	"webhooks": true, "inbound": true, "status": true, "events": true, "unsubscribe": true, "token": true, "refunds": true, "payouts": true,
	"claims": true, "draw": true, "state": true, "fps": true, "subjects": true, "images": true, "moderate": true, "statements": true,
}

func mayShadow(r *http.Request) bool {
	return !slices.ContainsFunc(strings.Split(r.URL.Path, "/"), func(word string) bool { return alone[word] })
}

// serveShadow runs the same handler with nothing kept, and adds to its answer what it would have written.
func serveShadow(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if !mayShadow(r) {
		web.Fail(w, r, &fault.Error{Kind: fault.Conflict, Text: "This address takes no shadow requests"})
		return
	}
	o := &overlay{items: map[kv.Key]*kv.Item{}, blobs: map[string][]byte{}}
	ctx := context.WithValue(r.Context(), overlayKey{}, o)
	held := &held{header: http.Header{}, status: http.StatusOK}
	next.ServeHTTP(held, r.WithContext(ctx))
	maps.Copy(w.Header(), held.header)
	body := held.body.Bytes()
	var answer map[string]json.RawMessage
	if json.Unmarshal(body, &answer) == nil && answer != nil {
		told, err := json.Marshal(o.told())
		if err != nil {
			web.Fail(w, r, err)
			return
		}
		answer["shadow"] = told
		body, _ = json.Marshal(answer) // made of valid JSON
	}
	w.Header().Set(AckHeader, web.From(r.Context()).Request)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(held.status)
	w.Write(body)
}

// held is an answer that waits until what the shadow wrote is known.
type held struct {
	header http.Header
	status int
	begun  bool
	body   bytes.Buffer
}

func (h *held) Header() http.Header { return h.header }

func (h *held) WriteHeader(status int) {
	if !h.begun {
		h.begun, h.status = true, status
	}
}

func (h *held) Write(p []byte) (int, error) {
	h.begun = true
	return h.body.Write(p)
}
