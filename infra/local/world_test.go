package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/dash"
	"github.com/banyan-migration/banyan/loadtest"
)

// startWorld starts one on a folder and ends it with the test.
func startWorld(t *testing.T, o Options) *World {
	t.Helper()
	w, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return w
}

// refuses wants a world that does not start, and an error that says why and what to do.
func refuses(t *testing.T, o Options, says ...string) {
	t.Helper()
	w, err := Start(t.Context(), o)
	if err == nil {
		w.Close(context.Background())
		t.Fatalf("it starts; want an error with %q", says)
	}
	for _, part := range says {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v\nlacks %q", err, part)
		}
	}
}

func TestAPortInUseIsNamed(t *testing.T) {
	t.Parallel()
	taken, address, err := listen("")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address = strings.TrimPrefix(address, "http://")
	dir := oldFolder(t)
	refuses(t, Options{Dir: dir, Config: repository(t), Listen: address}, address, "address already in use", "name a free port")
	startWorld(t, Options{Dir: dir, Config: repository(t)}) // the one that was refused holds nothing
}

func TestABrokenGatewayYAMLIsNamedByItsLine(t *testing.T) {
	t.Parallel()
	change := func(old, now string) []byte {
		text := string(repository(t))
		if strings.Count(text, old) == 0 {
			t.Fatalf("gateway.yaml has no %q", old)
		}
		return []byte(strings.Replace(text, old, now, 1))
	}
	line := func(of string) string {
		before, _, _ := strings.Cut(string(repository(t)), of)
		return "gateway.yaml:" + strconv.Itoa(1+strings.Count(before, "\n"))
	}
	dir := oldFolder(t)
	for _, c := range []struct {
		config []byte
		says   []string
	}{
		{change("weight: 0", "weight: 10001"), []string{line("weight: 0"), "weight", "10000"}},
		{change("default_host:", "defaulthost:"), []string{line("default_host:"), "defaulthost", "default_host"}},
		{change("default: drupal", "default: drupl"), []string{line("default: drupal"), "drupl"}},
		{[]byte("hosts: [a.example\n"), []string{"gateway.yaml:"}},
		{[]byte("hosts: [a.example]\ndefault_host: a.example\nbackends: {old: {url: 'http://127.0.0.1:1'}}\ndefault: old\n"), []string{"drupal and services"}},
	} {
		refuses(t, Options{Dir: dir, Config: c.config}, c.says...)
	}
	startWorld(t, Options{Dir: dir, Config: repository(t)})
}

// A load of the dump that was killed leaves a file under another name; the next start begins anew.
func TestAHalfLoadedSiteIsLoadedAnew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	half := filepath.Join(dir, "legacy.db.loading")
	for _, file := range []string{half, half + "-journal", half + "-wal", half + "-shm"} {
		if err := os.WriteFile(file, []byte("half of a database"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w := startWorld(t, Options{Dir: dir, Config: repository(t)})
	if page := get(t, w.Gateway+"/donate"); !strings.Contains(page, "webform_client_form_2") {
		t.Errorf("the donate form is %.200q", page)
	}
	left, err := filepath.Glob(half + "*")
	if err != nil || len(left) > 0 {
		t.Errorf("%v is still there, %v", left, err)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v: %.200s", url, res.Status, err, body)
	}
	return string(body)
}

// given has some donors give, and returns their refs.
func given(t *testing.T, target, run string) (refs []string) {
	t.Helper()
	plan := loadtest.Plan{Kind: loadtest.Drip, Host: siteHost, Form: "/donate", Mark: "none", Seed: 1, Rate: 40, Hold: 200 * time.Millisecond}
	r, err := loadtest.Run(t.Context(), plan, loadtest.Options{Target: target, Run: run})
	if err != nil || r.Accepted() == 0 {
		t.Fatalf("%d donations are accepted, %v, %v", r.Accepted(), r.Errors, err)
	}
	for _, g := range r.Donations {
		refs = append(refs, g.Ref)
	}
	return refs
}

func TestARestartKeepsWeightsGiftsAndTheKey(t *testing.T) {
	t.Parallel()
	dir := oldFolder(t)
	first, err := Start(t.Context(), Options{Dir: dir, Config: repository(t), Speed: 20})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Weigh(t.Context(), group, 10_000, "to see whether it stays"); err != nil {
		t.Fatal(err)
	}
	refs := given(t, first.Gateway, "before")
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-first.Failed():
		t.Errorf("a world that was closed says that something failed: %v", err)
	default:
	}
	again := startWorld(t, Options{Dir: dir, Config: repository(t), Speed: 20})
	var now dash.Group
	if err := again.Door().Call(t.Context(), http.MethodGet, "/v1/groups/"+group, 0, nil, &now); err != nil || now.Weight != 10_000 {
		t.Errorf("after the restart the group is at %d, %v", now.Weight, err)
	}
	if again.key != first.key {
		t.Error("the key is another: cookies and marks of before are worth nothing")
	}
	if again.MarksKey != again.key || again.OperatorKey != first.OperatorKey {
		t.Error("the operator's key is another than before, or the marks' is not the one that the line says")
	}
	refs = append(refs, given(t, again.Gateway, "after")...)
	stored := get(t, again.Services+"/reconcile")
	for _, ref := range refs {
		if strings.Count(stored, `"`+ref+`"`) != 1 {
			t.Errorf("%s is stored %d times", ref, strings.Count(stored, `"`+ref+`"`))
		}
	}
}

// Operators exist here too: the key that the world says has every role, and no other has any.
func TestTheOperatorsKeyOpensWhatOperatorsMay(t *testing.T) {
	t.Parallel()
	w := startWorld(t, Options{Dir: oldFolder(t), Config: repository(t)})
	for key, want := range map[string]int{w.OperatorKey: http.StatusOK, "another": http.StatusUnauthorized, "": http.StatusUnauthorized} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, w.Services+"/payments/state", strings.NewReader(`{"state":"OK"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if key != "" {
			r.Header.Set("Authorization", "Bearer "+key)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("the key %.3s…: %s, want %d", key, res.Status, want)
		}
	}
}

// Two worlds on one folder would each deliver the other's messages. The second says whose the folder is; the first goes on, and
// when it is killed the folder is free.
func TestASecondWorldOnAFolderIsRefused(t *testing.T) {
	t.Parallel()
	dir := oldFolder(t)
	first := startedChild(t, dir, repository(t))
	refuses(t, Options{Dir: dir, Config: repository(t)}, "another world", dir, fmt.Sprintf("process %d", first.cmd.Process.Pid), "end it first, or name another folder")
	get(t, first.Gateway+"/donate")
	if err := first.kill(); err != nil {
		t.Fatal(err)
	}
	startWorld(t, Options{Dir: dir, Config: repository(t)})
}

// startedChild is a world in its own process, killed at the latest with the test.
func startedChild(t *testing.T, dir string, config []byte) *child {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "gateway.yaml"), config, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := startChild(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.kill() })
	return c
}

// A world that cannot begin to store says so and does not panic.
func TestAFolderThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := filepath.Join(dir, "file")
	if err := os.WriteFile(in, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refuses(t, Options{Dir: filepath.Join(in, "state"), Config: repository(t)}, "the world's folder", in)
	for _, file := range []string{"services.db", "psp.db", "legacy.db", "plan.db"} {
		dir := oldFolder(t)
		name := filepath.Join(dir, file)
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if err := os.Mkdir(name, 0o700); err != nil {
			t.Fatal(err)
		}
		refuses(t, Options{Dir: dir, Config: repository(t)}, name)
	}
}

// post sends one gift, always the same, and follows nothing.
func post(t *testing.T, url string) (status int, page string) {
	t.Helper()
	values := []string{"submitted[amount]=12.50", "submitted[first_name]=Ann", "submitted[last_name]=Lee", "submitted[email]=ann@example.org",
		"submitted[country]=GB", "submitted[transaction_id]=full-disk", "form_build_id=form-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"form_id=webform_client_form_2", "op=Donate"}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Post(url, "application/x-www-form-urlencoded", strings.NewReader(strings.Join(values, "&")))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}
