package host

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/gorilla/mux"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/web"
)

// What a service's pause switch may say. A paused service answers 409 to everything but its health, and still takes
// messages: what has been accepted is carried through.
const (
	OK                  = "OK"
	TemporarilyPaused   = "TEMPORARILY_PAUSED"
	IndefinitelyPaused  = "INDEFINITELY_PAUSED"
	operatorsWhoMayStop = "support"
)

var states = []string{OK, TemporarilyPaused, IndefinitelyPaused}

// State is a service's pause switch, kept in its own store, so that a restart does not start what somebody stopped.
// Safe for concurrent use.
type State struct {
	store kv.Store
	now   atomic.Pointer[string]
}

var stateKey = kv.Key{Part: "host", Sort: "state"}

// ReadState reads the switch; one that was never set is OK.
func ReadState(ctx context.Context, store kv.Store) (*State, error) {
	s := &State{store: store}
	item, err := store.Get(ctx, stateKey)
	state := string(item.Data)
	switch {
	case errors.Is(err, kv.ErrNotFound):
		state = OK
	case err != nil:
		return nil, err
	}
	s.now.Store(&state)
	return s, nil
}

// Now is what the switch says.
func (s *State) Now() string { return *s.now.Load() }

// Set turns the switch and keeps it.
func (s *State) Set(ctx context.Context, state string) error {
	if !slices.Contains(states, state) {
		return fault.Wrong("state", "must be OK, TEMPORARILY_PAUSED or INDEFINITELY_PAUSED")
	}
	if err := s.store.Commit(ctx, kv.Write{Key: stateKey, Data: []byte(state)}); err != nil {
		return err
	}
	s.now.Store(&state)
	return nil
}

type switched struct {
	State string `json:"state"`
}

// state is what each service answers about itself.
func (f Front) state() http.Handler {
	r := mux.NewRouter()
	if f.State == nil {
		return r
	}
	show := web.Func(func(w http.ResponseWriter, r *http.Request) error {
		web.Answer(w, http.StatusOK, switched{f.State.Now()})
		return nil
	})
	r.Handle("/"+f.Name+"/health", show).Methods("GET", "HEAD")
	r.Handle("/"+f.Name+"/state", show).Methods("GET", "HEAD")
	r.Handle("/"+f.Name+"/state", web.JSON(http.StatusOK, func(ctx context.Context, in switched) (switched, error) {
		if err := web.From(ctx).May(operatorsWhoMayStop); err != nil {
			return in, err
		}
		return in, f.State.Set(ctx, in.State)
	})).Methods("PUT")
	return r
}
