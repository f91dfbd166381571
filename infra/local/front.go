package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/banyan-migration/banyan/gateway"
	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/dash"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/kv/sqlite"
	"github.com/banyan-migration/banyan/shared/mark"
)

// front is the gateway with the plan it follows.
type front struct {
	*gateway.Gateway
	plan *cutover.Plan
}

// startGateway starts the gateway on gateway.yaml with this world's addresses in it.
func (w *World) startGateway(ctx context.Context) error {
	c, err := w.config()
	if err != nil {
		return err
	}
	db, err := sqlite.Open(filepath.Join(w.options.Dir, "plan.db"))
	if err != nil {
		return err
	}
	w.onClose(func(context.Context) error { return db.Close() })
	plan, err := cutover.Open(ctx, cutover.Options{Seeds: c.Seeds(), Log: w.options.Log, File: filepath.Join(w.options.Dir, "plan.json"),
		Open: func() (kv.Store, error) {
			if err := db.Ready("plan"); err != nil {
				return nil, err
			}
			return db.Store("plan"), nil
		}})
	if err != nil {
		return err
	}
	ring, err := split.NewKeyring(c.Keys...)
	if err != nil {
		return err
	}
	g, err := gateway.New(gateway.Options{Config: c, Plan: plan.Now, Keys: ring, Access: w.options.Access, Log: w.options.Log})
	if err != nil {
		return err
	}
	w.gate = &front{g, plan}
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	w.run("the plan", func() error { plan.Run(following); return nil })
	w.onClose(func(ctx context.Context) error { stop(); return g.Shutdown(ctx) })
	data, address, err := listen(w.options.Listen)
	if err != nil {
		return err
	}
	w.Gateway = address
	w.run("the gateway", func() error { return g.Serve(data) })
	return w.startAdmin(c, ring)
}

// config is gateway.yaml as this world needs it: its own addresses and key, and a word for the visitor's address from this machine.
func (w *World) config() (*config.Config, error) {
	c, err := config.Parse("gateway.yaml", w.options.Config, config.Options{})
	if err != nil {
		return nil, fmt.Errorf("local: %w", err)
	}
	for name, address := range map[string]string{"drupal": w.Legacy, "services": w.Services} {
		b, ok := c.Backends[name]
		if !ok {
			return nil, fmt.Errorf("local: gateway.yaml names no backend %q: the world needs drupal and services", name)
		}
		b.Address = strings.TrimPrefix(address, "http://")
		b.Host, _, _ = net.SplitHostPort(b.Address)
	}
	c.Keys = []split.Secret{{ID: mark.Sole, Value: w.key}}
	c.Trusted = append(c.Trusted, netip.MustParsePrefix("127.0.0.0/8"))
	return c, nil
}

func (w *World) startAdmin(c *config.Config, ring *split.Keyring) error {
	w.AdminToken = c.Admin.Token
	if w.AdminToken == "" {
		w.AdminToken = rand.Text()
	}
	h, err := dash.New(dash.Options{Plan: w.gate.plan, Config: w.gate.Config, Keys: ring, Token: w.AdminToken, Gather: []prometheus.Collector{w.gate.Gateway}})
	if err != nil {
		return err
	}
	l, address, err := listen("")
	if err != nil {
		return err
	}
	w.Admin = address
	w.serve("the admin API", l, h)
	return w.Door().Leave(w.options.Dir)
}

// serve answers a listener with net/http until the world closes.
func (w *World) serve(what string, l net.Listener, h http.Handler) {
	s := server(h)
	w.run(what, func() error {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	w.onClose(func(ctx context.Context) error { return s.Shutdown(ctx) })
}
