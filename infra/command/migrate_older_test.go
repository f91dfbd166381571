package command

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/infra/local/site"
)

// datedDump is the sample site's dump, gzipped, as one that was made at a time.
func datedDump(t *testing.T, made string) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(site.Dump))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed) // it is a level
	dated := bytes.TrimSuffix(plain, []byte("-- Dump completed\n"))
	if _, err := w.Write(append(dated, "-- Dump completed on "+made+"\n"...)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "dump.sql.gz")
	if err := os.WriteFile(file, packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Yesterday's dump after today's is the call's mistake, and the message says which is older and how to go on.
func TestSyncRefusesAnOlderDump(t *testing.T) {
	t.Parallel()
	to := "sqlite:" + filepath.Join(t.TempDir(), "services.db")
	today, yesterday := datedDump(t, "2019-03-31  4:00:00"), datedDump(t, "2019-03-30 04:00:00")
	var doc moved
	if status, errw := migrates(t, &doc, "migrate", "backfill", "--from", today, "--to", to, "--json"); status != done {
		t.Fatal(status, errw)
	}
	backfilled(t, doc, 0)
	for _, verb := range []string{"sync", "backfill"} {
		status, errw := migrates(t, nil, "migrate", verb, "--from", yesterday, "--to", to)
		if status != wrong || !strings.Contains(errw, "made on 2019-03-30 04:00:00, and one that was made on 2019-03-31 04:00:00 was followed before") || !strings.Contains(errw, "Make a new dump") {
			t.Errorf("%s: %d %s", verb, status, errw)
		}
	}
	if status, errw := migrates(t, nil, "migrate", "sync", "--from", today, "--to", to); status != done {
		t.Errorf("the same dump again: %d %s", status, errw)
	}
}
