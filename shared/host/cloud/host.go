package cloud

import (
	"context"
	"errors"
	"net/http"
	"os"

	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/mark"
)

// Host is a service that runs as a function: a lambda.Handler. Safe for concurrent use.
type Host struct {
	name   string
	offers host.Service
	front  http.Handler
	store  kv.Store
}

// New starts a service on its parts. The error names all that is missing: of the host, of every part and of the service itself.
func New(ctx context.Context, w World, name string, start host.New, parts ...Part) (*Host, error) {
	f := &Function{Name: name}
	folder := w.Getenv("LAYER_DIR")
	if folder == "" {
		folder = "/opt/banyan"
	}
	var errs error
	f.AWS, errs = awsConfig(w.Getenv)
	f.Env = host.Env{Getenv: w.Getenv, Now: w.Now, NewID: w.NewID, Log: newLog(w, name), Files: os.DirFS(folder), Client: &http.Client{}}
	for _, part := range parts {
		errs = errors.Join(errs, guarded("part", func() error { return part(ctx, f) }))
	}
	h := &Host{name: name, store: f.Env.Store}
	keys, err := mark.ParseKeys(f.Env.Getenv("BANYAN_KEY"))
	errs = errors.Join(errs, err)
	env := host.Contained(f.Env)
	errs = errors.Join(errs, guarded(name, func() (err error) {
		h.offers, err = start(env)
		return err
	}))
	if errs != nil {
		return nil, errs
	}
	h.front = host.Front{Name: name, Keys: keys}.Handler(env, h.offers)
	return h, nil
}
