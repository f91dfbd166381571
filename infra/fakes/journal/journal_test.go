package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func opened(t testing.TB, name string) (j *Journal, had []string) {
	t.Helper()
	j, err := Open(name, func(record []byte) error { had = append(had, string(record)); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return j, had
}

func kept(t testing.TB, name string, records ...string) {
	t.Helper()
	j, _ := opened(t, name)
	for _, r := range records {
		j.Append([]byte(r))
	}
	if err := j.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// Wherever the last record is torn, those before it are there and more can follow.
func TestATornLastRecordGoes(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "state")
	kept(t, name, "one", "two")
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for cut := len(whole) - len("00000000 two\n"); cut < len(whole); cut++ {
		torn := slices.Clone(whole[:cut])
		if cut%2 == 1 {
			torn = append(torn, 0, '\n') // a page that was made and not filled
		}
		if err := os.WriteFile(name, torn, 0o600); err != nil {
			t.Fatal(err)
		}
		kept(t, name, "three")
		j, had := opened(t, name)
		if err := j.Close(); err != nil || !slices.Equal(had, []string{"one", "three"}) {
			t.Errorf("cut at %d: %q, %v", cut, had, err)
		}
	}
}

func TestDamageBeforeTheLastRecordIsTold(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "state")
	kept(t, name, "one", "two", "three")
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, bytes.Replace(whole, []byte("two"), []byte("tow"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(name, func([]byte) error { return nil }); err == nil || !strings.Contains(err.Error(), "line 2 is damaged") {
		t.Errorf("%v", err)
	}
	if _, err := Open(filepath.Join(name, "below"), nil); err == nil {
		t.Error("a file below a file was opened")
	}
}

// Many who wait share an fsync, and each finds its own record on the disk when it is told so.
func TestWhoWaitedIsOnTheDisk(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "state")
	j, _ := opened(t, name)
	var all sync.WaitGroup
	for n := range 200 {
		all.Go(func() {
			record := fmt.Sprintf("record %d.", n)
			j.Append([]byte(record))
			if err := j.Wait(); err != nil {
				t.Error(err)
			}
			if there, err := os.ReadFile(name); err != nil || !bytes.Contains(there, []byte(record)) {
				t.Errorf("%s was promised and is not there, %v", record, err)
			}
		})
	}
	all.Wait()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if j.Append([]byte("late")); !errors.Is(j.Wait(), os.ErrClosed) {
		t.Error("what came after the end is said to be kept")
	}
	if _, had := opened(t, name); len(had) != 200 {
		t.Errorf("%d records", len(had))
	}
}

// A disk that fails is told to all who wait, to who watches, and to everybody afterwards.
func TestAFailingDiskIsTold(t *testing.T) {
	t.Parallel()
	f, err := os.Open(os.DevNull) // for reading alone
	if err != nil {
		t.Fatal(err)
	}
	j := begin(f)
	watched := make(chan error, 1)
	go func() { watched <- j.Lasts() }()
	j.Append([]byte("one"))
	if err := j.Wait(); err == nil || !strings.Contains(err.Error(), "start again") {
		t.Errorf("%v", err)
	}
	if err := <-watched; err == nil || !strings.Contains(err.Error(), "start again") {
		t.Errorf("who watches hears %v", err)
	}
	j.Append([]byte("two"))
	if j.Wait() == nil || j.Close() == nil {
		t.Error("after a failure it goes on")
	}
}

// Who watches a journal hears nothing of one that ends as it should, before and after.
func TestAnEndIsNoFailure(t *testing.T) {
	t.Parallel()
	j, _ := opened(t, filepath.Join(t.TempDir(), "state"))
	watched := make(chan error, 1)
	go func() { watched <- j.Lasts() }()
	j.Append([]byte("one"))
	if err := errors.Join(j.Wait(), j.Close(), <-watched, j.Lasts()); err != nil {
		t.Error(err)
	}
}

func TestRewritten(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "state")
	kept(t, name, "one", "two", "three")
	if err := os.WriteFile(name+".next", []byte("of a rewrite that was killed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Rewrite(name, func(put func([]byte) error) error { return put([]byte("six")) }); err != nil {
		t.Fatal(err)
	}
	kept(t, name, "seven")
	if _, had := opened(t, name); !slices.Equal(had, []string{"six", "seven"}) {
		t.Errorf("%q", had)
	}
	if err := Rewrite(name, func(func([]byte) error) error { return os.ErrInvalid }); err == nil {
		t.Error("what could not be written was put in place")
	}
	if _, had := opened(t, name); len(had) != 2 {
		t.Errorf("%q: a failed rewrite changed what was there", had)
	}
}

// Nothing waits for a nil one.
func TestNone(t *testing.T) {
	t.Parallel()
	var j *Journal
	j.Append([]byte("x"))
	if j.Wait() != nil || j.Lasts() != nil || j.Close() != nil {
		t.Error("it is not silent")
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte("00000000 \n"))
	f.Add([]byte("7a6c86f1 one\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		name := filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		var had [][]byte
		j, err := Open(name, func(record []byte) error { had = append(had, bytes.Clone(record)); return nil })
		if err != nil {
			return
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		again := 0
		j, err = Open(name, func(record []byte) error {
			if !bytes.Equal(record, had[again]) {
				t.Errorf("record %d was %q and is %q", again, had[again], record)
			}
			again++
			return nil
		})
		if err != nil || again != len(had) {
			t.Fatalf("%d records, then %d, %v", len(had), again, err)
		}
		_ = j.Close()
	})
}
