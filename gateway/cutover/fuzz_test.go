package cutover_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
)

// Whatever stands in a file that is said to be a journal: an answer, and never more entries that hold than whole lines.
func FuzzVerifyFile(f *testing.F) {
	journal, err := os.ReadFile(filepath.Join("testdata", "journal-1.jsonl"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(journal)
	f.Add(bytes.ReplaceAll(journal, []byte("100"), []byte("101")))
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"sequence":1,"at":"2026-09-01T11:00:00Z","who":"","action":"","why":"","changes":[{"after":{"schedule":{}}}],"previous":"","hash":""}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		last, err := cutover.VerifyFile(bytes.NewReader(text))
		if held := int64(bytes.Count(text, []byte("\n")) + 1); last.Sequence > held {
			t.Fatalf("entry %d of %d lines holds", last.Sequence, held)
		}
		if err == nil && last.Sequence > 0 && !bytes.Contains(text, []byte(last.Hash)) {
			t.Fatalf("entry %d has a hash that is not in the file", last.Sequence)
		}
	})
}

// The next opening is one, is not in the past, and there is none between: of any hours and window, in a zone whose clock changes.
func FuzzCalendar(f *testing.F) {
	f.Add(int64(1_805_000_000), 90, 180, int64(1_805_000_000), int64(86_400), uint8(0x7f))
	f.Add(int64(1_819_500_000), 60, 61, int64(0), int64(0), uint8(1))
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, now int64, from, to int, shut, length int64, days uint8) {
		now, shut = now&0x7fffffff, shut&0x7fffffff
		c := &cutover.Calendar{Zone: zone, Shut: []cutover.Window{{From: time.Unix(shut, 0), To: time.Unix(shut+length&0xfffff, 0), Why: "x"}}}
		hours := cutover.Hours{From: from, To: to}
		for d := range 7 {
			if days>>d&1 == 1 {
				hours.Days = append(hours.Days, time.Weekday(d))
			}
		}
		c.Hours = []cutover.Hours{hours}
		at := time.Unix(now, 0)
		opens, ok := c.Opens(at)
		switch {
		case !ok:
			return
		case opens.Before(at) || c.Closed(opens) != "" || (c.Closed(at) == "") != opens.Equal(at):
			t.Fatalf("at %s it opens %s, where it is %q", at, opens, c.Closed(opens))
		}
		if between := opens.Add(-time.Minute); between.After(at) && c.Closed(between) == "" {
			t.Fatalf("at %s it opens %s, and it is open a minute before", at, opens)
		}
	})
}
