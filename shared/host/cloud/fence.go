package cloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/kv"
)

// Lambda freezes a process between two events, and whatever still runs in it goes on with the next one, minutes or hours later.
// So nothing acts on the world but within a running invocation: work that has outlived its own is refused here, and its calls
// that are on their way end with it. What such a call did before it ended is as after a crash at that moment: conditions and
// ids make a second try one, and the sweep sends what a commit has caused.

// errNoInvocation is a fault of ours: somebody has not passed the request's context on.
var errNoInvocation = errors.New("cloud: this acts on the world outside of any event: pass on the context of the request or message")

// within is ctx bound to its invocation, even if somebody has cut it off from its end.
func within(ctx context.Context) (context.Context, error) {
	inv := invocationOf(ctx)
	if inv == nil {
		return nil, errNoInvocation
	}
	if inv.ctx.Err() != nil {
		return nil, fmt.Errorf("cloud: the event that this is for has ended: nothing was done: %w", context.Cause(inv.ctx))
	}
	bound, cancel := context.WithCancelCause(ctx)
	context.AfterFunc(inv.ctx, func() { cancel(context.Cause(inv.ctx)) }) // inv.ctx always ends
	return bound, nil
}

// fenced is an Env that acts within running invocations alone. Reading is free.
func fenced(env host.Env) host.Env {
	if env.Store != nil {
		env.Store = fencedStore{env.Store}
	}
	if env.Client != nil {
		inner := *env.Client
		transport := inner.Transport
		if transport == nil {
			transport = http.DefaultTransport
		}
		inner.Transport = fencedTransport{transport}
		env.Client = &inner
	}
	if env.Blobs != nil {
		env.Blobs = fencedBlobs{env.Blobs}
	}
	if env.Mail != nil {
		env.Mail = fencedMail{env.Mail}
	}
	if start := env.Start; start != nil {
		env.Start = func(ctx context.Context, machine, id string, input any) error {
			ctx, err := within(ctx)
			if err != nil {
				return err
			}
			return start(ctx, machine, id, input)
		}
	}
	return env
}

type fencedStore struct{ kv.Store }

func (s fencedStore) Commit(ctx context.Context, writes ...kv.Write) error {
	ctx, err := within(ctx)
	if err != nil {
		return err
	}
	return s.Store.Commit(ctx, writes...)
}

func (s fencedStore) Sent(ctx context.Context, key kv.Key, ids ...string) error {
	ctx, err := within(ctx)
	if err != nil {
		return err
	}
	return s.Store.Sent(ctx, key, ids...)
}

type fencedTransport struct{ http.RoundTripper }

func (t fencedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, err := within(r.Context())
	if err != nil {
		return nil, err
	}
	return t.RoundTripper.RoundTrip(r.WithContext(ctx))
}

type fencedBlobs struct{ host.Blobs }

func (b fencedBlobs) Put(ctx context.Context, name string, data []byte) error {
	ctx, err := within(ctx)
	if err != nil {
		return err
	}
	return b.Blobs.Put(ctx, name, data)
}

type fencedMail struct{ host.Mailer }

func (m fencedMail) Send(ctx context.Context, key string, message []byte) (string, error) {
	ctx, err := within(ctx)
	if err != nil {
		return "", err
	}
	return m.Mailer.Send(ctx, key, message)
}
