package command

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// G19, T-8: with the plan's store locked by another process a rollback is in force at once at the gateway that was asked, survives its
// sudden end, and is in the journal when the store is free. The caller hears that there is something left to do.
func TestARollbackWhileTheStoreIsLocked(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	p := y.start()
	door := "--dir=" + filepath.Join(y.dir, "state")
	must(t, "cutover", "set", "postcode", "--weight", "10000", "--why", "everybody", door)
	free := lock(t, filepath.Join(y.dir, "state", "plan.db"))
	defer free()
	began := time.Now()
	status, _, errs := call(t, "cutover", "rollback", "postcode", "--who", "ada", "--why", "declines doubled", door)
	want := "this gateway sends postcode to drupal now; the store cannot be reached, so other gateways are not told: call each (--admin), or use the kill file"
	if took := time.Since(began); status != outside || !strings.Contains(errs, want) || took > 5*time.Second {
		t.Errorf("%d after %s: %s", status, took, errs)
	}
	if page := get(t, "http://"+p.line.Listen+"/postcode/N1"); !strings.HasPrefix(page, "old") {
		t.Errorf("a visitor is answered by %s", page)
	}
	if out := must(t, "cutover", "status", door); !strings.Contains(out, "the plan's store cannot be reached") || !strings.Contains(out, "off, here") {
		t.Error(out)
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait() // killed
	p = y.start()
	defer p.end(t)
	if page := get(t, "http://"+p.line.Listen+"/postcode/N1"); !strings.HasPrefix(page, "old") {
		t.Errorf("after a restart a visitor is answered by %s", page)
	}
	free()
	p.log.until(t, "is in the plan's store now")
	if history := must(t, "cutover", "history", "postcode", door); !strings.Contains(history, "rollback by ada: declines doubled (asked at ") {
		t.Error(history)
	}
}

// lock keeps everybody else from writing to a database until it is told to let go, or the test ends.
func lock(t *testing.T, file string) (free func()) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(context.Background(), "PRAGMA busy_timeout=5000; BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		_ = conn.Close() // again is no harm
		_ = db.Close()
	}
}
