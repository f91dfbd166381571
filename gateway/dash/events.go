package dash

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/banyan-migration/banyan/gateway/dash/who"
	"github.com/banyan-migration/banyan/shared/fault"
)

const (
	maxStreams = 64
	look       = time.Second      // how often a stream looks whether something is new
	beat       = 15 * time.Second // a comment, so that a dead client is noticed and a proxy does not end a silent stream
)

// streams bounds the open event streams, and ends them with their server: a server waits for what it serves.
type streams struct {
	mu    sync.Mutex
	open  int
	ended map[*http.Server]chan struct{}
}

// events is GET /v1/events: server-sent events. "status" carries what GET /v1/status says, at the beginning and whenever it is another;
// "curves" says that new minutes can be drawn. A stream ends with its server, and a browser asks for another.
func (a *api) events(w http.ResponseWriter, r *http.Request, p who.Person) error {
	ended, leave, err := a.streams.enter(r)
	if err != nil {
		return err
	}
	defer leave()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	out := http.NewResponseController(w)
	defer func() { _ = out.SetWriteDeadline(time.Time{}) }() // the connection may carry other answers after this one
	tick := time.NewTicker(look)
	defer tick.Stop()
	var said []byte
	newest, silent := a.newest(), time.Duration(0)
	for {
		now, err := json.Marshal(a.stand())
		if err != nil {
			return err
		}
		var text string
		silent += look
		if at := a.newest(); !at.Equal(newest) {
			newest, text = at, fmt.Sprintf("event: curves\ndata: %q\n\n", at.Format(time.RFC3339))
		}
		if !bytes.Equal(now, said) {
			said, text = now, fmt.Sprintf("event: status\ndata: %s\n\n", now)
		}
		if text == "" && silent >= beat {
			text = ": still here\n\n"
		}
		if text != "" {
			silent = 0
			_ = out.SetWriteDeadline(time.Now().Add(beat)) // a server without deadlines waits for the client
			if _, err := w.Write([]byte(text)); err != nil || out.Flush() != nil {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-ended:
			return nil
		case <-r.Context().Done():
			return nil
		}
		if still, _, err := a.who(r); err != nil || !still.Role.May(who.View) { // the session ended, or the token is gone
			return nil
		}
	}
}

// newest is the time of the newest cell of any group.
func (a *api) newest() (at time.Time) {
	if a.Watch == nil {
		return at
	}
	for _, g := range a.Config().Groups {
		if cells := a.Watch.Curves(g.Name, a.Now().Add(-time.Minute)); len(cells) > 0 && cells[len(cells)-1].At.After(at) {
			at = cells[len(cells)-1].At
		}
	}
	return at
}

// enter takes a place among the streams; ended is closed when the server shuts down.
func (s *streams) enter(r *http.Request) (ended <-chan struct{}, leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open >= maxStreams {
		return nil, nil, &fault.Error{Kind: fault.Unavailable, Text: fmt.Sprintf("%d streams are open, and that is as many as there may be: close a page, or reload by hand", s.open)}
	}
	s.open++
	leave = func() { s.mu.Lock(); s.open--; s.mu.Unlock() }
	server, ok := r.Context().Value(http.ServerContextKey).(*http.Server)
	if !ok {
		return nil, leave, nil
	}
	if s.ended == nil {
		s.ended = map[*http.Server]chan struct{}{}
	}
	if s.ended[server] == nil {
		end := make(chan struct{})
		s.ended[server] = end
		server.RegisterOnShutdown(func() { close(end) })
	}
	return s.ended[server], leave, nil
}
