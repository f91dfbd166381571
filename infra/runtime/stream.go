package runtime

import (
	"context"
	"io"
	"sync"
)

// Stream runs a function as Invoke does and writes its response while it comes; one that does not stream is written when
// it is whole. begin is called once, before the first byte, with the version that runs and the request's id, and not at all
// where Lambda refuses the call. After Stream has returned nothing is written any more. The answer's payload is empty unless the function failed,
// or the call was refused.
func (p *Player) Stream(ctx context.Context, call Call, begin func(version, request string), to io.Writer) (Answer, error) {
	call.Event = false
	s := &sink{begin: begin, to: to}
	defer s.close()
	a, err := p.invoke(ctx, call, s)
	if err != nil || a.Status != 200 {
		return a, err
	}
	if a.Streamed || a.Error != "" {
		_, err := s.Write(nil)
		return a, err
	}
	_, err = s.Write(a.Payload)
	a.Payload = nil
	return a, err
}

// sink is where a streamed response goes until its caller has gone.
type sink struct {
	begin   func(version, request string)
	started func()

	mu     sync.Mutex
	to     io.Writer
	begun  bool
	closed bool
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, io.ErrClosedPipe
	}
	if !s.begun {
		s.begun = true
		s.started()
	}
	if len(p) == 0 {
		return 0, nil
	}
	return s.to.Write(p)
}

func (s *sink) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}
