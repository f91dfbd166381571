package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
)

// childDir and childListen are the environment variables by which this binary, started by itself, is `banyan up`: a world in a
// process of its own, which can be killed.
const (
	childDir    = "BANYAN_TEST_UP"
	childListen = "BANYAN_TEST_LISTEN"
	childBuild  = "BANYAN_TEST_BUILD" // where the services run as functions
)

func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	if err := beChild(dir, os.Getenv(childListen)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// beChild runs a world on a folder and the gateway.yaml in it, says where it is, and ends with standard input: no child outlives
// its test.
func beChild(dir, listen string) error {
	config, err := os.ReadFile(filepath.Join(dir, "gateway.yaml"))
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(dir, "up.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGXFSZ) // a test may limit how large files grow: the writes are to fail, not the process
	o := Options{Dir: dir, Config: config, Listen: listen, Speed: 20, Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	if build := os.Getenv(childBuild); build != "" {
		template, err := os.ReadFile(filepath.Join("..", "..", "template.yaml"))
		if err != nil {
			return err
		}
		o.Lambda = &Lambda{Template: template, Build: build}
	}
	w, err := Start(context.Background(), o)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(w); err != nil {
		return err
	}
	go func() {
		err := <-w.Failed()
		o.Log.Error("the world has ended", "error", err.Error())
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}()
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return w.Close(context.Background())
}

// child is such a process.
type child struct {
	World // its addresses
	cmd   *exec.Cmd
	in    io.Closer
}

// startChild returns when it answers.
func startChild(dir, listen string, more ...string) (*child, error) {
	c := &child{cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(append(os.Environ(), childDir+"="+dir, childListen+"="+listen), more...)
	c.cmd.Stderr = os.Stderr
	in, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	c.in = in
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	if err := json.NewDecoder(out).Decode(&c.World); err != nil {
		return nil, errors.Join(fmt.Errorf("the world does not say where it is: %w", err), c.kill())
	}
	return c, nil
}

// kill is kill -9.
func (c *child) kill() error {
	err := c.cmd.Process.Kill()
	_ = c.cmd.Wait() // it says that it was killed
	return err
}

// end lets it close what it has open.
func (c *child) end() error { return errors.Join(c.in.Close(), c.cmd.Wait()) }

// fixedPort is free, and below those that the system gives to outgoing connections: a client that tries a dead server's port
// again and again could otherwise be given that very port, and meet itself.
func fixedPort(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(10_000))
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no free port between 20000 and 30000")
	return ""
}
