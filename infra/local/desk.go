package local

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/banyan-migration/banyan/infra/fakes/psp"
	"github.com/banyan-migration/banyan/infra/layer"
	"github.com/banyan-migration/banyan/services/all"
	"github.com/banyan-migration/banyan/services/donate"
	"github.com/banyan-migration/banyan/shared/host/local"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/kv/sqlite"
	"github.com/banyan-migration/banyan/shared/mark"
)

// desk is every service, on one port.
type desk struct {
	services
	broken atomic.Bool // the demo's planted fault: every answer is a 500
}

// services are all of them, in this process or as functions.
type services interface {
	http.Handler
	// Tick does at once what happens every minute.
	Tick(ctx context.Context)
	// Settle waits until no message is on its way, or ctx ends.
	Settle(ctx context.Context) error
	// raw is a service's store as the mover and the books see it, past the meter.
	raw(service string) kv.Store
}

// startServices opens the services' port, and starts them behind it.
func (w *World) startServices(ctx context.Context) error {
	l, address, err := listen("")
	if err != nil {
		return err
	}
	w.Services = address
	start := w.startHost
	if w.options.Lambda != nil {
		start = w.startFunctions
	}
	running, err := start(ctx)
	if err != nil {
		l.Close()
		return err
	}
	w.desk = &desk{services: running}
	w.serve("the services", l, w.desk)
	w.psp.Notify(psp.Hooks{Stripe: address + "/payments/webhooks/stripe", Worldpay: address + "/payments/webhooks/worldpay"})
	return nil
}

// inProcess is the services in this process.
type inProcess struct {
	*local.Host
	db *sqlite.DB
}

func (h inProcess) raw(service string) kv.Store { return h.db.Store(service) }

func (w *World) startHost(context.Context) (services, error) {
	db, err := sqlite.Open(filepath.Join(w.options.Dir, "services.db"))
	if err != nil {
		return nil, err
	}
	w.onClose(func(context.Context) error { return db.Close() })
	all := all.News()
	if err := db.Ready(slices.Sorted(maps.Keys(all))...); err != nil {
		return nil, fmt.Errorf("local: %w", err)
	}
	if w.meter != nil {
		for name, start := range all {
			all[name] = w.meter.wrap(name, start)
		}
	}
	tick := time.Minute
	if w.options.Guarded != nil { // a judge in a hurry waits for outcomes, which services tell with their ticks
		tick = time.Second
	}
	h, err := local.Start(local.Options{
		Tick: tick, Services: all, Store: func(name string) kv.Store { return db.Store(name) }, Getenv: w.getenv, Files: layer.Files,
		NewID: uuid.NewString, Log: w.options.Log, Keys: mark.Keys{mark.Sole: w.key}, Operators: w.operators,
	})
	if err != nil {
		return nil, err
	}
	w.onClose(h.Close)
	return inProcess{h, db}, nil
}

// reconcile lists every gift that donate has, a line of JSON each.
func (d *desk) reconcile(ctx context.Context, to io.Writer) error {
	return donate.Reconcile(ctx, d.raw("donate"), to)
}

// ServeHTTP answers as the services do, and lists what donate has stored at /reconcile.
func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case d.broken.Load():
		http.Error(w, "planted fault", http.StatusInternalServerError)
	case r.URL.Path == "/reconcile" && r.Method == http.MethodGet:
		w.Header().Set("Content-Type", "application/x-ndjson")
		if err := d.reconcile(r.Context(), w); err != nil {
			panic(http.ErrAbortHandler) // the reader must not take half a list for the whole
		}
	default:
		d.services.ServeHTTP(w, r)
	}
}

// getenv is the environment of every service in this world.
func (w *World) getenv(name string) string {
	switch name {
	case "STRIPE_URL", "STRIPE_TEST_URL", "WORLDPAY_URL", "WORLDPAY_TEST_URL":
		return w.PSP
	case "SERVICES_URL":
		return w.Services
	case "BANYAN_KEY":
		return w.key
	case "OUTCOMES_URL":
		return w.Admin + "/v1/outcomes"
	case "OUTCOMES_KEY":
		return w.reports
	}
	return environment[name]
}

var environment = map[string]string{
	"PAYMENTS_PROVIDERS":         "stripe=100 worldpay=0",
	"PAYMENTS_RETURN_URL":        "http://www.rednosefund.example/node/2/done?gift={id}",
	"STRIPE_KEY":                 secrets.StripeKey,
	"STRIPE_WEBHOOK_SECRET":      secrets.StripeWebhook,
	"STRIPE_TEST_KEY":            secrets.StripeKey,
	"STRIPE_TEST_WEBHOOK_SECRET": secrets.StripeWebhook,
	"WORLDPAY_USER":              secrets.WorldpayUser,
	"WORLDPAY_PASSWORD":          secrets.WorldpayPassword,
	"WORLDPAY_ENTITY":            secrets.WorldpayEntity,
}
