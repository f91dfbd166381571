// Package psp is two acquirers that are not there, on one HTTP program: the part of Stripe's API that stripe-go speaks,
// and Access Worldpay's. What they charged is as durable as what we stored (one SQLite file, committed before each
// answer), they send webhooks, decline, ask for 3-D Secure, and fail in every way that a test asks for.
package psp

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// The acquirers' names, as in Charge.PSP, Fault.PSP and the webhooks' addresses.
const (
	Stripe   = "stripe"
	Worldpay = "worldpay"
)

// Options say how the acquirers behave. The zero value is a fresh pair that forgets everything at Close.
type Options struct {
	File    string               // the SQLite file; empty: a temporary one, removed by Close
	Latency func() time.Duration // how long each call takes, asked once a call; nil: 50 ms (Constant, Table)
	Secrets Secrets
	Hooks   Hooks
	Base    string           // our own address as browsers see it; empty: taken from each request's Host
	Now     func() time.Time // nil: time.Now
	// Client posts the webhooks; nil: one of its own with a timeout of 10 s.
	Client *http.Client
	// Settle is how long after a change its webhook is sent; zero: 200 ms, and never before the answer's own latency.
	Settle time.Duration
}

// Secrets are what the merchant and the acquirers share. An empty one takes the default named beside it.
type Secrets struct {
	StripeKey, StripeWebhook       string // "sk_test_banyan", "whsec_banyan"
	WorldpayUser, WorldpayPassword string // "banyan", "banyan"
	WorldpayEntity                 string // "default"
}

// Hooks are the addresses that webhooks go to; events for an empty one wait until Notify gives it.
type Hooks struct{ Stripe, Worldpay string }

func (s Secrets) orDefault() Secrets {
	for p, v := range map[*string]string{
		&s.StripeKey: "sk_test_banyan", &s.StripeWebhook: "whsec_banyan",
		&s.WorldpayUser: "banyan", &s.WorldpayPassword: "banyan", &s.WorldpayEntity: "default",
	} {
		if *p == "" {
			*p = v
		}
	}
	return s
}

// PSP is both acquirers. Every method may be called from many goroutines.
type PSP struct {
	o       Options
	store   *store
	posts   *posts
	handler http.Handler
	ctx     context.Context // ends with Close; what still waits gives up
	stop    context.CancelFunc

	mu     sync.Mutex // guards what follows
	busy   map[string]bool
	faults []Fault
}

// Open starts the acquirers with what their file holds: charges, keys and webhooks that nobody has taken yet.
func Open(o Options) (*PSP, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Latency == nil {
		o.Latency = Constant(50 * time.Millisecond)
	}
	if o.Settle == 0 {
		o.Settle = 200 * time.Millisecond
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
	}
	o.Secrets = o.Secrets.orDefault()
	st, err := openStore(o.File)
	if err != nil {
		return nil, fmt.Errorf("psp: %w", err)
	}
	p := &PSP{o: o, store: st, busy: map[string]bool{}}
	p.ctx, p.stop = context.WithCancel(context.Background())
	p.posts = newPosts(p)
	p.handler = p.routes()
	if err := p.posts.resume(); err != nil {
		p.Close()
		return nil, fmt.Errorf("psp: webhooks that wait: %w", err)
	}
	return p, nil
}

// Handler is the HTTP program: Stripe under /v1/, Worldpay under /api/ and /paymentQueries/, the donors' pages under
// /pay/, and the test's controls under /_/.
func (p *PSP) Handler() http.Handler { return p.handler }

// Notify sends webhooks to these addresses from now on, those that waited for an address first.
func (p *PSP) Notify(h Hooks) { p.posts.notify(h) }

// Close stops the webhooks and closes the file. Calls that wait for their latency are answered 503.
func (p *PSP) Close() error {
	p.stop()
	p.posts.wait()
	return p.store.close()
}

// secret is an unguessable tail for what a donor's browser holds.
func secret() string {
	var b [12]byte
	rand.Read(b[:]) // never fails: crypto/rand's contract since Go 1.24
	return hex.EncodeToString(b[:])
}

// pause waits as long as the acquirer takes, or until the caller or the program goes.
func (p *PSP) pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	case <-p.ctx.Done():
		return false
	}
}

// maxBody bounds what a merchant may send: both acquirers refuse far less.
const maxBody = 64 << 10

func body(r *http.Request) ([]byte, error) {
	return io.ReadAll(io.LimitReader(r.Body, maxBody))
}
