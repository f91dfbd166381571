package host

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

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

// Unknown is what a switch says that nobody could read yet: the service answers 503, since it must not start what
// somebody may have stopped.
const Unknown = "UNKNOWN"

// State is a service's pause switch, kept in its own store, so that a restart does not start what somebody stopped.
// Safe for concurrent use.
type State struct {
	store kv.Store
	now   atomic.Pointer[string]

	mu   sync.Mutex // one reads or turns the switch at a time, so that an old reading never undoes a turn
	read time.Time  // zero: never
}

var stateKey = kv.Key{Part: "host", Sort: "state"}

// ReadState reads the switch; one that was never set is OK.
func ReadState(ctx context.Context, store kv.Store) (*State, error) {
	s := UnreadState(store)
	return s, s.load(ctx)
}

// UnreadState is a switch that says Unknown until its first Refresh, for a host that starts without asking its store.
func UnreadState(store kv.Store) *State {
	s := &State{store: store}
	unknown := Unknown
	s.now.Store(&unknown)
	return s
}

// Refresh reads the switch again if the last reading is older than age at now: where many processes share a store, each learns
// so what another was told. It goes by the wall's clock, since the other one stands still while Lambda freezes an environment; a
// reading of the future, after the wall's was put back, is old. A reading that fails changes nothing, and the next Refresh tries again.
func (s *State) Refresh(ctx context.Context, now time.Time, age time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now = now.Round(0) // the wall's alone
	if since := now.Sub(s.read); !s.read.IsZero() && since >= 0 && since < age {
		return nil
	}
	if err := s.load(ctx); err != nil {
		return err
	}
	s.read = now
	return nil
}

func (s *State) load(ctx context.Context) error {
	item, err := s.store.Get(ctx, stateKey)
	state := string(item.Data)
	switch {
	case errors.Is(err, kv.ErrNotFound):
		state = OK
	case err != nil:
		return err
	}
	s.now.Store(&state)
	return nil
}

// Now is what the switch says.
func (s *State) Now() string { return *s.now.Load() }

// refuses is why a request of the service is not taken; nil: it is. A nil State never refuses.
func (s *State) refuses() error {
	if s == nil {
		return nil
	}
	switch s.Now() {
	case OK:
		return nil
	case Unknown:
		return &fault.Error{Kind: fault.Unavailable, Text: "This service cannot read its data at the moment: please try again", Err: errors.New("host: the pause switch could not be read yet")}
	}
	return &fault.Error{Kind: fault.Conflict, Text: "This service is paused: please try again later"}
}

// Set turns the switch and keeps it.
func (s *State) Set(ctx context.Context, state string) error {
	if !slices.Contains(states, state) {
		return fault.Wrong("state", "must be OK, TEMPORARILY_PAUSED or INDEFINITELY_PAUSED")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
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
