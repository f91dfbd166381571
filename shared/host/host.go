// Package host is what a service stands on: Env, all that it may ask of the world, and Service, all that it may
// offer. The same New runs in Lambda, behind a player of the Lambda runtime, in one process, and in a test.
package host

import (
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/kv"
)

// Env is all that a service may ask of the world. Nil fields are not to be had there; New says so.
type Env struct {
	Store  kv.Store
	Blobs  Blobs
	Mail   Mailer
	Start  func(ctx context.Context, machine, id string, input any) error // a state machine, once an id
	Client *http.Client                                                   // to third parties
	Files  fs.FS                                                          // the shared Layer
	Getenv func(string) string
	Now    func() time.Time
	NewID  func() string
	Log    *slog.Logger
}

// Blobs keeps large things: evidence, claims, images. Safe for concurrent use.
type Blobs interface {
	Put(ctx context.Context, name string, data []byte) error
	Get(ctx context.Context, name string) ([]byte, error)
	Sign(ctx context.Context, name string, ttl time.Duration) (url string, err error)
}

// Mailer sends one mail. It may be asked for the same key twice and sends once. Used by the mailer service alone.
type Mailer interface {
	Send(ctx context.Context, key string, message []byte) (id string, err error)
}

// Service is what a service offers; a nil field is not offered.
type Service struct {
	HTTP http.Handler
	// Queue takes one message, which may come twice, late, or before its elders. An error means: bring it again.
	Queue func(ctx context.Context, m event.Message) error
	Task  func(ctx context.Context, name string, in []byte) ([]byte, error) // a state machine's step
	Tick  func(ctx context.Context, now time.Time) error                    // every minute or so; may be missed
	// Machines are the state machines by name, in Amazon States Language.
	Machines map[string][]byte
}

// New starts a service. It reads its environment here, and names every missing variable in one error.
type New func(Env) (Service, error)
