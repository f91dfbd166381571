// Package moto runs a private moto_server, which plays AWS's APIs to tests, on a free port of this machine.
package moto

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Server is a running server. It is safe for concurrent use, but does not itself carry out requests one at a time: two
// conditional writes at the same moment may both be let through. It is slower than anything: some 10 ms a write.
type Server struct {
	URL string

	cmd  *exec.Cmd
	dir  string // of the mended code
	gone chan struct{}
}

// mended is what Python loads before moto: see there.
//
//go:embed sitecustomize.py
var mended []byte

// startTime is how long Python may take to load it all on a busy machine.
const startTime = time.Minute

// Start starts a server; program is the path of moto_server. What it is asked to keep is gone when it ends.
func Start(program string) (*Server, error) {
	dir, err := os.MkdirTemp("", "moto")
	if err != nil {
		return nil, err
	}
	s := &Server{cmd: exec.Command(program, "-H", "127.0.0.1", "-p", "0"), dir: dir, gone: make(chan struct{})}
	s.cmd.Env = append(os.Environ(), "PYTHONUNBUFFERED=1", "PYTHONPATH="+dir)
	log, err := s.cmd.StderrPipe()
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "sitecustomize.py"), mended, 0o600)
	}
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("moto: %w", err), os.RemoveAll(dir))
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
		_ = os.RemoveAll(s.dir)         // left in the system's temporary folder at worst
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

// Stop ends the server at once: it keeps nothing, and one that is busy would not listen to a milder word.
func (s *Server) Stop() {
	_ = s.cmd.Process.Kill() // it may be gone already
	<-s.gone
}
