package command

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary be the command: signals and passed sockets need a process of their own.
func TestMain(m *testing.M) {
	if how := os.Getenv("BANYAN_MIGRATE_CHILD"); how != "" {
		migrateChild(how)
	}
	if os.Getenv("BANYAN_TEST_AS_COMMAND") != "" {
		gateway, err := os.ReadFile(filepath.Join("..", "..", "gateway.yaml"))
		if err != nil && os.Getenv("BANYAN_TEST_AS_COMMAND") != "gateway" { // which needs no shipped file
			panic(err)
		}
		template, err := os.ReadFile(filepath.Join("..", "..", "template.yaml"))
		if err != nil && os.Getenv("BANYAN_TEST_AS_COMMAND") != "gateway" {
			panic(err)
		}
		alarms, err := os.ReadFile(filepath.Join("..", "alarms.yaml"))
		if err != nil && os.Getenv("BANYAN_TEST_AS_COMMAND") != "gateway" {
			panic(err)
		}
		os.Exit(Main(os.Args[1:], &Files{Gateway: gateway, Template: template, Alarms: alarms}, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// yard is a gateway's folder with its two sides behind it.
type yard struct {
	t    *testing.T
	dir  string
	conf string
	env  []string // of the gateways besides this process's own
}

func newYard(t *testing.T) *yard {
	t.Helper()
	side := func(name string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, name, " ", r.URL.Path) }))
		t.Cleanup(s.Close)
		return s.URL
	}
	y := &yard{t: t, dir: t.TempDir()}
	y.conf = filepath.Join(y.dir, "gateway.yaml")
	y.write(fmt.Sprintf(`listen: 127.0.0.1:0
admin: {listen: 127.0.0.1:0}
hosts: ["*"]
store: sqlite:%[1]s/state/plan.db
kill: %[1]s/kill
log: {access: %[1]s/access.log}
backends:
  drupal: {url: %[2]s}
  services: {url: %[3]s}
default: drupal
groups:
  postcode:
    from: drupal
    to: services
    key: url
    routes:
      - {match: GET /postcode/{pc}}
`, y.dir, side("old"), side("new")))
	return y
}

func (y *yard) write(text string) {
	y.t.Helper()
	if err := os.WriteFile(y.conf, []byte(text), 0o600); err != nil {
		y.t.Fatal(err)
	}
}

func (y *yard) text() string {
	y.t.Helper()
	raw, err := os.ReadFile(y.conf)
	if err != nil {
		y.t.Fatal(err)
	}
	return string(raw)
}

// process is a gateway that runs.
type process struct {
	cmd  *exec.Cmd
	line ready
	log  *lines
}

// lines is what a process has said so far, and wakes who waits for a word.
type lines struct {
	read chan string
	seen []string
}

// until waits for a line that holds a word.
func (l *lines) until(t *testing.T, word string) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case s, ok := <-l.read:
			l.seen = append(l.seen, s)
			if strings.Contains(s, word) {
				return
			}
			if !ok {
				t.Fatalf("it ended without %q:\n%s", word, strings.Join(l.seen, "\n"))
			}
		case <-deadline:
			t.Fatalf("no %q in\n%s", word, strings.Join(l.seen, "\n"))
		}
	}
}

// command is one that has not begun, in the yard's folder.
func (y *yard) command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], append(args, "--config", y.conf)...)
	cmd.Dir = y.dir
	cmd.Env = append(append(os.Environ(), y.env...), "BANYAN_TEST_AS_COMMAND=gateway")
	return cmd
}

// run runs a command to its end: all that it said, and its status.
func (y *yard) run(t *testing.T, args ...string) (said string, status int) {
	t.Helper()
	cmd := y.command(args...)
	out, _ := cmd.CombinedOutput() // the status says what the error would
	return string(out), cmd.ProcessState.ExitCode()
}

func (y *yard) start(socket ...*os.File) *process {
	y.t.Helper()
	cmd := y.command("gateway", "--json")
	if len(socket) > 0 {
		cmd.ExtraFiles = socket
		cmd.Env = append(cmd.Env, fmt.Sprint("LISTEN_FDS=", len(socket)))
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		y.t.Fatal(err)
	}
	errs, err := cmd.StderrPipe()
	if err != nil {
		y.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		y.t.Fatal(err)
	}
	p := &process{cmd: cmd, log: &lines{read: make(chan string, 1000)}}
	y.t.Cleanup(func() { cmd.Process.Kill() })
	go func() {
		defer close(p.log.read)
		for s := bufio.NewScanner(errs); s.Scan(); {
			p.log.read <- s.Text()
		}
	}()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		p.log.until(y.t, "never said: it did not start")
	}
	if err := json.Unmarshal(line, &p.line); err != nil {
		y.t.Fatalf("%s: %v", line, err)
	}
	return p
}

func (p *process) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// end asks the process to end and says with which status it did.
func (p *process) end(t *testing.T) int {
	t.Helper()
	p.signal(t, syscall.SIGTERM)
	for range p.log.read { // its end is the end of what it says
	}
	_ = p.cmd.Wait() // the status says what Wait would
	return p.cmd.ProcessState.ExitCode()
}

func get(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// call runs a command in this process: its status and what it said.
func call(t *testing.T, args ...string) (status int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	status = run(t.Context(), args, nil, strings.NewReader(""), &o, &e)
	return status, o.String(), e.String()
}

func must(t *testing.T, args ...string) string {
	t.Helper()
	status, out, errs := call(t, args...)
	if status != done {
		t.Fatalf("banyan %s: status %d\n%s%s", strings.Join(args, " "), status, out, errs)
	}
	return out
}

// A group's life from the command line, over a restart; every change is in the journal.
func TestMoveAGroupAndBack(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	p := y.start()
	if p.line.Revision != 1 || p.line.Token == "" || !strings.HasPrefix(p.line.Listen, "127.0.0.1:") {
		t.Errorf("ready: %+v", p.line)
	}
	page, door := "http://"+p.line.Listen+"/postcode/N1", "--dir="+filepath.Join(y.dir, "state")
	if got := get(t, page); got != "old /postcode/N1" {
		t.Error(got)
	}
	if out := must(t, "cutover", "set", "postcode", "--weight", "10000", "--why", "all of it", "--who", "ada", door); !strings.Contains(out, "off 0 % -> full 100 %, revision 2") {
		t.Error(out)
	}
	if got := get(t, page); got != "new /postcode/N1" {
		t.Error(got)
	}
	var e struct{ Side, Reason, Backend string }
	if err := json.Unmarshal([]byte(must(t, "cutover", "explain", "--request", "GET /postcode/N1", "--json", door)), &e); err != nil || e.Side != "new" || e.Reason != "bucket" || e.Backend != "services" {
		t.Errorf("explain: %+v %v", e, err)
	}
	override := must(t, "cutover", "override", "postcode", "--side", "legacy", "--why", "compare", "--who", "ada", door)
	name, rest, _ := strings.Cut(override, ": ")
	value, _, _ := strings.Cut(rest, "\n")
	r, err := http.NewRequest("GET", page, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(name, value)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(res.Body); string(body) != "old /postcode/N1" {
		t.Errorf("override: %s", body)
	}
	res.Body.Close()
	if status := p.end(t); status != done {
		t.Errorf("drained with status %d", status)
	}
	p = y.start()
	page = "http://" + p.line.Listen + "/postcode/N1"
	if got := get(t, page); got != "new /postcode/N1" {
		t.Errorf("after a restart: %s", got)
	}
	must(t, "cutover", "rollback", "postcode", "--why", "enough", "--who", "grace", door)
	if got := get(t, page); got != "old /postcode/N1" {
		t.Error(got)
	}
	history := must(t, "cutover", "history", door)
	for _, want := range []string{"seed by gateway", "set by ada: all of it  postcode 0 % -> 100 %", "override by ada", "rollback by grace: enough  postcode 100 % -> 0 %"} {
		if !strings.Contains(history, want) {
			t.Errorf("no %q in\n%s", want, history)
		}
	}
	if log, err := os.ReadFile(filepath.Join(y.dir, "access.log")); err != nil || p.end(t) != done || !strings.Contains(string(log), `"reason":"override"`) {
		t.Errorf("access log: %s %v", log, err)
	}
}

// The engine's figures and the plan's are scraped together: a name that both had would break the page.
func TestMetricsOfARunningGateway(t *testing.T) {
	t.Parallel()
	p := newYard(t).start()
	get(t, "http://"+p.line.Listen+"/postcode/N1")
	page := get(t, "http://"+p.line.Admin+"/metrics")
	for _, line := range []string{
		`banyan_gateway_bucket_basis_points{group="postcode"`, `banyan_gateway_killed{group="postcode"} 0`, "banyan_audit_head_sequence 1",
		`banyan_gateway_requests_total{class="ok",code_class="2xx",group="postcode",side="legacy"} 1`, "go_goroutines",
	} {
		if !strings.Contains(page, line) {
			t.Errorf("no %s in\n%.2000s", line, page)
		}
	}
}

// An admin address may be written as admin.listen is, or as a URL.
func TestAdminAddress(t *testing.T) {
	t.Parallel()
	p := newYard(t).start()
	defer p.end(t)
	for _, address := range []string{p.line.Admin, "http://" + p.line.Admin, "http://" + p.line.Admin + "/"} {
		status := exec.Command(os.Args[0], "cutover", "status", "--admin", address)
		status.Env = append(os.Environ(), "BANYAN_TEST_AS_COMMAND=1", "BANYAN_ADMIN_TOKEN="+p.line.Token)
		if out, err := status.CombinedOutput(); err != nil || !strings.Contains(string(out), "postcode") {
			t.Errorf("--admin %s: %v, %s", address, err, out)
		}
	}
}

// T-7: SIGUSR1 sends everything to the old side, a restart keeps it, and the file's end ends it.
func TestKillBySignal(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.write(strings.Replace(y.text(), "key: url", "key: url\n    weight: 10000", 1))
	p := y.start()
	if got := get(t, "http://"+p.line.Listen+"/postcode/N1"); got != "new /postcode/N1" {
		t.Error(got)
	}
	p.signal(t, syscall.SIGUSR1)
	p.log.until(t, "the kill switch changed")
	if got := get(t, "http://"+p.line.Listen+"/postcode/N1"); got != "old /postcode/N1" {
		t.Errorf("killed: %s", got)
	}
	p.end(t)
	p = y.start()
	if got := get(t, "http://"+p.line.Listen+"/postcode/N1"); got != "old /postcode/N1" {
		t.Errorf("killed, after a restart: %s", got)
	}
	if err := os.Remove(filepath.Join(y.dir, "kill")); err != nil {
		t.Fatal(err)
	}
	p.log.until(t, "the kill switch changed")
	if got := get(t, "http://"+p.line.Listen+"/postcode/N1"); got != "new /postcode/N1" {
		t.Errorf("no longer killed: %s", got)
	}
	p.end(t)
}

// A bad file keeps the old one in use and is said line by line; SIGHUP and a changed file take a good one; a reload
// never changes a weight.
func TestReload(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	p := y.start()
	door := "--dir=" + filepath.Join(y.dir, "state")
	good := y.text()
	y.write(good + "bogus: 1\n")
	p.log.until(t, "bogus: unknown key")
	p.log.until(t, "the old one goes on")
	if got := get(t, "http://"+p.line.Listen+"/postcode/N1"); got != "old /postcode/N1" {
		t.Error(got)
	}
	y.write(strings.Replace(good, "GET /postcode/{pc}", "GET /schools/{id}", 1) + "\n")
	p.signal(t, syscall.SIGHUP)
	p.log.until(t, "is in force")
	must(t, "cutover", "set", "postcode", "--weight", "10000", "--why", "all of it", door)
	if got := get(t, "http://"+p.line.Listen+"/schools/7"); got != "new /schools/7" {
		t.Error(got)
	}
	y.write(strings.Replace(good, "key: url", "key: url\n    weight: 100", 1))
	p.signal(t, syscall.SIGHUP)
	p.log.until(t, "is in force")
	if got := get(t, "http://"+p.line.Listen+"/postcode/N1"); got != "new /postcode/N1" {
		t.Errorf("a reload changed a weight: %s", got)
	}
	check := must(t, "gateway", "--config", y.conf, "--check")
	if !strings.Contains(check, "the store has weight 10000") || !strings.Contains(check, "GET /postcode/{pc}") {
		t.Error(check)
	}
	p.end(t)
}

// A reload claims nothing that is not in force: what is taken at a start alone is named, at every reload that leaves it out.
func TestAReloadNamesWhatItDoesNotTake(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	p := y.start()
	changed := y.text() + "gateway_id: gw-9\nnotify: {webhooks: [\"http://127.0.0.1:9/page\"]}\n"
	for _, text := range []string{changed, strings.Replace(changed, "GET /postcode/{pc}", "GET /schools/{id}", 1)} {
		y.write(text)
		p.signal(t, syscall.SIGHUP)
		p.log.until(t, `restart for them" keys="gateway_id, notify"`)
		p.log.until(t, "is in force")
	}
	p.end(t)
}

// Exit statuses: 2 for what the caller can mend, 3 for what waits for a machine.
func TestExitStatuses(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	bad := filepath.Join(y.dir, "bad.yaml")
	if err := os.WriteFile(bad, []byte(strings.Replace(y.text(), "to: services", "to: nowhere", 1)+"bogus: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	blocked := filepath.Join(y.dir, "blocked.yaml")
	if err := os.WriteFile(blocked, []byte(strings.Replace(y.text(), "/state/plan.db", "/gateway.yaml/plan.db", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	p := y.start()
	defer p.end(t)
	door := "--dir=" + filepath.Join(y.dir, "state")
	nowhere := t.TempDir()
	if err := os.WriteFile(filepath.Join(nowhere, "admin.json"), []byte(`{"admin":"http://127.0.0.1:1","admin_token":"x"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"gateway", "--config", bad, "--check"}, wrong, "bad.yaml:14: groups.postcode.to: no backend"},
		{[]string{"gateway", "--config", bad}, wrong, "bad.yaml:18: bogus: unknown key"},
		{[]string{"gateway", "--config", filepath.Join(y.dir, "none.yaml")}, wrong, "no such file"},
		{[]string{"gateway", "--config", blocked}, outside, "nothing was started"},
		{[]string{"cutover", "status", "--dir", y.dir}, wrong, "no gateway has left"},
		{[]string{"cutover", "status", "--dir", nowhere}, outside, "does not answer"},
		{[]string{"cutover", "set", "postcode", door, "--why", "x"}, wrong, "--weight is missing"},
		{[]string{"cutover", "set", "postcode", door, "--weight", "1"}, wrong, "--why is missing"},
		{[]string{"cutover", "set", door, "--weight", "1"}, wrong, "name one group"},
		{[]string{"cutover", "set", "postcode", door, "--weight", "10001", "--why", "x"}, wrong, "is no weight"},
		{[]string{"cutover", "set", "postcode", door, "--weight", "1", "--why", "x", "--if", "99"}, wrong, "412"},
		{[]string{"cutover", "rollback", "none", door, "--why", "x"}, wrong, "there are postcode"},
		{[]string{"cutover", "explain", door}, wrong, "--request is missing"},
	} {
		if status, _, errs := call(t, c.args...); status != c.status || !strings.Contains(errs, c.says) {
			t.Errorf("banyan %s: status %d, %s\nwant %d, %s", strings.Join(c.args, " "), status, errs, c.status, c.says)
		}
	}
	var s struct {
		Revision int
		Groups   map[string]struct{ Weight int }
	}
	if err := json.Unmarshal([]byte(must(t, "cutover", "status", "--json", door)), &s); err != nil || s.Revision != 1 || s.Groups["postcode"].Weight != 0 {
		t.Errorf("something was changed: %+v %v", s, err)
	}
	if _, out, _ := call(t, "gateway", "--config", bad, "--check", "--json"); !strings.Contains(out, `"ok": false`) {
		t.Errorf("--check --json: %s", out)
	}
}
