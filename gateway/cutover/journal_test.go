package cutover_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/shared/kv"
)

// G20: an exported journal can be checked by anybody who has the file, line by line.
func TestAnExportedJournalHoldsOrNamesItsLine(t *testing.T) {
	t.Parallel()
	p := open(t, kv.NewMem(), cutover.Options{})
	for i := range 4 {
		set(t, p, "donate", i*100+100)
	}
	if _, err := p.Hold(t.Context(), cutover.Change{Group: "donate", Who: "grace", Why: "declines <doubled> & more", Ticket: "CHG-9"}); err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := p.Export(t.Context(), &file); err != nil {
		t.Fatal(err)
	}
	last, err := cutover.VerifyFile(bytes.NewReader(file.Bytes()))
	if err != nil || last.Sequence != 6 || last.Hash != p.Now().Head || last.Ticket != "CHG-9" {
		t.Fatalf("entry %d, %v", last.Sequence, err)
	}
	lines := strings.SplitAfter(file.String(), "\n")
	join := func(l ...string) string { return strings.Join(l, "") }
	for name, c := range map[string]struct {
		text  string
		holds int64
		says  string
	}{
		"altered":       {strings.Replace(file.String(), `"to":200`, `"to":250`, 1), 2, "line 3: journal entry 3 does not follow entry 2"},
		"taken out":     {join(lines[0], lines[2]), 1, "line 2"},
		"put in":        {join(lines[0], lines[1], lines[1]), 2, "line 3"},
		"swapped":       {join(lines[0], lines[2], lines[1]), 1, "line 2"},
		"first missing": {join(lines[1:]...), 0, "line 1"},
		"a field more":  {strings.Replace(file.String(), `{"sequence":3,`, `{"sequence":3,"note":"x",`, 1), 2, "line 3: journal entry 3 is not as this program writes one"},
		"a field twice": {strings.Replace(file.String(), `{"sequence":3,`, `{"sequence":3,"sequence":3,`, 1), 2, "line 3"},
		"cut":           {file.String()[:file.Len()-9], 5, "line 6: journal entry 6 is not readable"},
		"no journal":    {"dear diary", 0, "line 1"},
		"endless":       {strings.Repeat("x", 5<<20), 0, "longer than"},
	} {
		last, err := cutover.VerifyFile(strings.NewReader(c.text))
		if err == nil || last.Sequence != c.holds || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: entry %d holds, %v; want %d and %s", name, last.Sequence, err, c.holds, c.says)
		}
	}
}

// A journal and a plan of the version before this one still hold, and go on.
func TestTheFormerVersionsJournalHolds(t *testing.T) {
	t.Parallel()
	old, err := os.ReadFile(filepath.Join("testdata", "journal-1.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	last, err := cutover.VerifyFile(bytes.NewReader(old))
	if err != nil || last.Sequence != 4 {
		t.Fatalf("entry %d: %v", last.Sequence, err)
	}
	store := kv.NewMem()
	put := func(part, sort string, raw []byte) {
		if err := store.Commit(t.Context(), kv.Write{Key: kv.Key{Part: part, Sort: sort}, Data: raw}); err != nil {
			t.Fatal(err)
		}
	}
	for i, line := range slices.Collect(bytes.Lines(old)) {
		put("journal", strings.Repeat("0", 18)+string('1'+rune(i)), bytes.TrimSpace(line))
	}
	plan, err := os.ReadFile(filepath.Join("testdata", "plan-1.json"))
	if err != nil {
		t.Fatal(err)
	}
	put("plan", "current", bytes.TrimSpace(plan))
	p := open(t, store, cutover.Options{})
	if g := p.Now().Group("donate"); g.Weight != 2500 || g.Phase != cutover.Canary {
		t.Errorf("%+v", g)
	}
	set(t, p, "donate", 3000)
	if n, err := p.Verify(t.Context()); n != 5 || err != nil {
		t.Errorf("%d entries hold: %v", n, err)
	}
}

// The journal has each group whole, before and after: the map at any date is drawn from it.
func TestEntriesHaveBeforeAndAfter(t *testing.T) {
	t.Parallel()
	d := sit(t, free)
	d.done(cutover.Shadow, 0)(d.Enter(ctx, d.into(cutover.Shadow)))
	d.done(cutover.Shadow, 0)(d.Approve(ctx, d.by("ada"), plan))
	d.done(cutover.Canary, 100)(d.Step(ctx, d.verdict()))
	all, err := d.History(ctx, 0, 10)
	if err != nil || len(all) != 4 {
		t.Fatalf("%+v %v", all, err)
	}
	seeded, entered, approved, stepped := all[0].Changes[0], all[1].Changes[0], all[2].Changes[0], all[3].Changes[0]
	if seeded.Before != nil || seeded.After.Phase != cutover.Off {
		t.Errorf("seeded %+v", seeded)
	}
	if entered.Was != cutover.Off || entered.Phase != cutover.Shadow || entered.From != 0 || entered.To != 0 {
		t.Errorf("entered %+v", entered)
	}
	if approved.Before.Schedule != nil || len(approved.After.Schedule.Steps) != 2 || approved.After.Schedule.Who != "ada" {
		t.Errorf("approved %+v", approved)
	}
	if stepped.Was != cutover.Shadow || stepped.To != 100 || all[3].Evidence != "v1" || all[3].Who != "judge" || all[3].Action != "step" {
		t.Errorf("stepped %+v", all[3])
	}
}

// T-7: what the kill switch did while the store was away is in the journal once it is back, with the time at which it was.
func TestKillsAreToldWhenTheStoreIsBack(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "kill")
	synctest.Test(t, func(t *testing.T) {
		cable := &away{Store: kv.NewMem()}
		p := open(t, cable, cutover.Options{Kill: cutover.NewSwitch(file, ""), Replica: "gw-2"})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go p.Run(ctx)
		cable.set(true)
		if err := os.WriteFile(file, []byte("donate postcode"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if !p.Now().Group("donate").Killed {
			t.Fatal("the switch waits for the store")
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		cable.set(false)
		time.Sleep(time.Second)
		all, err := p.History(ctx, 1, 10)
		if err != nil || len(all) != 2 {
			t.Fatalf("%+v %v", all, err)
		}
		for i, want := range []string{"at 2000-01-01 00:00:00 UTC the kill switch here took donate, postcode to legacy",
			"at 2000-01-01 00:00:01 UTC the kill switch here was cleared, after donate, postcode"} {
			if e := all[i]; e.Who != "gw-2" || e.Action != []string{"kill", "unkill"}[i] || e.Why != want {
				t.Errorf("%s by %s: %q, want %q", e.Action, e.Who, e.Why, want)
			}
		}
		if n, err := p.Verify(ctx); n != 3 || err != nil {
			t.Errorf("%d entries hold: %v", n, err)
		}
	})
}

// A line that somebody changed in the store is named, and so is one with something added that no hash covers.
func TestAnAddedFieldIsSeen(t *testing.T) {
	t.Parallel()
	store := kv.NewMem()
	p := open(t, store, cutover.Options{})
	set(t, p, "donate", 100)
	items, err := store.List(t.Context(), "journal", "", "", 10)
	if err != nil {
		t.Fatal(err)
	}
	var loose map[string]any
	if err := json.Unmarshal(items[1].Data, &loose); err != nil {
		t.Fatal(err)
	}
	loose["approved_by"] = "nobody"
	raw, err := json.Marshal(loose)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Commit(t.Context(), kv.Write{Key: items[1].Key, Data: raw}); err != nil {
		t.Fatal(err)
	}
	if n, err := p.Verify(t.Context()); n != 1 || err == nil || !strings.Contains(err.Error(), "journal entry 2 is not as this program writes one") {
		t.Errorf("%d entries hold: %v", n, err)
	}
}

// A chain without its end is a chain: what the plan was last changed by must be there.
func TestTheNewestEntryCannotBeTakenAway(t *testing.T) {
	t.Parallel()
	store := kv.NewMem()
	p := open(t, store, cutover.Options{})
	set(t, p, "donate", 100)
	items, err := store.List(t.Context(), "journal", "", "", 10)
	if err != nil || len(items) != 2 {
		t.Fatal(items, err)
	}
	if err := store.Commit(t.Context(), kv.Write{Key: items[1].Key, Delete: true}); err != nil {
		t.Fatal(err)
	}
	if n, err := p.Verify(t.Context()); n != 1 || err == nil || !strings.Contains(err.Error(), "ends at entry 1 and the plan is at 2") {
		t.Errorf("%d entries hold: %v", n, err)
	}
}
