package cloud_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/host/cloud"
	"github.com/banyan-migration/banyan/shared/kv"
)

// beyond is all that an Env can act on. Each act waits for the end of its context, as a call whose answer does not come.
type beyond struct{ kv.Store }

func (beyond) wait(ctx context.Context) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

func (b beyond) Commit(ctx context.Context, _ ...kv.Write) error              { return b.wait(ctx) }
func (b beyond) Sent(ctx context.Context, _ kv.Key, _ ...string) error        { return b.wait(ctx) }
func (b beyond) Put(ctx context.Context, _ string, _ []byte) error            { return b.wait(ctx) }
func (b beyond) Send(ctx context.Context, _ string, _ []byte) (string, error) { return "", b.wait(ctx) }
func (b beyond) RoundTrip(r *http.Request) (*http.Response, error)            { return nil, b.wait(r.Context()) }

type buckets struct{ beyond }

func (buckets) Get(context.Context, string) ([]byte, error) { return nil, errors.New("no such blob") }
func (buckets) Sign(context.Context, string, time.Duration) (string, error) {
	return "", errors.New("no such blob")
}

// acts are what a service may do to the world with its Env.
var acts = map[string]func(ctx context.Context, env host.Env) error{
	"commit": func(ctx context.Context, env host.Env) error {
		return env.Store.Commit(ctx, kv.Write{Key: kv.Key{Part: "a", Sort: "b"}})
	},
	"sent": func(ctx context.Context, env host.Env) error {
		return env.Store.Sent(ctx, kv.Key{Part: "a", Sort: "b"}, "m")
	},
	"put":   func(ctx context.Context, env host.Env) error { return env.Blobs.Put(ctx, "a", nil) },
	"start": func(ctx context.Context, env host.Env) error { return env.Start(ctx, "claim", "1", nil) },
	"mail": func(ctx context.Context, env host.Env) error {
		_, err := env.Mail.Send(ctx, "k", nil)
		return err
	},
	"call": func(ctx context.Context, env host.Env) error {
		r, err := http.NewRequestWithContext(ctx, "POST", "http://acquirer.example/", nil)
		if err != nil {
			return err
		}
		_, err = env.Client.Do(r)
		return err
	},
}

// TestNothingActsButWithinItsEvent: a call that is on its way ends with its event, even for a service that has cut it off from its
// context's end, and none begins after; without any event nothing acts.
func TestNothingActsButWithinItsEvent(t *testing.T) {
	t.Parallel()
	for name, act := range acts {
		synctest.Test(t, func(t *testing.T) {
			a := newAccount(t)
			var env host.Env
			during, after := make(chan error, 1), make(chan error)
			start := func(e host.Env) (host.Service, error) {
				env = e
				return host.Service{Tick: func(ctx context.Context, _ time.Time) error {
					ctx = context.WithoutCancel(ctx)
					during <- act(ctx, env)
					go func() {
						time.Sleep(time.Hour)
						after <- act(ctx, env)
					}()
					return nil
				}}, nil
			}
			h, err := cloud.New(t.Context(), a.world(), "donate", start, func(_ context.Context, f *cloud.Function) error {
				f.Env.Store, f.Env.Blobs, f.Env.Mail, f.Env.Client = beyond{a.table}, buckets{}, beyond{}, &http.Client{Transport: beyond{}}
				f.Env.Start = func(ctx context.Context, _, _ string, _ any) error { return beyond{}.wait(ctx) }
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := act(t.Context(), env); err == nil || !strings.Contains(err.Error(), "outside of any event") {
				t.Errorf("%s outside of any event: %v", name, err)
			}
			if _, took, err := within(t, h, 10*time.Second, scheduled); took != 9500*time.Millisecond {
				t.Errorf("%s: after %s, %v", name, took, err)
			}
			if err := <-during; !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s on its way at the end: %v", name, err)
			}
			if err := <-after; err == nil || !strings.Contains(err.Error(), "nothing was done") {
				t.Errorf("%s after the end: %v", name, err)
			}
		})
	}
}
