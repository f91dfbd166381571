package command

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	legacy "github.com/banyan-migration/banyan/infra/fakes/drupal"
	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/services/donate"
	"github.com/banyan-migration/banyan/shared/host/hosttest"
	"github.com/banyan-migration/banyan/shared/kv/sqlite"
)

// siege is a move under fire: a Drupal in SQLite and the donate service in its store, both of which take gifts, while
// `banyan migrate` is killed between them again and again.
type siege struct {
	t        *testing.T
	dice     *rand.Rand
	from, to string
	drupal   *sql.DB
	donate   http.Handler
	gifts    int // that the service took
	done     map[string]int
}

// besieged is a part of the sample's donate form, of so many rows, and an empty store.
func besieged(t *testing.T, seed uint64, rows int) *siege {
	t.Helper()
	dir := t.TempDir()
	s := &siege{t: t, dice: rand.New(rand.NewPCG(seed, 1)), from: "sqlite:" + filepath.Join(dir, "legacy.db"), to: "sqlite:" + filepath.Join(dir, "services.db"), done: map[string]int{}}
	var err error
	if s.drupal, err = legacy.Open(filepath.Join(dir, "legacy.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.drupal.Close() })
	dump, err := gzip.NewReader(bytes.NewReader(site.Dump))
	if err == nil {
		err = drupal.LoadSQLite(t.Context(), dump, s.drupal)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.exec("DELETE FROM webform_submissions WHERE sid > ?", rows)
	s.exec("DELETE FROM webform_submitted_data WHERE sid > ?", rows)
	db, err := sqlite.Open(filepath.Join(dir, "services.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	env := hosttest.NewWorld(t).Env("donate")
	env.Store = db.Store("donate")
	service, err := donate.New(env)
	if err != nil {
		t.Fatal(err)
	}
	s.donate = service.HTTP
	s.give()
	return s
}

func (s *siege) exec(query string, args ...any) (id int64) {
	s.t.Helper()
	done, err := s.drupal.Exec(query, args...)
	if err == nil {
		id, err = done.LastInsertId()
	}
	if err != nil {
		s.t.Error(query, err) // the writers run beside the test
	}
	return id
}

// write is one thing that happens on one of the sides.
func (s *siege) write() {
	switch n := s.dice.IntN(100); {
	case n < 40:
		s.done["submitted"]++
		s.submit()
	case n < 70:
		s.give()
	case n < 90: // an editor puts a row right, as likely one of ours as not
		s.done["edited"]++
		own := ""
		if n < 80 {
			own = "AND sid IN (SELECT max(sid) FROM webform_submissions WHERE nid = 2)"
		}
		s.exec("UPDATE webform_submitted_data SET data = ? WHERE nid = 2 AND cid = 13 AND sid = (SELECT sid FROM webform_submissions WHERE nid = 2 "+own+" ORDER BY random() LIMIT 1)",
			"edited "+strconv.Itoa(s.dice.IntN(1e6)))
	case n < 94:
		s.done["deleted"]++
		var sid int64
		if err := s.drupal.QueryRow("SELECT sid FROM webform_submissions WHERE nid = 2 ORDER BY random() LIMIT 1").Scan(&sid); err != nil {
			s.t.Error(err)
		}
		s.exec("DELETE FROM webform_submitted_data WHERE nid = 2 AND sid = ?", sid) // as webform does: the values first
		s.exec("DELETE FROM webform_submissions WHERE nid = 2 AND sid = ?", sid)
	default: // a donor comes back to a draft
		s.done["drafts"]++
		s.exec("UPDATE webform_submissions SET is_draft = 0 WHERE sid = (SELECT sid FROM webform_submissions WHERE nid = 2 AND is_draft = 1 LIMIT 1)")
	}
}

// submit stores a submission as webform does: its head, and then its values.
func (s *siege) submit() {
	sid := s.exec("INSERT INTO webform_submissions (nid, uid, is_draft, submitted, remote_addr) VALUES (2, 0, ?, ?, '198.51.100.9')", s.dice.IntN(10)/9, time.Now().Unix())
	for cid, value := range []string{fmt.Sprintf("%d.50", 1+s.dice.IntN(90)), "Mr", "Ann", "Other", "ann@example.org", "", "", "", "", "", "1", "0", "", fmt.Sprint("T-", sid)} {
		s.exec("INSERT INTO webform_submitted_data (nid, sid, cid, no, data) VALUES (2, ?, ?, '0', ?)", sid, cid+1, value)
	}
}

func (s *siege) give() {
	s.gifts++
	body := fmt.Sprintf(`{"amount":"%d.25","first_name":"Siân","last_name":"O'Neill","email":"sian@example.org","country":"GB","gift_aid":false,"message":"from the new side","reference":"N-%d"}`,
		1+s.dice.IntN(90), s.gifts)
	r := httptest.NewRequest("POST", "/donations", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.donate.ServeHTTP(w, r)
	if w.Code != http.StatusCreated {
		s.t.Errorf("a gift: %d %s", w.Code, w.Body)
	}
}

func (s *siege) args(verb string) []string {
	return []string{"migrate", verb, "--from", s.from, "--to", s.to, "--json"}
}

// kill runs a verb and kills it within a time, and says whether it was still alive then.
func (s *siege) kill(verb string, within time.Duration) bool {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	c := exec.CommandContext(s.t.Context(), self, s.args(verb)...)
	c.Env = append(os.Environ(), "BANYAN_TEST_AS_COMMAND=1")
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	after := time.Duration(s.dice.Int64N(int64(within)))
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	axe := time.AfterFunc(after, func() { _ = c.Process.Kill() }) // it may have ended
	err = c.Wait()
	axe.Stop()
	status, ok := c.ProcessState.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
		return true
	}
	if err != nil {
		s.t.Fatalf("%s ended by itself: %v, %s", verb, err, &said)
	}
	return false
}

// underFire does something while both sides take writes.
func (s *siege) underFire(do func()) {
	ctx, stop := context.WithCancel(s.t.Context())
	var writer sync.WaitGroup
	dice := s.dice
	s.dice = rand.New(rand.NewPCG(dice.Uint64(), 2)) // the writer's own
	writers := *s
	writer.Go(func() {
		pace := time.NewTicker(10 * time.Millisecond)
		defer pace.Stop()
		for ctx.Err() == nil {
			writers.write()
			select {
			case <-pace.C:
			case <-ctx.Done():
			}
		}
	})
	s.dice = dice
	do()
	stop()
	writer.Wait()
	s.gifts = writers.gifts
}

// settled runs each verb to its end; then everything is where it belongs, once.
func (s *siege) settled(what string) {
	s.t.Helper()
	for _, verb := range []string{"backfill", "sync", "reverse", "sync"} {
		if status, _, errw := banyan(s.args(verb)...); status != done {
			s.t.Fatalf("%s: then %s: %d %s", what, verb, status, errw)
		}
	}
	if status, out, errw := banyan(s.args("verify")...); status != done {
		s.t.Fatalf("%s: verify: %d %s\n%s", what, status, errw, out)
	}
	var there, origins, ids int
	err := s.drupal.QueryRow("SELECT count(s.sid), count(*), count(DISTINCT o.id) FROM banyan_origin o LEFT JOIN webform_submissions s ON s.sid = o.sid").Scan(&there, &origins, &ids)
	if err != nil || there != s.gifts || origins != s.gifts || ids != s.gifts {
		s.t.Fatalf("%s: %d gifts, of which Drupal has %d rows, %d origins, %d ids (%v)", what, s.gifts, there, origins, ids, err)
	}
	var written int
	if err := s.drupal.QueryRow("SELECT count(*) FROM webform_submitted_data WHERE nid = 2 AND cid = 13 AND data = 'from the new side'").Scan(&written); err != nil || written != s.gifts {
		s.t.Fatalf("%s: %d of %d gifts say what their donors said (%v)", what, written, s.gifts, err)
	}
}

// kill -9 of backfill, sync and reverse at any moment, while donors give on both sides, editors correct and delete: after
// each, run to their ends, nothing is lost and nothing is there twice. BANYAN_HEAVY kills 200 times, BANYAN_SEED repeats a run.
func TestMigrateKilledUnderFire(t *testing.T) {
	t.Parallel()
	kills, rows, verbs := 6, 400, []string{"backfill", "sync", "reverse"}
	if os.Getenv("BANYAN_HEAVY") != "" {
		kills, rows = 200, 2000
	}
	seed := uint64(time.Now().UnixNano())
	if given, err := strconv.ParseUint(os.Getenv("BANYAN_SEED"), 10, 64); err == nil {
		seed = given
	}
	t.Logf("BANYAN_SEED=%d", seed)
	s := besieged(t, seed, rows)
	reach := map[string]time.Duration{} // how long a verb takes, so that kills fall on all of it
	for _, verb := range verbs {
		reach[verb] = 200 * time.Millisecond
	}
	killed := map[string]int{}
	for n := 0; n < kills; {
		verb := verbs[n%len(verbs)]
		hit := false
		began := time.Now()
		s.underFire(func() { hit = s.kill(verb, reach[verb]) })
		if hit {
			n++
			killed[verb]++
			s.settled(fmt.Sprintf("kill %d, of %s", n, verb))
			continue
		}
		reach[verb] = (reach[verb] + time.Since(began)) / 2 // it was over sooner than we struck
	}
	t.Logf("killed %v, %d gifts taken by the services, in Drupal %v", killed, s.gifts, s.done)
}
