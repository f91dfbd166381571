package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/banyan-migration/banyan/gateway"
	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/kv/sqlite"
)

const setup = `
hosts: [www.rednosefund.example]
backends:
  drupal: {url: http://%s, kind: drupal7}
  services: {url: http://%s}
default: drupal
groups:
  appeal: {from: drupal, to: services, weight: 5000, key: header:X-Donor, routes: [{match: GET /appeal}]}
`

// stage is what a rollback is tried on.
type stage struct {
	gateways [2]string // addresses
	plans    [2]*cutover.Plan
	closers  []func() error
}

// open builds two gateways as two processes would be: a plan, a store and a keyring each, and one file between them.
func open(ctx context.Context, dir string) (*stage, error) {
	s := &stage{}
	legacy, fresh, err := s.sides()
	if err != nil {
		return s, err
	}
	for i := range s.gateways {
		c, err := config.Parse("gateway.yaml", fmt.Appendf(nil, setup, legacy, fresh), config.Options{})
		if err != nil {
			return s, err
		}
		db, err := sqlite.Open(filepath.Join(dir, "plan.db"))
		if err != nil {
			return s, err
		}
		s.closers = append(s.closers, db.Close)
		plan, err := cutover.Open(ctx, cutover.Options{Open: func() (kv.Store, error) { return db.Store("plan"), nil }, Seeds: c.Seeds()})
		if err != nil {
			return s, err
		}
		s.plans[i] = plan
		if s.gateways[i], err = s.gateway(c, plan); err != nil {
			return s, err
		}
		running, stop := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() { defer close(done); plan.Run(running) }()
		s.closers = append(s.closers, func() error { stop(); <-done; return nil })
	}
	return s, nil
}

func (s *stage) sides() (legacy, fresh string, err error) {
	if legacy, err = s.side("legacy"); err != nil {
		return "", "", err
	}
	fresh, err = s.side("new")
	return legacy, fresh, err
}

// side is a backend that says who it is.
func (s *stage) side(name string) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, name) // a client that has left is no error
	})}
	s.serve(func() error { return server.Serve(l) }, server.Close)
	return l.Addr().String(), nil
}

func (s *stage) gateway(c *config.Config, plan *cutover.Plan) (string, error) {
	ring, err := split.NewKeyring(split.Secret{ID: "k1", Value: "a secret for this bench only"})
	if err != nil {
		return "", err
	}
	g, err := gateway.New(gateway.Options{Config: c, Plan: plan.Now, Keys: ring, Access: io.Discard})
	if err != nil {
		return "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s.serve(func() error { return g.Serve(l) }, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		g.Shutdown(ctx)
		return nil
	})
	return l.Addr().String(), nil
}

// serve runs a server until the stage is closed.
func (s *stage) serve(run, stop func() error) {
	ended := make(chan error, 1)
	go func() { ended <- run() }()
	s.closers = append(s.closers, func() error {
		err := stop()
		if ran := <-ended; !errors.Is(ran, http.ErrServerClosed) {
			err = errors.Join(err, ran)
		}
		return err
	})
}

func (s *stage) close() error {
	var err error
	for i := len(s.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, s.closers[i]())
	}
	return err
}
