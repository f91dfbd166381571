package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/kv/kvtest"
)

func open(t testing.TB, path string) *DB {
	t.Helper()
	db, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func fresh(t testing.TB) *DB {
	db := open(t, filepath.Join(t.TempDir(), "odd name?#.db"))
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestSuite(t *testing.T) {
	t.Parallel()
	kvtest.Run(t, func(t *testing.T) kv.Store {
		db := fresh(t)
		db.Now = func() time.Time { return kvtest.Noon }
		return db.Store("donate")
	})
}

func key(sort string) kv.Key { return kv.Key{Part: "p", Sort: sort} }

func TestServicesShareAFileAndNothingElse(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	a, b := db.Store("donate"), db.Store("payments")
	if err := a.Commit(t.Context(), kv.Write{Key: key("x"), Data: []byte("a's"), If: kv.Absent}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(t.Context(), key("x")); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("payments sees donate's item: %v", err)
	}
	if db.Store("donate") != a {
		t.Error("the same name is another store")
	}
	if err := db.Ready("donate", "no name!"); err == nil || !strings.Contains(err.Error(), `"no name!"`) {
		t.Error(err)
	}
}

func TestEverythingIsThereAfterReopening(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	db := open(t, path)
	m := event.New("m1", "test.happened", kvtest.Noon, event.For{Service: "test", ID: "1"}, 7)
	write := kv.Write{Key: key("x"), Data: []byte("kept"), Messages: []event.Message{m}}
	if err := db.Store("donate").Commit(t.Context(), write); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Store("donate").Commit(t.Context(), write); err == nil {
		t.Error("a closed file took a commit")
	}
	left, err := filepath.Glob(path + "*")
	if info, err2 := os.Stat(path); err != nil || err2 != nil || len(left) != 1 || info.Mode() != 0o600 {
		t.Errorf("%q are left, %v; want one file that its owner alone can read (%v)", left, info.Mode(), errors.Join(err, err2))
	}
	db = open(t, path)
	defer db.Close()
	item, err := db.Store("donate").Get(t.Context(), write.Key)
	waiting, err2 := db.Store("donate").Unsent(t.Context(), kv.ShardOf(write.Key), 9)
	if err != nil || err2 != nil || string(item.Data) != "kept" || len(waiting) != 1 || waiting[0].Message.ID != "m1" {
		t.Errorf("%s %v, %v %v", item.Data, err, waiting, err2)
	}
}

func TestFullDiskSaysSoAndLosesNothing(t *testing.T) {
	t.Parallel()
	db := fresh(t)
	s := db.Store("donate")
	if err := s.Commit(t.Context(), kv.Write{Key: key("before"), Data: []byte("kept")}); err != nil {
		t.Fatal(err)
	}
	limit := func(pages int) {
		c := &commit{ctx: t.Context(), answer: make(chan error, 1), run: func(ctx context.Context) error {
			return db.exec(ctx, fmt.Sprintf("PRAGMA max_page_count=%d", pages))
		}}
		if err := db.ask(c); err != nil {
			t.Fatal(err)
		}
	}
	limit(1) // sqlite takes the file's present size
	big := kv.Write{Key: key("big"), Data: make([]byte, 1<<20)}
	err := s.Commit(t.Context(), big)
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != fault.Unavailable || !strings.Contains(err.Error(), db.path) || !strings.Contains(err.Error(), "the disk is full") ||
		!strings.Contains(err.Error(), "nothing that was acknowledged is lost") {
		t.Fatalf("%v, want the file's name and that its disk is full", err)
	}
	// The large one takes no small one with it.
	var group sync.WaitGroup
	for n := range 16 {
		group.Go(func() {
			w := kv.Write{Key: key("before"), Data: []byte("kept")}
			if n%2 == 0 {
				w = big
			}
			if err := s.Commit(context.Background(), w); (err == nil) == (n%2 == 0) {
				t.Errorf("commit %d: %v", n, err)
			}
		})
	}
	group.Wait()
	limit(1 << 20)
	if err := s.Commit(t.Context(), big); err != nil {
		t.Errorf("there is room again: %v", err)
	}
	if item, err := s.Get(t.Context(), key("before")); err != nil || string(item.Data) != "kept" {
		t.Errorf("%s, %v", item.Data, err)
	}
}

func TestFolderThatIsNotThereIsNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "none", "a.db")
	if db, err := Open(path); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "cannot be written") {
		t.Errorf("%v, %v", db, err)
	}
}

// TestKilledProcessLosesNothingAcknowledged runs this test binary again as a writer, kills it while it commits, and looks
// for everything that it had said was written.
func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	if path := os.Getenv("SQLITE_WRITER"); path != "" {
		writeUntilKilled(path)
	}
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	child := exec.Command(os.Args[0], "-test.run=^TestKilledProcessLosesNothingAcknowledged$")
	child.Env = append(os.Environ(), "SQLITE_WRITER="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var acknowledged []string
	for len(acknowledged) < 300 {
		var line string
		if _, err := fmt.Fscanln(out, &line); err != nil {
			t.Fatal(err)
		}
		acknowledged = append(acknowledged, line)
	}
	child.Process.Kill()
	child.Wait()
	db := open(t, path)
	defer db.Close()
	s := db.Store("donate")
	waiting := 0
	for shard := range kv.Shards {
		u, err := s.Unsent(t.Context(), shard, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		waiting += len(u)
	}
	for _, sort := range acknowledged {
		for _, half := range []string{"/a", "/b"} {
			if _, err := s.Get(t.Context(), key(sort+half)); err != nil {
				t.Errorf("%s%s was acknowledged: %v", sort, half, err)
			}
		}
	}
	items, err := s.List(t.Context(), "p", "", "", 1<<20)
	if err != nil || len(items)%2 != 0 || waiting != len(items)/2 || len(items)/2 < len(acknowledged) {
		t.Errorf("%d items with %d messages for %d acknowledged pairs: %v", len(items), waiting, len(acknowledged), err)
	}
}

func writeUntilKilled(path string) {
	db, err := Open(path)
	if err != nil {
		panic(err)
	}
	s := db.Store("donate")
	var print sync.Mutex
	for writer := range 8 {
		go func() {
			for n := 0; ; n++ {
				sort := fmt.Sprintf("%d-%06d", writer, n)
				m := event.New(sort, "test.happened", kvtest.Noon, event.For{}, n)
				err := s.Commit(context.Background(), kv.Write{Key: key(sort + "/a"), If: kv.Absent, Messages: []event.Message{m}}, kv.Write{Key: key(sort + "/b"), If: kv.Absent})
				if err != nil {
					panic(err)
				}
				print.Lock()
				fmt.Println(sort)
				print.Unlock()
			}
		}()
	}
	select {}
}

// BenchmarkCommits is 64 writers of three rows a commit: the shape of a donation.
func BenchmarkCommits(b *testing.B) {
	s := fresh(b).Store("donate")
	data := []byte(strings.Repeat("x", 700))
	ids := make(chan int, 64)
	var group sync.WaitGroup
	before := spent(b)
	b.ResetTimer()
	for range 64 {
		group.Go(func() {
			for n := range ids {
				id := fmt.Sprintf("%08x-%d", uint32(n)*2654435761, n)
				m := event.New(id, "payments.requested", kvtest.Noon, event.For{Service: "donate", ID: id}, 1)
				err := s.Commit(context.Background(), kv.Write{Key: key(id), Data: data, If: kv.Absent, Messages: []event.Message{m}}, kv.Write{Key: key(id + "/i"), Data: data[:40]})
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	for n := range b.N {
		ids <- n
	}
	close(ids)
	group.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
	b.ReportMetric(float64((spent(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

// spent is the processor time of this process so far.
func spent(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkBackfill is one writer with ascending keys, 500 rows a commit.
func BenchmarkBackfill(b *testing.B) {
	s := fresh(b).Store("donate")
	data := []byte(strings.Repeat("x", 400))
	b.ResetTimer()
	for from := 0; from < b.N; from += 500 {
		var writes []kv.Write
		for n := from; n < min(from+500, b.N); n++ {
			writes = append(writes, kv.Write{Key: key(fmt.Sprintf("d7-2-%012d", n)), Data: data, If: kv.Absent})
		}
		if err := s.Commit(context.Background(), writes...); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// A mover's commit is hundreds of new items: all are there, or none where one of them was, and an expired one was not.
func TestManyNewItems(t *testing.T) {
	t.Parallel()
	s := fresh(t).Store("donate")
	key := func(i int) kv.Key { return kv.Key{Part: "imported", Sort: fmt.Sprintf("%04d", i)} }
	lot := func() (writes []kv.Write) {
		for i := range 3*run + 5 {
			writes = append(writes, kv.Write{Key: key(i), Data: []byte(fmt.Sprint("gift ", i)), If: kv.Absent})
		}
		return writes
	}
	if err := s.Commit(t.Context(), kv.Write{Key: key(40), Data: []byte("old"), Expires: time.Now().Add(-time.Second)}, kv.Write{Key: key(run + 1), Data: []byte("there")}); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context(), lot()...); !errors.Is(err, kv.ErrConflict) {
		t.Fatalf("%v", err)
	}
	if items, err := s.List(t.Context(), "imported", "", "", 1000); err != nil || len(items) != 1 || string(items[0].Data) != "there" {
		t.Fatalf("%d items, %v", len(items), err)
	}
	if err := s.Commit(t.Context(), kv.Write{Key: key(run + 1), Delete: true}); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context(), lot()...); err != nil {
		t.Fatal(err)
	}
	items, err := s.List(t.Context(), "imported", "", "", 1000)
	if err != nil || len(items) != 3*run+5 {
		t.Fatalf("%d items, %v", len(items), err)
	}
	for i, item := range items {
		if string(item.Data) != fmt.Sprint("gift ", i) || item.Rev != 1 || !item.Expires.IsZero() {
			t.Errorf("%+v", item)
		}
	}
}
