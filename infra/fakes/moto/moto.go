// Package moto runs a private moto_server, which plays AWS's APIs to tests, on a free port of this machine.
package moto

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Server is a running server. It is safe for concurrent use, but does not itself carry out requests one at a time: two
// conditional writes at the same moment may both be let through.
type Server struct {
	URL string

	cmd  *exec.Cmd
	gone chan struct{}
}

// startTime is how long Python may take to load it all on a busy machine.
const startTime = time.Minute

// Start starts a server; program is the path of moto_server. What it is asked to keep is gone when it ends.
func Start(program string) (*Server, error) {
	s := &Server{cmd: exec.Command(program, "-H", "127.0.0.1", "-p", "0"), gone: make(chan struct{})}
	s.cmd.Env = append(os.Environ(), "PYTHONUNBUFFERED=1")
	log, err := s.cmd.StderrPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("moto: %w", err)
	}
	said, at := new(strings.Builder), make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(log); lines.Scan(); {
			if _, url, found := strings.Cut(lines.Text(), "Running on "); found {
				at <- url
				break
			}
			fmt.Fprintln(said, lines.Text())
		}
		_, _ = io.Copy(io.Discard, log) // a line a request
		_ = s.cmd.Wait()                // how it ended is of no interest: it was told to
		close(s.gone)
	}()
	select {
	case s.URL = <-at:
		return s, nil
	case <-s.gone:
		return nil, fmt.Errorf("moto: it did not start: %s", said)
	case <-time.After(startTime):
		s.Stop()
		return nil, fmt.Errorf("moto: it did not start in %s", startTime)
	}
}

// Test starts a server for a test, by the path in BANYAN_MOTO, and stops it at its end; without one the test is skipped.
func Test(t *testing.T) *Server {
	t.Helper()
	program := os.Getenv("BANYAN_MOTO")
	if program == "" {
		t.Skip("BANYAN_MOTO names no moto_server: what an emulator of AWS proves is proved in CI")
	}
	s, err := Start(program)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// Stop ends the server.
func (s *Server) Stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may be gone already
	<-s.gone
}
