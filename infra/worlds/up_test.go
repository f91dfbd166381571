package worlds

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// up starts `banyan up` with more arguments, and returns the file of its addresses. It ends with the test; what it said on
// standard error is in the file log.
func up(t *testing.T, banyan, log string, env []string, args ...string) (world string) {
	t.Helper()
	dir := t.TempDir()
	c := exec.Command(banyan, append([]string{"up", "--json", "--dir", filepath.Join(dir, "state"), "--listen", "127.0.0.1:0"}, args...)...)
	c.Dir, c.Env = root, append(clean(), env...)
	said, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = said
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM) // it may have ended by itself
		kill := time.AfterFunc(40*time.Second, func() { _ = c.Process.Kill() })
		if err := c.Wait(); err != nil && !t.Failed() {
			t.Errorf("banyan up %v did not end well: %v\n%s", args, err, last(log))
		}
		kill.Stop()
		said.Close()
	})
	started := time.AfterFunc(time.Minute, func() { _ = c.Process.Kill() })
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if started.Stop(); err != nil || !json.Valid(line) {
		t.Fatalf("banyan up %v did not start: %v %s\n%s", args, err, line, last(log))
	}
	go io.Copy(io.Discard, out)
	world = filepath.Join(dir, "world.json")
	if err := os.WriteFile(world, line, 0o600); err != nil {
		t.Fatal(err)
	}
	return world
}

// last is the end of a log.
func last(file string) string {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return string(raw[max(0, len(raw)-4000):])
}
