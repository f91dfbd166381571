package local

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/replica"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/kv/sqlite"
	"github.com/banyan-migration/banyan/shared/mark"
)

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
	w.AdminToken = cmp.Or(c.Admin.Token, rand.Text())
	w.gate, err = replica.Open(ctx, replica.Options{Config: c, LastPlan: filepath.Join(w.options.Dir, "plan.json"), Token: w.AdminToken, Admin: w.Admin,
		Access: w.options.Access, Log: w.options.Log, Data: w.data,
		Open: func() (kv.Store, error) {
			if err := db.Ready("plan"); err != nil {
				return nil, err
			}
			return db.Store("plan"), nil
		}})
	if err != nil {
		return err
	}
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() { defer close(ended); w.gate.Run(following) }()
	w.onClose(func(ctx context.Context) error { stop(); <-ended; return w.gate.Shutdown(ctx) })
	l, address, err := listen(w.options.Listen)
	if err != nil {
		return err
	}
	w.Gateway = address
	w.run("the gateway", func() error { return w.gate.Serve(l) })
	w.serve("the admin API", w.control, w.gate.Admin)
	return w.Door().Leave(w.options.Dir)
}

// openData lets the gateway see both ends of what moves.
func (w *World) openData(ctx context.Context) error {
	source, err := drupal.Open(ctx, "sqlite:"+w.old.file)
	if err != nil {
		return err
	}
	w.onClose(func(context.Context) error { return source.Close() })
	w.data = Data{Source: source, Store: w.desk.raw}.Ports(func() *config.Config { return w.gate.Config() })
	if w.options.Guarded == nil {
		w.data.Probe = nil // who plays with the world moves as they like: nothing measures, nothing refuses
	}
	return nil
}

// openAdmin opens the admin API's port: the services tell outcomes there.
func (w *World) openAdmin(context.Context) (err error) {
	w.reports = rand.Text()
	if w.control, w.Admin, err = listen(""); err != nil {
		return err
	}
	w.onClose(func(context.Context) error {
		if err := w.control.Close(); !errors.Is(err, net.ErrClosed) { // its server has closed it, if there was one
			return err
		}
		return nil
	})
	return nil
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
	if p := w.options.Guarded; p != nil {
		c.Data = config.Data{From: "sqlite:" + filepath.Join(w.options.Dir, "legacy.db"), To: "sqlite:" + filepath.Join(w.options.Dir, "services.db")}
		for _, g := range c.Groups {
			g.Policy = *p
		}
	}
	c.Keys = []split.Secret{{ID: mark.Sole, Value: w.key}}
	c.Trusted = append(c.Trusted, netip.MustParsePrefix("127.0.0.0/8"))
	c.Admin.Tokens = append(c.Admin.Tokens, config.Token{Name: "services", Role: "report", SHA256: sha256.Sum256([]byte(w.reports))})
	return c, nil
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
