package local

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestADiskThatTakesNothingMore: the donor reads that nothing was taken and keeps what was typed; the log says which file, and
// what became of the data; when there is room again the same post is taken, once, by the same process.
func TestADiskThatTakesNothingMore(t *testing.T) {
	t.Parallel()
	dir := oldFolder(t)
	c := startedChild(t, dir, weighted(t, 10_000))
	room := func(bytes uint64) {
		t.Helper()
		if err := unix.Prlimit(c.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}, nil); err != nil {
			t.Fatal(err)
		}
	}
	room(4096) // no database grows
	status, page := post(t, c.Gateway+"/donate")
	if status != http.StatusServiceUnavailable || !strings.Contains(page, "nothing was taken") || !strings.Contains(page, `value="12.50"`) {
		t.Errorf("on a full disk the donor reads %d: %.300s", status, page)
	}
	room(unix.RLIM_INFINITY)
	if status, page = post(t, c.Gateway+"/donate"); status != http.StatusFound {
		t.Errorf("with room again: %d: %.300s", status, page)
	}
	if n := strings.Count(get(t, c.Services+"/reconcile"), `"full-disk"`); n != 1 {
		t.Errorf("the gift is stored %d times", n)
	}
	log, err := os.ReadFile(filepath.Join(dir, "up.log"))
	if err != nil || !strings.Contains(string(log), "services.db") || !strings.Contains(string(log), "nothing that was acknowledged is lost") {
		t.Errorf("the log says %q, %v", log, err)
	}
}

// TestADiskThatTakesNothingMoreEndsTheFunctionsWorld: what the fakes of AWS could not keep nobody knows afterwards, so they
// answer no more; the process ends and says why, rather than let everybody read "try again" for ever.
func TestADiskThatTakesNothingMoreEndsTheFunctionsWorld(t *testing.T) {
	t.Parallel()
	l := asLambda(t, "")
	dir := oldFolder(t)
	if err := os.WriteFile(filepath.Join(dir, "gateway.yaml"), weighted(t, 10_000), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := startChild(dir, "127.0.0.1:0", childBuild+"="+l.Build)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.kill() }) // it has ended, where all is well
	if err := unix.Prlimit(c.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 4096, Max: unix.RLIM_INFINITY}, nil); err != nil {
		t.Fatal(err)
	}
	for taken := true; taken; { // until the file is as large as it may be
		const gift = `{"amount":"10","first_name":"Ann","last_name":"Lee","email":"ann@example.org","payment":{"method":"test"}}`
		res, err := http.Post(c.Services+"/donations", "application/json", strings.NewReader(gift))
		if taken = err == nil && res.StatusCode < 400; err == nil { // the end may be quicker than the answer
			res.Body.Close()
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- c.cmd.Wait() }()
	select {
	case err := <-ended:
		var status *exec.ExitError
		log, _ := os.ReadFile(filepath.Join(dir, "up.log"))
		if !errors.As(err, &status) || status.ExitCode() != 1 || !strings.Contains(string(log), "make room and start again") {
			t.Errorf("it ended with %v, and says %q", err, log)
		}
	case <-time.After(20 * time.Second):
		t.Error("it goes on, and keeps nothing")
	}
}
