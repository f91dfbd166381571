package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/migration/move"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// sampleDump is the sample site's dump as a file.
func sampleDump(t *testing.T) string {
	file := filepath.Join(t.TempDir(), "drupal7.sql.gz")
	if err := os.WriteFile(file, site.Dump, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// migrates runs the command line and reads its document.
func migrates(t *testing.T, doc any, args ...string) (status int, errw string) {
	t.Helper()
	status, out, errw := banyan(args...)
	if doc != nil {
		if err := json.Unmarshal([]byte(out), doc); err != nil {
			t.Fatalf("%v: %v\n%s%s", args, err, out, errw)
		}
	}
	return status, errw
}

// whole is what becomes of the sample's donate form: the truth of the dump.
func whole() move.Result {
	return move.Result{
		Rows: 4000, Moved: 3898, SumPence: 36290877, Rejected: map[string]int64{"draft": 46, "amount": 38, "email": 18},
	}
}

// backfilled holds a run's document against the truth; unchanged rows are those that another run had moved.
func backfilled(t *testing.T, doc moved, unchanged int64) {
	t.Helper()
	got, want := doc.Forms["donate"], whole()
	want.Moved, want.Unchanged, want.Waiting = want.Moved-unchanged, unchanged, got.Waiting
	if !reflect.DeepEqual(got, want) || got.Waiting == 0 {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func verifiedClean(t *testing.T, dump, to string) {
	t.Helper()
	var doc verified
	status, errw := migrates(t, &doc, "migrate", "verify", "--from", dump, "--to", to, "--json")
	for _, key := range []string{"rows_source", "rows_target", "sum_pence_source", "sum_pence_target", "rejected", "differences"} {
		if raw, _ := json.Marshal(doc.Forms["donate"]); !strings.Contains(string(raw), `"`+key+`":`) {
			t.Errorf("--json says no %q", key)
		}
	}
	got := doc.Forms["donate"]
	if status != done || !doc.Clean || got.RowsSource != 4000 || got.RowsTarget != 3898 || got.SumPenceSource != 36290877 || got.SumPenceTarget != 36290877 {
		t.Errorf("verify: %d, %s\n%+v", status, errw, doc)
	}
}

// The sample's donate form: 3,898 moved, 102 rejected, £362,908.77; a second run and a sync change nothing.
func TestBackfillAndVerify(t *testing.T) {
	t.Parallel()
	dump, dir := sampleDump(t), t.TempDir()
	to, file := "sqlite:"+filepath.Join(dir, "services.db"), filepath.Join(dir, "rejects.jsonl")
	args := []string{"migrate", "backfill", "--from", dump, "--to", to, "--rejects", file, "--json"}
	var first, again, late moved
	status, errw := migrates(t, &first, args...)
	if status != done {
		t.Errorf("%d: %s", status, errw)
	}
	backfilled(t, first, 0)
	rejects, err := os.ReadFile(file)
	if err != nil || bytes.Count(rejects, []byte("\n")) != 102 {
		t.Errorf("%d rejects, want 102 (%v)", bytes.Count(rejects, []byte("\n")), err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the rejects file has the mode %v (%v)", info.Mode(), err)
	}
	migrates(t, &again, args...)
	backfilled(t, again, 3898)
	var keys struct{ Forms map[string]map[string]any }
	migrates(t, &keys, args...)
	for _, key := range []string{"rows", "moved", "unchanged", "rejected", "refused_parts", "waiting", "sum_pence"} {
		if _, has := keys.Forms["donate"][key]; !has {
			t.Errorf("--json says no %q", key)
		}
	}
	if same, _ := os.ReadFile(file); !bytes.Equal(same, rejects) {
		t.Error("the second run rejects otherwise")
	}
	if status, errw = migrates(t, &late, "migrate", "sync", "--from", dump, "--to", to, "--json"); status != done || late.Forms["donate"].Rows != 0 {
		t.Errorf("sync: %d %s %+v", status, errw, late)
	}
	verifiedClean(t, dump, to)
}

// A person reads the same in words.
func TestMigrateInWords(t *testing.T) {
	t.Parallel()
	dump, to := sampleDump(t), "sqlite:"+filepath.Join(t.TempDir(), "services.db")
	for _, c := range []struct{ verb, want string }{
		{"backfill", "donate: 4000 rows: 3898 moved, 0 there already, 102 rejected (amount 38, draft 46, email 18); together £362908.77"},
		{"verify", "every row is equal, value by value"},
	} {
		if status, out, errs := banyan("migrate", c.verb, "--from", dump, "--to", to); status != done || !strings.Contains(out, c.want) {
			t.Errorf("%s: %d %s%s", c.verb, status, out, errs)
		}
	}
}

// An empty store is not clean: status 1, and what to do.
func TestVerifyFindsWhatIsMissing(t *testing.T) {
	t.Parallel()
	dump, file := sampleDump(t), filepath.Join(t.TempDir(), "services.db")
	if status, errw := migrates(t, nil, "migrate", "verify", "--from", dump, "--to", "sqlite:"+file); status != wrong || !strings.Contains(errw, "there is no store") {
		t.Errorf("a store that is not there: %d, %s", status, errw)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var doc verified
	status, errw := migrates(t, &doc, "migrate", "verify", "--from", dump, "--to", "sqlite:"+file, "--json")
	if status != unheld || doc.Clean || len(doc.Forms["donate"].Differences) != 3898 || !strings.Contains(errw, "migrate backfill") {
		t.Errorf("%d, %s, %d differences", status, errw, len(doc.Forms["donate"].Differences))
	}
}

func TestDryRunLeavesNoFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "services.db")
	var doc moved
	migrates(t, &doc, "migrate", "backfill", "--from", sampleDump(t), "--to", "sqlite:"+file, "--dry-run", "--json")
	backfilled(t, doc, 0)
	if _, err := os.Stat(file); err == nil {
		t.Error("a dry run made a file")
	}
}

func TestMigrateRefuses(t *testing.T) {
	t.Parallel()
	dump, dir := sampleDump(t), t.TempDir()
	for _, c := range []struct {
		want string
		args []string
	}{
		{"mysql://USER:PASSWORD@HOST:PORT/DATABASE", []string{"--from", "mysql://reader@db.example", "--to", "sqlite:" + dir + "/a.db"}},
		{"a store is sqlite:FILE", []string{"--from", dump, "--to", "dynamodb:"}},
		{"FILE.sql.gz", []string{"--from", dir + "/none.sql", "--to", "sqlite:" + dir + "/b.db"}},
		{"nothing was moved", []string{"--from", dump, "--to", "sqlite:" + dir + "/c.db", "--rejects", dir + "/none/rejects"}},
		{"--rate is -1", []string{"--from", dump, "--to", "sqlite:" + dir + "/d.db", "--rate", "-1"}},
	} {
		status, errw := migrates(t, nil, append([]string{"migrate", "backfill"}, c.args...)...)
		if status != wrong || !strings.Contains(errw, c.want) {
			t.Errorf("%v: %d %s, want %q", c.args, status, errw, c.want)
		}
	}
}

// A dump cut in the middle: what came before it is moved, and the whole one goes on from there.
func TestBackfillOfACutDump(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	to, cut := "sqlite:"+filepath.Join(dir, "services.db"), filepath.Join(dir, "cut.sql.gz")
	if err := os.WriteFile(cut, site.Dump[:len(site.Dump)-40_000], 0o600); err != nil {
		t.Fatal(err)
	}
	status, errw := migrates(t, nil, "migrate", "backfill", "--from", cut, "--to", to, "--rejects", filepath.Join(dir, "rejects"))
	if status != wrong || !strings.Contains(errw, "of table webform_submitted_data") || !strings.Contains(errw, "nothing was lost") {
		t.Errorf("%d: %s", status, errw)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*rejects*")); left != nil {
		t.Errorf("half a rejects file: %v", left)
	}
	dump := sampleDump(t)
	if status, errw := migrates(t, nil, "migrate", "backfill", "--from", dump, "--to", to); status != done {
		t.Errorf("%d: %s", status, errw)
	}
	verifiedClean(t, dump, to)
}

// deadly kills its own process at a commit, before or after it.
type deadly struct {
	kv.Store
	left  *int
	after bool
}

func (d deadly) Commit(ctx context.Context, writes ...kv.Write) error {
	if *d.left--; *d.left > 0 {
		return d.Store.Commit(ctx, writes...)
	}
	if d.after {
		if err := d.Store.Commit(ctx, writes...); err != nil {
			return err
		}
	}
	return errors.Join(syscall.Kill(os.Getpid(), syscall.SIGKILL), errors.New("still alive"))
}

// migrateChild is the process that the two tests below kill or starve: TestMain starts it. It does not return.
func migrateChild(how string) {
	mode, rest, _ := strings.Cut(how, " ")
	from, to, _ := strings.Cut(rest, " ")
	if mode == "full" {
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 600_000, Max: 600_000}); err != nil {
			panic(err)
		}
		os.Exit(Main([]string{"migrate", "backfill", "--from", from, "--to", to}, nil, os.Stdin, os.Stdout, os.Stderr))
	}
	n, err := strconv.Atoi(strings.TrimSuffix(mode, "+"))
	if err != nil {
		panic(err)
	}
	m := migration{from: from, to: to}
	ends, err := m.open(context.Background())
	if err != nil {
		panic(err)
	}
	open := ends.store
	ends.store = func(service string) kv.Store { return deadly{open(service), &n, strings.HasSuffix(mode, "+")} }
	f, _ := form.ByAlias("donate")
	_, err = move.Job{Source: ends.source, Form: f, Parts: move.Parts(f, ends.store)}.Backfill(context.Background())
	panic(fmt.Sprint("survived: ", err))
}

func child(t *testing.T, mode, from, to string) (string, *os.ProcessState) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self)
	c.Env = append(os.Environ(), fmt.Sprintf("BANYAN_MIGRATE_CHILD=%s %s %s", mode, from, to))
	out, _ := c.CombinedOutput() // its end is in the state
	return string(out), c.ProcessState
}

// kill -9 at any batch, before or after its commit: run again, the result is the same.
func TestBackfillKilled(t *testing.T) {
	t.Parallel()
	dump := sampleDump(t)
	for _, at := range []string{"1", "1+", "2", "3+", "4", "4+"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			to := "sqlite:" + filepath.Join(t.TempDir(), "services.db")
			out, state := child(t, at, dump, to)
			if status, ok := state.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
				t.Fatalf("%v: %s", state, out)
			}
			var doc moved
			migrates(t, &doc, "migrate", "backfill", "--from", dump, "--to", to, "--json")
			backfilled(t, doc, doc.Forms["donate"].Unchanged)
			verifiedClean(t, dump, to)
		})
	}
}

// A disk without room: status 3, nothing lost, and how to go on; with room, the same command ends it.
func TestBackfillOntoAFullDisk(t *testing.T) {
	t.Parallel()
	dump, to := sampleDump(t), "sqlite:"+filepath.Join(t.TempDir(), "services.db")
	out, state := child(t, "full", dump, to)
	if state.ExitCode() != outside || !strings.Contains(out, "run the same command again") || !strings.Contains(out, "disk") {
		t.Errorf("%v: %s", state, out)
	}
	var doc moved
	migrates(t, &doc, "migrate", "backfill", "--from", dump, "--to", to, "--json")
	backfilled(t, doc, doc.Forms["donate"].Unchanged)
	verifiedClean(t, dump, to)
}

// The source is held back as the flags say: a dump, which follows no other database, cannot be asked how far it is behind.
func TestMigrateIsThrottled(t *testing.T) {
	t.Parallel()
	status, errw := migrates(t, nil, "migrate", "backfill", "--from", sampleDump(t), "--to", "sqlite:"+filepath.Join(t.TempDir(), "services.db"), "--max-lag", "10s")
	if status != outside || !strings.Contains(errw, "it is no replica") {
		t.Errorf("%d: %s", status, errw)
	}
}
