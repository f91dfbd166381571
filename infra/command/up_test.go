package command

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/infra/local"
)

// upHere is `banyan up` in this process.
type upHere struct {
	out   *bufio.Reader
	errs  bytes.Buffer // to be read after end
	stop  context.CancelFunc
	ended chan int
}

func ups(t *testing.T, dir string, args ...string) *upHere {
	t.Helper()
	gateway, err := os.ReadFile(filepath.Join("..", "..", "gateway.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	u := &upHere{out: bufio.NewReader(r), stop: stop, ended: make(chan int, 1)}
	args = append([]string{"up", "--dir", dir, "--listen", "127.0.0.1:0"}, args...)
	go func() {
		status := run(ctx, args, &Files{Gateway: gateway}, strings.NewReader(""), w, &u.errs)
		w.Close()
		u.ended <- status
	}()
	return u
}

// end stops it as ctrl-C does.
func (u *upHere) end(t *testing.T) {
	t.Helper()
	u.stop()
	if status := <-u.ended; status != done || u.errs.Len() > 0 {
		t.Errorf("up ended with %d: %s", status, u.errs.String())
	}
}

// TestUpSaysWhereEverythingIs: one line of JSON, each address answers, and the state is there at the next start.
func TestUpSaysWhereEverythingIs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	u := ups(t, dir, "--json")
	line, err := u.out.ReadBytes('\n')
	if err != nil {
		t.Fatalf("%v; it ended with %d: %s", err, <-u.ended, u.errs.String())
	}
	var w local.World
	if err := json.Unmarshal(line, &w); err != nil || w.AdminToken == "" {
		t.Fatalf("%s: %v", line, err)
	}
	for _, url := range []string{w.Gateway + "/donate", w.Legacy + "/donate", w.Services + "/donate/health", w.PSP + "/_/charges"} {
		if status, body := fetch(t, http.MethodGet, url, ""); status != http.StatusOK {
			t.Errorf("%s: %d: %.200s", url, status, body)
		}
	}
	second := ups(t, dir)
	if status := <-second.ended; status != outside || !strings.Contains(second.errs.String(), "another world runs in "+dir) {
		t.Errorf("a second up on the same folder: %d: %s", status, second.errs.String())
	}
	marked(t, dir, &w)
	u.end(t)
	private(t, dir)
	again := ups(t, dir, "--json")
	if _, err := again.out.ReadBytes('\n'); err != nil {
		t.Errorf("a second start: %v: %s", err, again.errs.String())
	}
	again.end(t)
}

// private says that a folder's files are their owner's alone, and each database one whole file.
func private(t *testing.T, dir string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 5 {
		t.Errorf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil || info.Mode().Perm()&0o077 != 0 || strings.Contains(f.Name(), ".db-") {
			t.Errorf("%s, %v, is left (%v)", f.Name(), info.Mode(), err)
		}
	}
}

// marked makes a load test of a running world with the key that it keeps: the services take its gifts for tests.
func marked(t *testing.T, dir string, w *local.World) {
	t.Helper()
	must(t, "cutover", "set", "donate", "--dir", dir, "--weight", "10000", "--why", "all of it")
	key, err := os.ReadFile(filepath.Join(dir, "gateway.key"))
	if err != nil {
		t.Fatal(err)
	}
	plan := filepath.Join(t.TempDir(), "plan.yaml")
	if err := os.WriteFile(plan, []byte("kind: drip\nhost: www.rednosefund.example\nmark: test\nrate: 20\nhold: 100ms\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	load := exec.CommandContext(t.Context(), os.Args[0], "loadtest", "run", plan, "--target", w.Gateway, "--reconcile", w.Services+"/reconcile", "--json")
	load.Env = append(os.Environ(), "BANYAN_TEST_AS_COMMAND=1", "BANYAN_KEY="+strings.TrimSpace(string(key)))
	out, err := load.Output()
	var got struct {
		Reconciled struct{ Accepted, Missing int }
	}
	if bad := json.Unmarshal(out, &got); err != nil || bad != nil || got.Reconciled.Accepted == 0 || got.Reconciled.Missing > 0 {
		t.Errorf("a marked load test: %v, %s", err, out)
	}
}

// An up that is interrupted before it stands says so, and has not done what it was called for.
func TestUpInterruptedWhileItStarts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	u := ups(t, dir)
	u.stop()
	if status := <-u.ended; status != outside || !strings.Contains(u.errs.String(), "interrupted before everything was up") {
		t.Errorf("%d: %s", status, u.errs.String())
	}
	again := ups(t, dir)
	if line, err := again.out.ReadString('\n'); err != nil {
		t.Errorf("%s, %v: %s", line, err, again.errs.String())
	}
	go io.Copy(io.Discard, again.out)
	again.end(t)
}

var (
	curled = regexp.MustCompile(`(?m)^  curl (?:-i )?'?(http://[^' \n]+)'?(?:.* -d '([^']*)')?$`)
	typed  = regexp.MustCompile(`(?m)^  banyan (.*) --why "([^"]*)"$`)
)

// TestWhatUpSuggestsWorks runs each line that `banyan up` prints for people to try.
func TestWhatUpSuggestsWorks(t *testing.T) {
	t.Parallel()
	u := ups(t, t.TempDir())
	var text strings.Builder
	for !strings.Contains(text.String(), "ctrl-C") {
		line, err := u.out.ReadString('\n')
		if err != nil {
			t.Fatalf("%v; it ended with %d: %s", err, <-u.ended, u.errs.String())
		}
		text.WriteString(line)
	}
	defer u.end(t)
	calls := curled.FindAllStringSubmatch(text.String(), -1)
	if len(calls) != strings.Count(text.String(), "  curl ") || len(calls) == 0 {
		t.Fatalf("%d of its curl lines can be read:\n%s", len(calls), text.String())
	}
	for _, call := range calls {
		method, want := http.MethodGet, http.StatusOK
		if call[2] != "" {
			method, want = http.MethodPost, http.StatusCreated
		}
		if status, body := fetch(t, method, call[1], call[2]); status != want {
			t.Errorf("%s answers %d: %s", call[0], status, body)
		}
	}
	m := typed.FindStringSubmatch(text.String())
	if m == nil {
		t.Fatalf("no banyan line:\n%s", text.String())
	}
	if status, _, errs := banyan(append(strings.Fields(m[1]), "--why", m[2])...); status != done {
		t.Errorf("%s: %d: %s", m[0], status, errs)
	}
}

func fetch(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(got)
}

// What --lambda needs is said with status 2, before anything starts.
func TestUpAsFunctionsSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		env  string
		says []string
	}{
		"no build":    {"AWS_ENDPOINT_URL=", []string{"no bootstrap of donate, payments, postcode", "run make build", "nothing was started"}},
		"AWS itself":  {"AWS_ENDPOINT_URL=https://sqs.eu-west-1.amazonaws.com", []string{"AWS_ENDPOINT_URL", "it names an emulator", "Nothing was started"}},
		"AWS, loudly": {"AWS_ENDPOINT_URL=http://DynamoDB.eu-west-1.AMAZONAWS.com:443", []string{"it names an emulator", "Nothing was started"}},
		"AWS, dotted": {"AWS_ENDPOINT_URL=http://dynamodb.eu-west-1.api.aws.", []string{"it names an emulator", "Nothing was started"}},
		"no web":      {"AWS_ENDPOINT_URL=ftp://127.0.0.1:4566", []string{"it names an emulator", "Nothing was started"}},
		"no endpoint": {"AWS_ENDPOINT_URL=nonsense", []string{"AWS_ENDPOINT_URL", "it names an emulator"}},
	} {
		c1 := exec.CommandContext(t.Context(), os.Args[0], "up", "--lambda", "--dir", t.TempDir(), "--listen", "127.0.0.1:0")
		c1.Env = append(os.Environ(), "BANYAN_TEST_AS_COMMAND=1", c.env)
		said, _ := c1.CombinedOutput() // its status is looked at
		if status := c1.ProcessState.ExitCode(); status != wrong {
			t.Errorf("%s: status %d: %s", what, status, said)
		}
		for _, part := range c.says {
			if !strings.Contains(string(said), part) {
				t.Errorf("%s: %s\nlacks %q", what, said, part)
			}
		}
	}
}
