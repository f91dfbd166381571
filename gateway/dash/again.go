package dash

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/banyan-migration/banyan/gateway/dash/who"
	"github.com/banyan-migration/banyan/shared/fault"
)

// attempts remembers the answers of calls that carried an Idempotency-Key, so that a caller who saw no answer may ask again. They are
// kept in memory, the newest thousand: a key is for a retry within minutes, to the same gateway. The zero value is empty.
type attempts struct {
	mu    sync.Mutex
	order []string
	all   map[string]*attempt
}

type attempt struct {
	sum  [32]byte // of the call
	done chan struct{}
	out  any
	err  error
}

const (
	maxAttempts = 1000
	maxKey      = 200 // bytes
)

// errBroken is what those hear who waited for an answer that never came.
var errBroken = &fault.Error{Kind: fault.Internal, Text: "the first call under this key broke off: look at what holds before trying again"}

// once makes a write's handler: the same key again gives the first answer again, and another call under it is refused.
func (a *api) once(f func(*http.Request, who.Person) (any, error)) func(http.ResponseWriter, *http.Request, who.Person) error {
	return func(w http.ResponseWriter, r *http.Request, p who.Person) error {
		key := r.Header.Get("Idempotency-Key")
		if key == "" {
			out, err := f(r, p)
			if err == nil {
				tell(w, out)
			}
			return err
		}
		if len(key) > maxKey {
			return fault.Wrong("Idempotency-Key", fmt.Sprintf("a key has at most %d bytes; nothing was changed", maxKey))
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %s\n%s", r.Method, r.URL.RequestURI(), r.Header.Get("If-Match"), body))
		at, mine := a.attempts.take(p.Name+"\x00"+key, sum)
		switch {
		case mine:
			func() {
				at.err = errBroken // unless f comes back
				defer a.attempts.finish(p.Name+"\x00"+key, at)
				at.out, at.err = f(r, p)
			}()
		case at.sum != sum:
			return &fault.Error{Kind: fault.Conflict, Field: "Idempotency-Key", Text: "the key stands for another call: take a new one; nothing was changed"}
		default:
			select {
			case <-at.done:
			case <-r.Context().Done():
				return r.Context().Err()
			}
			w.Header().Set("Idempotency-Replayed", "true")
		}
		if at.err == nil {
			tell(w, at.out)
		}
		return at.err
	}
}

// take finds the attempt of a key, or makes it: mine.
func (s *attempts) take(key string, sum [32]byte) (at *attempt, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, known := s.all[key]; known {
		return at, false
	}
	if s.all == nil {
		s.all = map[string]*attempt{}
	}
	if len(s.order) == maxAttempts {
		delete(s.all, s.order[0])
		s.order = s.order[1:]
	}
	at = &attempt{sum: sum, done: make(chan struct{})}
	s.all[key], s.order = at, append(s.order, key)
	return at, true
}

// finish lets those go on who wait for the answer. A failure is forgotten: the call may be tried again under its key.
func (s *attempts) finish(key string, at *attempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at.err != nil {
		delete(s.all, key)
		for i, k := range s.order {
			if k == key {
				s.order = append(s.order[:i:i], s.order[i+1:]...)
				break
			}
		}
	}
	close(at.done)
}
