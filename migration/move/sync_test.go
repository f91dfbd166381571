package move

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/migration/drupal/drupaltest"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// stands holds the stores against what reading the site in order would make of them.
func stands(t *testing.T, what string, site *drupaltest.Site, store kv.Store) {
	t.Helper()
	got, want := found(t, store, store), sequential(t, site)
	want.Declarations = map[string]string{} // there is one service
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %s", what, apart(got, want))
	}
}

// What happens to rows of a live site, one thing at a time, and what the sync that follows says of it.
func TestSyncFollowsTheSite(t *testing.T) {
	t.Parallel()
	draft := gift(7, "9.00")
	draft.Draft = true
	site, store := drupaltest.New(gift(1, "5.00"), gift(5, "6.00"), draft, gift(2500, "7.00")), memory()
	must(t, job(site, store).Backfill)
	sent := draft
	sent.Draft = false
	half := gift(2503, "")
	half.Values = nil
	taken := gift(2510, "3.00")
	taken.Origin = "gift-1"
	double := gift(3000, "6.00", "transaction_id", "CR-00000005")
	for _, c := range []struct {
		what string
		do   func()
		want Result
	}{
		{"nothing", func() {}, Result{}},
		{"a row", func() { site.Put(gift(2501, "8.00")) }, Result{Rows: 1, Moved: 1, SumPence: 800, Waiting: 1}},
		{"a row that was committed late, in a gap", func() { site.Put(gift(3, "1.00")) }, Result{Rows: 1, Moved: 1, SumPence: 100, Waiting: 1}},
		{"a draft that is sent", func() { site.Put(sent) }, Result{Rows: 1, Moved: 1, SumPence: 900, Waiting: 1}},
		{"a submission without its values yet", func() { site.Put(half) }, Result{Rows: 1, Rejected: map[string]int64{"amount": 1}}},
		{"its values", func() { site.Put(gift(2503, "4.00")) }, Result{Rows: 1, Moved: 1, SumPence: 400, Waiting: 1}},
		{"an edit", func() { site.Put(gift(1, "5.50")) }, Result{Rows: 1, Edited: 1, SumPence: 550, Waiting: 1}},
		{"an edit that spoils a row", func() { site.Put(gift(3, "one")) }, Result{Rows: 1, Rejected: map[string]int64{"amount": 1}}},
		{"a delete", func() { site.Delete(2501) }, Result{Deleted: 1}},
		{"a reject's delete", func() { site.Delete(3) }, Result{}},
		{"what reverse wrote", func() { site.Put(taken) }, Result{Rows: 1, Reversed: 1}},
		{"the same submission again", func() { site.Put(double) }, Result{Rows: 1, Rejected: map[string]int64{"duplicate": 1}}},
		{"the first one's delete", func() { site.Delete(5) }, Result{Deleted: 1, Rows: 1, Moved: 1, SumPence: 600, Waiting: 1}},
	} {
		c.do()
		if c.want.Rejected == nil {
			c.want.Rejected = map[string]int64{}
		}
		if got := must(t, job(site, store).Sync); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", c.what, got, c.want)
		}
		stands(t, c.what, site, store)
	}
}

// Both sides change a row: the side with the authority stands, the other version is listed, once.
func TestConflicts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		authority Side
		stands    string
		edited    string // the amount in the end
		gone      bool   // whether the row that the old site deleted is
	}{{Source, "source", "6.00", true}, {Target, "target", "9.99", false}} {
		t.Run(c.stands, func(t *testing.T) {
			t.Parallel()
			site, store := drupaltest.New(gift(1, "5.00"), gift(2, "5.00"), gift(3, "5.00")), memory()
			j := job(site, store)
			j.Authority = c.authority
			must(t, j.Backfill)
			for _, sid := range []int64{1, 2} {
				writes, _ := keeps(gift(sid, "9.99"))
				if err := store.Commit(t.Context(), kv.Write{Key: writes[0].Key, Data: writes[0].Data}); err != nil {
					t.Fatal(err)
				}
			}
			site.Put(gift(1, "6.00"))
			site.Delete(2)
			site.Put(gift(3, "7.00")) // changed on one side alone: no conflict, whoever has the authority
			if got := must(t, j.Sync); got.Conflicts != 2 || got.Edited != 1 || got.Deleted != 0 || got.Rows != 3 {
				t.Errorf("%+v", got)
			}
			if again := must(t, j.Sync); again.Rows != 0 {
				t.Errorf("a second time: %+v", again)
			}
			gifts := items(t, store, "gift")
			_, there := gifts["0000000000000000002"]
			if !strings.Contains(gifts["0000000000000000001"], c.edited) || there == c.gone || !strings.Contains(gifts["0000000000000000003"], "7.00") {
				t.Error(gifts)
			}
			var listed []Conflict
			if err := Conflicts(t.Context(), store, donate(), func(c Conflict) error { listed = append(listed, c); return nil }); err != nil || len(listed) != 2 {
				t.Fatalf("%+v, %v", listed, err)
			}
			first, _ := json.Marshal(listed[0])
			lost := map[Side]string{Source: "9.99", Target: "6.00"}[c.authority]
			if listed[0].Stands != c.stands || listed[0].SID != 1 || listed[1].SID != 2 || !strings.Contains(string(first), lost) {
				t.Errorf("%s", first)
			}
		})
	}
}

// A table that was emptied, or another site, deletes nothing; a person may say that it is meant.
func TestManyDeletesStop(t *testing.T) {
	t.Parallel()
	for name, live := range map[string]bool{"live": true, "dump": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			site, store := drupaltest.New(), memory()
			for i := range int64(300) {
				site.Put(gift(10*i+1, "5.00"))
			}
			j := job(site, store)
			if !live {
				j.Source = still{site}
			}
			must(t, j.Backfill)
			for i := range int64(101) {
				site.Delete(10*i + 1)
			}
			_, err := j.Sync(t.Context())
			if err == nil || !strings.Contains(err.Error(), "no longer has 101 of the 300 rows") || !strings.Contains(err.Error(), "--deletes 101") {
				t.Errorf("%v", err)
			}
			if n := len(items(t, store, "gift")); n != 300 {
				t.Errorf("%d gifts are left", n)
			}
			j.Deletes = 101
			if got := must(t, j.Sync); got.Deleted != 101 {
				t.Errorf("%+v", got)
			}
			stands(t, "accepted", site, store)
		})
	}
}

// A table of values that is not whole makes rows of which none can be moved: they stay until a person says that it is meant,
// in a backfill always.
func TestManySpoiltRowsStop(t *testing.T) {
	t.Parallel()
	for name, live := range map[string]bool{"live": true, "dump": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			site, store := drupaltest.New(), memory()
			for i := range int64(300) {
				site.Put(gift(10*i+1, "5.00"))
			}
			j := job(site, store)
			if !live {
				j.Source = still{site}
			}
			must(t, j.Backfill)
			for i := range int64(200) {
				empty := gift(10*i+1, "5.00")
				empty.Values = map[string][]string{}
				site.Put(empty)
			}
			site.Delete(2981)
			for range 2 { // what was left alone is found again
				_, err := j.Sync(t.Context())
				if err == nil || !strings.Contains(err.Error(), "no longer has 1 of the 300 rows") || !strings.Contains(err.Error(), "has 200 of them now") || !strings.Contains(err.Error(), "--deletes 201") {
					t.Errorf("%v", err)
				}
			}
			if got := must(t, j.Backfill); got.Unchanged != 299 || len(items(t, store, "gift")) != 300 {
				t.Errorf("%+v", got)
			}
			j.Deletes = 201
			if got := must(t, j.Sync); got.Deleted != 1 || got.Rejected["amount"] != 200 {
				t.Errorf("%+v", got)
			}
			stands(t, "accepted", site, store)
		})
	}
}

// A dump without any row of the form says nothing of those that were moved.
func TestAnEmptyDumpDeletesNothing(t *testing.T) {
	t.Parallel()
	site, store := drupaltest.New(gift(1, "5.00"), gift(2, "5.00")), memory()
	must(t, job(site, store).Backfill)
	j := job(site, store)
	j.Source = still{drupaltest.New()}
	if got := must(t, j.Sync); got.Deleted != 0 || got.Rows != 0 {
		t.Errorf("%+v", got)
	}
	stands(t, "after the empty dump", site, store)
}

// A dump that is older than what was moved since takes nothing away that it cannot know.
func TestAnOldDumpDeletesNothing(t *testing.T) {
	t.Parallel()
	site, store := drupaltest.New(gift(1, "5.00"), gift(2, "5.00")), memory()
	old := drupaltest.New(gift(1, "5.00"))
	must(t, job(site, store).Backfill)
	j := job(site, store)
	j.Source = still{old}
	if got := must(t, j.Sync); got.Deleted != 0 || got.Rows != 0 {
		t.Errorf("%+v", got)
	}
	stands(t, "after the old dump", site, store)
}

// A service that came after the backfill gets its part of the rows that were moved without it.
func TestAServiceThatComesLater(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(Job, context.Context) (Result, error){"backfill": Job.Backfill, "sync": Job.Sync} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			site, gifts, declarations := drupaltest.New(gift(1, "5.00", "town", "Leeds"), gift(2, "x"), gift(3, "5.00")), memory(), memory()
			must(t, job(site, gifts).Backfill)
			j := job(site, gifts)
			j.Parts = append(j.Parts, Part{Service: "giftaid", Store: declarations, Import: declares})
			if _, err := run(j, t.Context()); err != nil {
				t.Fatal(err)
			}
			if got, want := found(t, gifts, declarations), sequential(t, site); !reflect.DeepEqual(got, want) {
				t.Error(apart(got, want))
			}
		})
	}
}

// What an older version left in a store (a mark, and rows without pages) is found there, and nothing is done twice.
func TestAStoreOfAnOlderVersion(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(Job, context.Context) (Result, error){"backfill": Job.Backfill, "sync": Job.Sync} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			site, store := drupaltest.New(gift(1, "5.00"), gift(2, "x"), gift(3, "5.00")), memory()
			for _, sid := range []int64{1, 3} {
				writes, _ := keeps(gift(sid, "5.00"))
				if err := store.Commit(t.Context(), writes...); err != nil {
					t.Fatal(err)
				}
			}
			if err := store.Commit(t.Context(), kv.Write{Key: markKey(donate()), Data: []byte("3")}); err != nil {
				t.Fatal(err)
			}
			r, err := run(job(site, store), t.Context())
			if err != nil || r.Moved != 0 || r.Unchanged != 2 || r.Conflicts != 0 || r.Rejected["amount"] != 1 {
				t.Errorf("%+v, %v", r, err)
			}
			stands(t, name, site, store)
		})
	}
}

// Rejects are people's data: they go after thirty days, and with the row's move.
func TestRejectsExpire(t *testing.T) {
	t.Parallel()
	store := memory()
	must(t, job(drupaltest.New(gift(1, "x")), store).Backfill)
	item, err := store.Get(t.Context(), rejectKey(donate(), 1, ""))
	if err != nil || item.Expires != noon.Add(retention) {
		t.Errorf("kept until %v (%v)", item.Expires, err)
	}
}

// A form whose service does not exist yet, and the site's contents: every row is counted, by the truth's own rules.
func TestWaitingForms(t *testing.T) {
	t.Parallel()
	aid, _ := form.ByAlias("gift-aid")
	row := func(sid int64, postcode string) form.Record {
		return form.Record{Form: "gift-aid", NID: 3, SID: sid, Values: map[string][]string{"postcode": {postcode}, "colour": {"red"}}}
	}
	draft := row(3, "SW1A 1AA")
	draft.Draft = true
	j := Job{Source: drupaltest.New(row(1, "SW1A 1AA"), row(2, "ZZ99 9ZZZ"), draft), Form: aid}
	for name, run := range map[string]func(context.Context) (Result, error){"backfill": j.Backfill, "sync": j.Sync} {
		want := Result{Rows: 3, Waiting: 1, Rejected: map[string]int64{"postcode": 1, "draft": 1}, Unknown: map[string]int64{"colour": 3}}
		if got := must(t, run); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
	page := form.Contents[0]
	j = Job{Source: drupaltest.New(form.Record{Form: page.Alias, SID: 9, Values: map[string][]string{"title": {"Run"}}}), Form: page}
	if got := must(t, j.Backfill); got.Rows != 1 || got.Waiting != 1 {
		t.Errorf("%+v", got)
	}
}
