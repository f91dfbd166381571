package host

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/mark"
	"github.com/banyan-migration/banyan/shared/web"
)

// errShadow is what a shadow gets that tries to act on the world.
var errShadow = &fault.Error{Kind: fault.Denied, Text: "A shadow request acts on nothing outside"}

// Contained is an Env whose client refuses to act for a shadow request, whose mail, blobs and state machines take down what a
// shadow wants of them and do nothing, and whose Store is Stamped.
func Contained(env Env) Env {
	if env.Store != nil {
		env.Store = Stamped(env.Store)
	}
	if env.Client != nil {
		inner := *env.Client
		transport := inner.Transport
		if transport == nil {
			transport = http.DefaultTransport
		}
		inner.Transport = refusing{transport}
		env.Client = &inner
	}
	if env.Blobs != nil {
		env.Blobs = containedBlobs{env.Blobs}
	}
	if env.Mail != nil {
		env.Mail = containedMail{env.Mail}
	}
	if start := env.Start; start != nil {
		env.Start = func(ctx context.Context, machine, id string, input any) error {
			if o := overlayOf(ctx); o != nil {
				return o.start(machine, id, input)
			}
			return start(ctx, machine, id, input)
		}
	}
	return env
}

type refusing struct{ http.RoundTripper }

func (t refusing) RoundTrip(r *http.Request) (*http.Response, error) {
	if web.From(r.Context()).Mark == mark.Shadow {
		return nil, errShadow
	}
	return t.RoundTripper.RoundTrip(r)
}

// containedBlobs keeps a shadow's blobs in its overlay, where only the shadow finds them.
type containedBlobs struct{ Blobs }

func (b containedBlobs) Put(ctx context.Context, name string, data []byte) error {
	o := overlayOf(ctx)
	if o == nil {
		return b.Blobs.Put(ctx, name, data)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.blobs[name] = bytes.Clone(data)
	return nil
}

func (b containedBlobs) Get(ctx context.Context, name string) ([]byte, error) {
	if o := overlayOf(ctx); o != nil {
		o.mu.Lock()
		data, own := o.blobs[name]
		o.mu.Unlock()
		if own {
			return bytes.Clone(data), nil
		}
	}
	return b.Blobs.Get(ctx, name)
}

// Sign answers a shadow with an address that leads nowhere: who holds a real one may put a file there.
func (b containedBlobs) Sign(ctx context.Context, name string, ttl time.Duration) (string, error) {
	if overlayOf(ctx) != nil {
		return "https://shadow.invalid/" + name, nil
	}
	return b.Blobs.Sign(ctx, name, ttl)
}

// blob is how a shadow's answer tells of a blob.
type blob struct {
	Name   string `json:"name"`
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
}

// put lists the blobs by name; o is locked.
func (o *overlay) put() []blob {
	var all []blob
	for _, name := range slices.Sorted(maps.Keys(o.blobs)) {
		sum := sha256.Sum256(o.blobs[name])
		all = append(all, blob{name, len(o.blobs[name]), hex.EncodeToString(sum[:])})
	}
	return all
}

// mailed is how a shadow's answer tells of a mail: by its key, since the text has a date and a boundary of its own each time.
type mailed struct {
	Key  string `json:"key"`
	Size int    `json:"size"`
}

type containedMail struct{ Mailer }

func (m containedMail) Send(ctx context.Context, key string, message []byte) (string, error) {
	o := overlayOf(ctx)
	if o == nil {
		return m.Mailer.Send(ctx, key, message)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mails = append(o.mails, mailed{key, len(message)})
	return "shadow-" + strconv.Itoa(len(o.mails)), nil
}

// started is how a shadow's answer tells of a state machine.
type started struct {
	Machine string          `json:"machine"`
	ID      string          `json:"id"`
	Input   json.RawMessage `json:"input"`
}

func (o *overlay) start(machine, id string, input any) error {
	raw, err := json.Marshal(input)
	if err != nil {
		return fmt.Errorf("host: the input of %s %s: %w", machine, id, err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.starts = append(o.starts, started{machine, id, raw})
	return nil
}
