package drupal_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/drupal"
	"github.com/banyan-migration/banyan/infra/fakes/drupal/replay"
	"github.com/banyan-migration/banyan/infra/local/site"
	olddb "github.com/banyan-migration/banyan/migration/drupal"
)

// recorded is the second in which most of the recording was made.
var recorded = time.Unix(1795370845, 0)

// loaded is the dump in SQLite, loaded once and copied for every site.
var loaded = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "drupal")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "site.db")
	db, err := drupal.Open(path)
	if err != nil {
		return nil, err
	}
	dump, err := gzip.NewReader(bytes.NewReader(site.Dump))
	if err != nil {
		return nil, err
	}
	if err := olddb.LoadSQLite(context.Background(), dump, db); err != nil {
		return nil, err
	}
	if err := db.Close(); err != nil { // the log goes into the file with it
		return nil, err
	}
	return os.ReadFile(path)
})

// world is a site on a port, with its clock.
type world struct {
	*drupal.Site
	t    testing.TB
	db   *sql.DB
	addr string
	mu   sync.Mutex
	now  time.Time
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) set(t time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = t
}

// start is a site as it was when it was recorded.
func start(t testing.TB, change func(*drupal.Options)) *world {
	t.Helper()
	file, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "site.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, now: recorded}
	if w.db, err = drupal.Open(path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.db.Close() })
	if err := drupal.Empty(t.Context(), w.db); err != nil {
		t.Fatal(err)
	}
	opt := drupal.Options{DB: w.db, Now: w.clock}
	if change != nil {
		change(&opt)
	}
	if w.Site, err = drupal.New(opt); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.addr = l.Addr().String()
	go w.Serve(l)
	t.Cleanup(func() { w.Close() })
	return w
}

func (w *world) dial() (net.Conn, error) { return net.Dial("tcp", w.addr) }

func recording(t testing.TB) []replay.Exchange {
	t.Helper()
	all, err := replay.Load(site.Captures)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 34 {
		t.Fatalf("%d recorded exchanges, not 34", len(all))
	}
	return all
}

// TestRecordingEquals is the stand-in's whole promise: in the recording's order, every answer is the recorded one, line
// for line and byte for byte.
func TestRecordingEquals(t *testing.T) {
	t.Parallel()
	w := start(t, func(o *drupal.Options) { o.CookieDomain = ".www.rednosefund.example" })
	p := replay.New(w.dial)
	defer p.Close()
	for i, e := range recording(t) {
		if i == 27 {
			w.set(recorded.Add(time.Second))
		}
		got, err := p.Play(e)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range replay.DifferMasked(e.Answer, got) {
			t.Errorf("%d %s: %s", i, e.Name, d)
		}
	}
}
