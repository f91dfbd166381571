package cloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/mark"
	"github.com/banyan-migration/banyan/shared/outbox"
)

// Host is a service that runs as a function: a lambda.Handler. Safe for concurrent use.
type Host struct {
	name, stage, version string
	executed             string // the function's version; version is the Layer's

	offers host.Service
	front  http.Handler
	queue  func(context.Context, event.Message) error // nil: it takes none
	store  kv.Store                                   // the bare one: what the host itself keeps has no mark and causes nothing
	state  *host.State                                // nil: no store to keep it in
	send   func(context.Context, []event.Message) ([]string, error)

	log   *slog.Logger
	out   io.Writer
	now   func() time.Time
	newID func() string
	warm  atomic.Bool // it has taken an event
}

// defaultLayer is where Lambda lays the Layer's folder banyan.
const defaultLayer = "/opt/banyan"

// New starts a service on its parts. The error names all that is missing: of the host, of every part and of the service itself. It asks
// nothing of the network that its parts do not.
func New(ctx context.Context, w World, name string, start host.New, parts ...Part) (*Host, error) {
	w.Out = &locked{to: w.Out}
	folder := w.Getenv("LAYER_DIR")
	if folder == "" {
		folder = defaultLayer
	}
	h := &Host{name: name, stage: w.Getenv("STAGE"), version: versionOf(os.DirFS(folder)), out: w.Out, now: w.Now, newID: w.NewID}
	h.stage, h.executed = cmp.Or(h.stage, "unknown"), cmp.Or(w.Getenv("AWS_LAMBDA_FUNCTION_VERSION"), "unknown") // CloudWatch takes no empty dimension
	log := newLog(w)
	h.log = log.With("service", name, "version", h.version)
	f := &Function{Name: name, Env: host.Env{Getenv: w.Getenv, Now: w.Now, NewID: w.NewID, Log: h.log, Files: os.DirFS(folder), Client: client(w.Getenv)}}
	var errs error
	f.AWS, errs = awsConfig(w.Getenv, log)
	for _, part := range parts {
		errs = errors.Join(errs, guarded(nameOf(part), func() error { return part(ctx, f) }))
	}
	front, err := frontOf(name, f.Env.Getenv)
	errs = errors.Join(errs, err, guarded(name, func() (err error) {
		h.offers, err = start(h.env(f.Env))
		return layered(err, folder)
	}))
	if errs != nil {
		return nil, errs
	}
	h.store, h.send = f.Env.Store, f.Send
	if h.store != nil {
		h.state = host.UnreadState(h.store)
	}
	front.State = h.state
	h.front = front.Handler(f.Env, h.offers)
	h.queue = host.Taking(f.Env, h.offers.Queue)
	return h, nil
}

// env is what the service gets of what the parts have made: watched, fenced and contained.
func (h *Host) env(env host.Env) host.Env {
	if env.Store != nil {
		env.Store = outbox.Watch(env.Store, func(ctx context.Context, caused []kv.Unsent) {
			invocationOf(ctx).cause(caused) // the fence lets nothing pass that has none
		})
	}
	return host.Contained(fenced(env))
}

// client gives up on third parties after 10 s, as the old clients did, and passes the trace on to our own services.
func client(getenv func(string) string) *http.Client {
	c := &http.Client{Timeout: 10 * time.Second, Transport: http.DefaultTransport}
	if u, err := url.Parse(getenv("SERVICES_URL")); err == nil && u.Host != "" {
		c.Transport = traced{c.Transport, u.Host}
	}
	return c
}

// frontOf reads who may call and who signs.
func frontOf(name string, getenv func(string) string) (host.Front, error) {
	var errs error
	keys, err := mark.ParseKeys(getenv("BANYAN_KEY"))
	switch {
	case err != nil:
		errs = fmt.Errorf("BANYAN_KEY: %w", err)
	case len(keys) == 0:
		errs = errors.New("BANYAN_KEY is not set: the keys that the gateway and the load test sign with")
	}
	callers, err := callersOf(getenv("CALLERS"))
	return host.Front{Name: name, Keys: keys, Operators: callers, Origins: originsOf(getenv("ORIGINS"))}, errors.Join(errs, err)
}

// layered says where a file was looked for that is not there.
func layered(err error, folder string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w (in the Layer, %s; LAYER_DIR names another folder)", err, folder)
	}
	return err
}

// nameOf is a part's name as main has it, such as table.Store.
func nameOf(part Part) string {
	name := runtime.FuncForPC(reflect.ValueOf(part).Pointer()).Name()
	return name[strings.LastIndex(name, "/")+1:]
}
