// Package ministack runs a private ministack, which plays AWS to tests, deployments and Lambda functions, on a free port of
// this machine. Where it is laxer than AWS, the tests that meet it say so.
package ministack

import (
	"context"
	_ "embed" // the mended code
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Account and Region are whose resources the server keeps; Key and Secret are what it takes as credentials: with another
// secret, addresses that S3 has signed are refused.
const (
	Account = "111122223333"
	Region  = "eu-west-1"
	Key     = "test"
	Secret  = "test"
)

// Server is a running server. It is safe for concurrent use.
type Server struct {
	URL string // where all of AWS's services are
	Log string // a file: what the server says, its functions' output in it; gone when the server is

	cmd  *exec.Cmd
	dir  string
	gone chan struct{}
}

// mended is what Python loads before ministack: see there.
//
//go:embed sitecustomize.py
var mended []byte

// startTime is how long Python may take to load it all on a busy machine.
const startTime = time.Minute

// Start starts a server; program is the path of ministack. What it is asked to keep is gone when it ends. It sees nothing
// of this process's environment: a server hands its own on to the functions that it runs.
func Start(program string) (*Server, error) {
	var all error
	for range 3 { // the port is free when it is chosen, and may be another's when it is taken
		s, err := start(program)
		if err == nil {
			return s, nil
		}
		if all = errors.Join(all, err); !errors.Is(err, errEnded) {
			break
		}
	}
	return nil, all
}

var errEnded = errors.New("ministack: it ended before it answered")

func start(program string) (*Server, error) {
	port, err := freePort()
	if err != nil {
		return nil, fmt.Errorf("ministack: %w", err)
	}
	dir, err := os.MkdirTemp("", "ministack")
	if err != nil {
		return nil, fmt.Errorf("ministack: %w", err)
	}
	s := &Server{URL: "http://127.0.0.1:" + port, Log: filepath.Join(dir, "log"), dir: dir, cmd: exec.Command(program), gone: make(chan struct{})}
	log, err := os.Create(s.Log)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "sitecustomize.py"), mended, 0o600)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ministack: %w", err), os.RemoveAll(dir))
	}
	defer log.Close() // the server has it by then
	s.cmd.Env = environment(s.URL, port, dir)
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = dir, log, log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that Stop finds the functions that it runs
	if err := s.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("ministack: %w", err), os.RemoveAll(dir))
	}
	go func() {
		_ = s.cmd.Wait() // how it ended is of no interest: it was told to, or its log says it
		close(s.gone)
	}()
	if err := s.await(); err != nil {
		said, _ := os.ReadFile(s.Log) // for the message only
		s.Stop()
		return nil, fmt.Errorf("%w: %s", err, said)
	}
	return s, nil
}

// environment is all that the server has: loopback, one region, one account, and itself as AWS, for its functions too. Two
// more listeners that it would open are off.
func environment(url, port, dir string) []string {
	return []string{
		"BIND_HOST=127.0.0.1", "GATEWAY_PORT=" + port, "AWS_ENDPOINT_URL=" + url,
		"MINISTACK_ACCOUNT_ID=" + Account, "MINISTACK_REGION=" + Region,
		"AWS_REGION=" + Region, "AWS_DEFAULT_REGION=" + Region, "AWS_ACCESS_KEY_ID=" + Key, "AWS_SECRET_ACCESS_KEY=" + Secret,
		"IOT_MTLS_ENABLED=0", "SFTP_ENABLED=0", "PYTHONUNBUFFERED=1", "PYTHONPATH=" + dir,
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir,
	}
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// await asks for the server's health until it answers.
func (s *Server) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-s.gone:
			return errEnded
		case <-ctx.Done():
			return fmt.Errorf("ministack: it did not start in %s", startTime)
		case <-look.C:
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/_ministack/health", nil)
		if err != nil {
			return fmt.Errorf("ministack: %w", err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			continue // it does not listen yet
		}
		if answer.Body.Close(); answer.StatusCode == http.StatusOK {
			return nil
		}
	}
}

// Test starts a server for a test, by the path in BANYAN_MINISTACK, and stops it at its end; without one the test is
// skipped. A test that fails shows the last of what the server said.
func Test(t *testing.T) *Server {
	t.Helper()
	program := os.Getenv("BANYAN_MINISTACK")
	if program == "" {
		t.Skip("BANYAN_MINISTACK names no ministack: what an emulator of AWS proves is proved in CI")
	}
	s, err := Start(program)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if said, err := os.ReadFile(s.Log); t.Failed() && err == nil {
			lines := strings.Split(string(said), "\n")
			t.Logf("ministack said at last:\n%s", strings.Join(lines[max(0, len(lines)-40):], "\n"))
		}
		s.Stop()
	})
	return s
}

// Stop ends the server at once, and the functions that it runs.
func (s *Server) Stop() {
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) // it may be gone already
	<-s.gone
	_ = os.RemoveAll(s.dir) // left in the system's temporary folder at worst
}
