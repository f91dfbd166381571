package local

import (
	"context"
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/drupal"
	"github.com/banyan-migration/banyan/infra/fakes/drupal/replay"
	"github.com/banyan-migration/banyan/infra/local/site"
)

// The second in which the recording was made, and the exchange from which on it was the next one.
const (
	recordedAt   = 1795370845
	recordedLate = 27
)

// recorded is the old site as it stood when it was recorded.
type recorded struct {
	address string // host:port
	clock   atomic.Int64
}

func (r *recorded) now() time.Time { return time.Unix(r.clock.Load(), 0) }

func startRecorded(t *testing.T) *recorded {
	t.Helper()
	db, err := drupal.Open(filepath.Join(oldFolder(t), "legacy.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := drupal.Empty(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	r := &recorded{}
	r.clock.Store(recordedAt)
	// Both sites draw the same tokens, so that what they answer can be compared byte for byte.
	s, err := drupal.New(drupal.Options{DB: db, Now: r.now, Rand: mathrand.NewChaCha8([32]byte{}), CookieDomain: ".www.rednosefund.example"})
	if err != nil {
		t.Fatal(err)
	}
	l, address, err := listen("")
	if err != nil {
		t.Fatal(err)
	}
	r.address = strings.TrimPrefix(address, "http://")
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return r
}

// before puts a world's gateway before it, with nothing behind the services' address: every group is at weight 0.
func (r *recorded) before(t *testing.T) *World {
	t.Helper()
	w := &World{Legacy: "http://" + r.address, Services: "http://127.0.0.1:1", key: rand.Text(), failed: make(chan error, 8),
		options: Options{Dir: t.TempDir(), Config: repository(t)}}
	t.Cleanup(func() {
		if err := w.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := errors.Join(w.openAdmin(t.Context()), w.startGateway(t.Context())); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestTheOldSiteCannotBeToldFromItselfBehindTheGateway (W-1 as a whole): the 34 recorded exchanges, in order, are answered
// through the gateway as without it, byte for byte but for Date, Connection and chunk boundaries; and as they were recorded,
// but for the values in drupal.Values.
func TestTheOldSiteCannotBeToldFromItselfBehindTheGateway(t *testing.T) {
	t.Parallel()
	exchanges, err := replay.Load(site.Captures)
	if err != nil {
		t.Fatal(err)
	}
	if len(exchanges) != 34 {
		t.Fatalf("%d exchanges are recorded, not 34", len(exchanges))
	}
	bare, fronted := startRecorded(t), startRecorded(t)
	direct := player(t, bare.address)
	through := player(t, strings.TrimPrefix(fronted.before(t).Gateway, "http://"))
	for i, e := range exchanges {
		if i == recordedLate {
			bare.clock.Add(1)
			fronted.clock.Add(1)
		}
		want, err := direct.Play(e)
		if err != nil {
			t.Fatal(err)
		}
		got, err := through.Play(e)
		if err != nil {
			t.Fatalf("through the gateway: %v", err)
		}
		for _, d := range replay.Differ(want, got, "Date", "Connection") {
			t.Errorf("%d %s: through the gateway: %s", i, e.Name, d)
		}
		for _, d := range replay.DifferMasked(e.Answer, got, "Date", "Connection") {
			t.Errorf("%d %s: not as recorded: %s", i, e.Name, d)
		}
	}
}

func player(t *testing.T, address string) *replay.Player {
	t.Helper()
	p := replay.New(func() (net.Conn, error) { return net.Dial("tcp", address) })
	t.Cleanup(func() { p.Close() })
	return p
}
