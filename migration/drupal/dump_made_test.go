package drupal

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/shared/form"
)

func zipped(t testing.TB, plain string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(plain)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What a dump's last line says of when it was made is known before its rows are read, and after them without the file.
func TestWhenADumpWasMade(t *testing.T) {
	t.Parallel()
	body, _, _ := strings.Cut(small, "-- Dump completed")
	long := strings.Repeat("-- it is a long dump\n", 1000)
	four := time.Date(2019, 3, 31, 4, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name, dump string
		want       time.Time
	}{
		{"mysqldump", body + "\n-- Dump completed on 2019-03-31  4:00:00\n", four},
		{"mariadb-dump, which pads", body + long + "-- Dump completed on 2019-03-31 04:00:00\r\n\n", four},
		{"skip-dump-date", body + "-- Dump completed\n", time.Time{}},
		{"a day alone", small, time.Time{}},
		{"no such day", body + "-- Dump completed on 2019-02-31  4:00:00\n", time.Time{}},
		{"skip-comments", strings.TrimPrefix(body, "-- MySQL dump 10.13\n"), time.Time{}},
		{"a text that looks like it", strings.Replace(small, "left over", "-- Dump completed on 2019-03-30  4:00:00", 1), time.Time{}},
		{"two, one after the other", body + "-- Dump completed on 2019-03-30  4:00:00\n" + long + "-- Dump completed on 2019-03-31  4:00:00\n", four},
	} {
		for shape, data := range map[string][]byte{"plain": []byte(c.dump), "gzip": zipped(t, c.dump)} {
			file := write(t, "dump", data)
			before, after := open(t, file), open(t, file)
			if got, err := before.Made(t.Context()); err != nil || !got.Equal(c.want) {
				t.Errorf("%s, %s: %s, %v; want %s", c.name, shape, got, err, c.want)
			}
			if _, err := after.Records(t.Context(), "give", Span{}, func(form.Record) error { return nil }); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			if got, err := after.Made(t.Context()); err != nil || !got.Equal(c.want) {
				t.Errorf("%s, %s, once it was read: %s, %v; want %s", c.name, shape, got, err, c.want)
			}
		}
	}
}

// A dump that was cut has no last line: nobody may take that for a dump without a date.
func TestACutDumpIsNotOneWithoutADate(t *testing.T) {
	t.Parallel()
	cut := small[:strings.Index(small, "(7,12,1")]
	whole := zipped(t, small)
	for name, data := range map[string][]byte{"plain": []byte(cut), "gzip of a cut one": zipped(t, cut), "a cut gzip": whole[:len(whole)-9]} {
		s := &dumpSource{file: write(t, "dump", data)}
		_, err := s.Made(t.Context())
		var d *Damage
		if !errors.As(err, &d) || !strings.Contains(err.Error(), "dump: the dump ends in the middle") || !strings.HasSuffix(err.Error(), "the old site is untouched") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzMade: whatever a file ends with, and in whatever pieces it comes, the answer is one, and is a date that the line holds.
func FuzzMade(f *testing.F) {
	f.Add([]byte("\n-- Dump completed on 2019-03-31  4:00:00\n"), 7)
	f.Add([]byte(small), 1)
	f.Fuzz(func(t *testing.T, data []byte, piece int) {
		piece = max(1, piece)
		var once, pieces edges
		_, _ = once.Write(data) // never fails
		for rest := data; len(rest) > 0; rest = rest[min(piece, len(rest)):] {
			_, _ = pieces.Write(rest[:min(piece, len(rest))])
		}
		at, whole := once.completed()
		again, too := pieces.completed()
		if !at.Equal(again) || whole != too {
			t.Fatalf("at once %s %t, in pieces %s %t", at, whole, again, too)
		}
		if !at.IsZero() && !bytes.Contains(data, []byte(at.Format("2006"))) {
			t.Fatalf("%s stands nowhere", at)
		}
	})
}
