package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/migration/move"
	"github.com/banyan-migration/banyan/services/donate"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// What is generated is a dump, and worth what generate says.
func TestGeneratedDump(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "dump.sql")
	pence, err := write(file, 5000)
	if err != nil {
		t.Fatal(err)
	}
	source, err := drupal.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	f, _ := form.ByAlias("donate")
	got, err := move.Job{Source: source, Form: f, Parts: []move.Part{{Service: "donate", Store: kv.NewMem(), Import: donate.Import}}}.Backfill(t.Context())
	if err != nil || got.Rows != 5000 || got.Moved != 5000-5000/every || got.Rejected["amount"] != 5000/every || got.SumPence != pence {
		t.Errorf("%+v (%v), want %d pence", got, err, pence)
	}
	if info, err := os.Stat(file); err != nil || info.Size() < 5000*400 {
		t.Errorf("a dump of %d bytes (%v)", info.Size(), err)
	}
}
