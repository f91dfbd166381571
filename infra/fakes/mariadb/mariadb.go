// Package mariadb runs a private MariaDB, a real one, for proofs and measurements: its files in one folder, reached by
// a socket in it and by nothing else.
package mariadb

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Server is a running server. It is safe for concurrent use.
type Server struct {
	Socket string
	cmd    *exec.Cmd
	gone   chan struct{}
}

// Start makes a server's files in an empty folder and starts it; server is the path of mariadbd, args are more of its
// arguments. Its tools (mariadb, mariadb-dump, mariadb-install-db) are found on the PATH. A folder's name of more than
// some 90 bytes is too long for a socket.
func Start(ctx context.Context, server, dir string, args ...string) (*Server, error) {
	s := &Server{Socket: filepath.Join(dir, "s"), gone: make(chan struct{})}
	data := filepath.Join(dir, "data")
	if err := s.run(ctx, nil, io.Discard, "mariadb-install-db", "--no-defaults", "--user=root", "--datadir="+data, "--tmpdir="+dir, "--auth-root-authentication-method=normal", "--skip-test-db"); err != nil {
		return nil, err
	}
	s.cmd = exec.Command(server, append([]string{"--no-defaults", "--user=root", "--datadir=" + data, "--tmpdir=" + dir, "--socket=" + s.Socket, "--pid-file=" + filepath.Join(dir, "pid"),
		"--skip-networking", "--innodb-flush-log-at-trx-commit=0"}, args...)...)
	log, err := s.cmd.StderrPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("mariadb: %w", err)
	}
	said, ready := new(strings.Builder), make(chan bool, 1)
	go func() {
		for lines := bufio.NewScanner(log); lines.Scan(); {
			if strings.Contains(lines.Text(), "ready for connections") {
				ready <- true
			}
			fmt.Fprintln(said, lines.Text())
		}
		s.cmd.Wait()
		close(s.gone)
	}()
	select {
	case <-ready:
		return s, nil
	case <-s.gone:
		return nil, fmt.Errorf("mariadb: it did not start: %s", said)
	}
}

// Test starts a server for a test, by the path in BANYAN_MARIADB, and stops it at its end; without one the test is skipped.
func Test(t *testing.T, args ...string) *Server {
	t.Helper()
	server := os.Getenv("BANYAN_MARIADB")
	if server == "" {
		t.Skip("BANYAN_MARIADB names no mariadbd: what a real server proves is proved in CI")
	}
	dir, err := os.MkdirTemp("", "mariadb") // t.TempDir's names may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s, err := Start(t.Context(), server, dir, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// Source is a database as `migrate --from` names it, read by a user.
func (s *Server) Source(user, database string) string {
	return "mysql://" + user + "@localhost/" + database + "?socket=" + url.QueryEscape(s.Socket)
}

// Load makes a database and runs a script in it, such as a dump; nil makes it empty.
func (s *Server) Load(ctx context.Context, database string, script io.Reader) error {
	if _, err := s.Query(ctx, "", "CREATE DATABASE IF NOT EXISTS `"+database+"` CHARACTER SET utf8mb4"); err != nil || script == nil {
		return err
	}
	return s.run(ctx, script, io.Discard, "mariadb", "--no-defaults", "--user=root", "--socket="+s.Socket, "--default-character-set=utf8mb4", database)
}

// Query runs SQL in a database as root and returns its answer: a line a row, tabs between columns.
func (s *Server) Query(ctx context.Context, database, query string) (string, error) {
	var out bytes.Buffer
	err := s.run(ctx, strings.NewReader(query), &out, "mariadb", "--no-defaults", "--user=root", "--socket="+s.Socket, "--skip-column-names", "--default-character-set=utf8mb4", database)
	return out.String(), err
}

// Dump runs mariadb-dump with these arguments, the database's name among them.
func (s *Server) Dump(ctx context.Context, to io.Writer, args ...string) error {
	return s.run(ctx, nil, to, "mariadb-dump", append([]string{"--no-defaults", "--user=root", "--socket=" + s.Socket}, args...)...)
}

func (s *Server) run(ctx context.Context, in io.Reader, out io.Writer, name string, args ...string) error {
	var said bytes.Buffer
	c := exec.CommandContext(ctx, name, args...)
	c.Stdin, c.Stdout, c.Stderr = in, out, &said
	if err := c.Run(); err != nil {
		return errors.Join(fmt.Errorf("%s %q: %w", name, args, err), errors.New(strings.TrimSpace(said.String())))
	}
	return nil
}

// Kill ends the server as a crash would.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill() // it may be gone already
	<-s.gone
}

// Stop ends the server.
func (s *Server) Stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may be gone already
	<-s.gone
}
