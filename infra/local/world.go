// Package local is the world on one machine: the legacy stand-in, the gateway, every service and the acquirers they talk to, each on
// a loopback port of its own, with its state in one folder. The demo plays the whole migration in it.
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/replica"
	"github.com/banyan-migration/banyan/infra/fakes/psp"
	"github.com/banyan-migration/banyan/shared/host"
)

// Options say where a world keeps its state and how it behaves. Dir and Config must be set.
type Options struct {
	Dir     string // state: {services,plan,legacy,psp}.db and the key; made where it is missing
	Config  []byte // gateway.yaml; the world puts its own addresses in
	Listen  string // the gateway's address; empty: a free port
	Speed   float64
	Latency func() time.Duration // of the acquirers; nil: theirs
	Access  io.Writer            // the gateway's access log; nil: none
	Log     *slog.Logger         // nil: silent
	Lambda  *Lambda              // the services run as functions; nil: in this process
	Guarded *judge.Policy        // every group goes by this policy and is guarded by what is measured of its data; nil: as gateway.yaml says
}

// World is a running one. Its addresses are http://host:port.
type World struct {
	Gateway    string `json:"gateway"`
	Admin      string `json:"admin"`
	Legacy     string `json:"legacy"`
	Services   string `json:"services"`
	PSP        string `json:"psp"`
	Mail       string `json:"mail"` // empty until there is a mailer
	AdminToken string `json:"admin_token"`
	// MarksKey is a BANYAN_KEY: it signs marks and the visitor's address, as the gateway does.
	MarksKey string `json:"marks_key"`
	// OperatorKey is a bearer key of the services with every role.
	OperatorKey string `json:"operator_key"`
	// AWS is where functions find DynamoDB, SNS and SQS; empty without functions.
	AWS string `json:"aws,omitempty"`
	// Functions are what runs as functions, in the template's order.
	Functions []Function `json:"-"`

	options   Options
	meter     *meter
	key       string // signs marks, cookies and overrides
	operators map[string]host.Operator
	failed    chan error
	closers   []func(context.Context) error

	old  *oldSite
	desk *desk
	psp  *psp.PSP
	data replica.Ports
	gate *replica.Replica

	control net.Listener // the admin API's, open before anybody needs its address
	reports string       // the token by which services tell outcomes
}

// Start brings a world up, with what an earlier one left in the folder. When it returns, every address answers.
func Start(ctx context.Context, o Options) (*World, error) { return start(ctx, o, nil) }

// start is Start with a meter on the services, or none.
func start(ctx context.Context, o Options, m *meter) (*World, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("local: the world's folder: %w", err)
	}
	unlock, err := lock(o.Dir)
	if err != nil {
		return nil, err
	}
	key, err := KeepKey(o.Dir)
	if err != nil {
		return nil, errors.Join(err, unlock())
	}
	operator, operators, err := keepOperator(o.Dir)
	if err != nil {
		return nil, errors.Join(err, unlock())
	}
	w := &World{options: o, meter: m, key: key, MarksKey: key, OperatorKey: operator, operators: operators, failed: make(chan error, 8)}
	w.onClose(func(context.Context) error { return unlock() })
	for _, start := range []func(context.Context) error{w.openAdmin, w.startAcquirers, w.startServices, w.startLegacy, w.openData, w.startGateway} {
		if err := start(ctx); err != nil {
			return nil, errors.Join(err, w.Close(context.WithoutCancel(ctx)))
		}
	}
	return w, nil
}

// Failed tells of a listener that ended by itself. A world without it is no longer whole.
func (w *World) Failed() <-chan error { return w.failed }

// Close stops everything in the order in which nothing is lost: first who asks, then who answers, then who remembers.
func (w *World) Close(ctx context.Context) error {
	var all []error
	for i := len(w.closers) - 1; i >= 0; i-- {
		all = append(all, w.closers[i](ctx))
	}
	w.closers = nil
	return errors.Join(all...)
}

func (w *World) onClose(f func(context.Context) error) { w.closers = append(w.closers, f) }

// listen opens a loopback port.
func listen(address string) (net.Listener, string, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, "", fmt.Errorf("local: %w; name a free port", err)
	}
	return l, "http://" + l.Addr().String(), nil
}

// run keeps a server going and tells when it ends by itself.
func (w *World) run(what string, serve func() error) {
	go func() {
		if err := serve(); err != nil {
			select {
			case w.failed <- fmt.Errorf("local: %s: %w", what, err):
			default: // somebody has heard of eight failures
			}
		}
	}()
}
