package move

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/migration/drupal/drupaltest"
	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

func gift(sid int64, amount string, more ...string) form.Record {
	r := form.Record{Form: "donate", NID: 2, SID: sid, At: time.Unix(1552696933+sid, 0).UTC(), Values: map[string][]string{
		"amount": {amount}, "first_name": {"Zoë"}, "email": {"zoe@example.org"}, "transaction_id": {fmt.Sprintf("CR-%08d", sid)},
	}}
	for i := 0; i+1 < len(more); i += 2 {
		r.Values[more[i]] = []string{more[i+1]}
	}
	return r
}

// keeps is the smallest service that can take gifts: the rules of form, an item a gift.
func keeps(r form.Record) ([]kv.Write, error) {
	d, no := form.ReadDonation(r)
	if len(no) > 0 {
		return nil, fault.List{fault.Wrong(no[0].Field, no[0].Text)}
	}
	data, err := json.Marshal(d)
	return []kv.Write{{Key: kv.Key{Part: "gift", Sort: fmt.Sprintf("%019d", r.SID)}, Data: data, If: kv.Absent}}, err
}

func donate() form.Form {
	f, _ := form.ByAlias("donate")
	return f
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// memory is a store in which it is noon.
func memory() *kv.Mem {
	m := kv.NewMem()
	m.Now = func() time.Time { return noon }
	return m
}

func job(source drupal.Source, store kv.Store) Job {
	return Job{Source: source, Form: donate(), Parts: []Part{{Service: "donate", Store: store, Import: keeps}}, Now: func() time.Time { return noon }}
}

func must(t *testing.T, run func(context.Context) (Result, error)) Result {
	t.Helper()
	r, err := run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func rejectsOf(t *testing.T, store kv.Store) (all []Reject) {
	t.Helper()
	if err := Rejects(t.Context(), store, donate(), func(r Reject) error { all = append(all, r); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// stored is everything in the store's parts that a form's move touches.
func stored(t *testing.T, store kv.Store) map[kv.Key]string {
	all := map[kv.Key]string{}
	for _, part := range []string{"gift", "declaration"} {
		for after := ""; ; {
			items, err := store.List(t.Context(), part, "", after, 1000)
			if err != nil {
				t.Fatal(err)
			}
			if len(items) == 0 {
				break
			}
			for _, item := range items {
				all[item.Key] = fmt.Sprintf("%d %s", item.Rev, item.Data)
				after = item.Key.Sort
			}
		}
	}
	return all
}

// truths is what is in a form's submissions, known because a program made them.
type truths struct {
	Rows, Migratable int64
	Rejected         map[string]int64
	Sum              int64 `json:"sum_pence"`
}

func truth(t *testing.T) truths {
	var forms map[string]json.RawMessage
	var donate truths
	if err := errors.Join(json.Unmarshal(site.Truth, &forms), json.Unmarshal(forms["donate"], &donate)); err != nil {
		t.Fatal(err)
	}
	return donate
}

// The sample's donate form, against what is truly in it; and a second run, which changes nothing.
func TestSampleMovesAsTheTruthSays(t *testing.T) {
	t.Parallel()
	want := truth(t)
	file := filepath.Join(t.TempDir(), "dump.sql.gz")
	if err := os.WriteFile(file, site.Dump, 0o600); err != nil {
		t.Fatal(err)
	}
	source, err := drupal.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	store := memory()
	j := job(source, store)
	got := must(t, j.Backfill)
	if got.Rows != want.Rows || got.Moved != want.Migratable || got.SumPence != want.Sum || !reflect.DeepEqual(got.Rejected, want.Rejected) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	rejects := rejectsOf(t, store)
	if int64(len(rejects)) != got.Rejections() {
		t.Errorf("%d rejects, want %d", len(rejects), got.Rejections())
	}
	if got.Waiting == 0 || got.Unchanged != 0 || got.Orphans != 0 {
		t.Errorf("%+v", got)
	}
	before := stored(t, store)
	second := must(t, j.Backfill)
	got.Moved, got.Unchanged = 0, got.Moved
	if !reflect.DeepEqual(second, got) || !reflect.DeepEqual(stored(t, store), before) {
		t.Errorf("a second run: %+v, want %+v", second, got)
	}
	if !reflect.DeepEqual(rejectsOf(t, store), rejects) {
		t.Error("a second run rejects otherwise")
	}
	if late := must(t, j.Sync); late.Rows != 0 {
		t.Errorf("sync with nothing new: %+v", late)
	}
}

// Draft comes before the service's own reasons, duplicate after them; the first of two equal rows counts, and a row
// without a transaction doubles none.
func TestReasonsInTheirOrder(t *testing.T) {
	t.Parallel()
	draft := gift(1, "£1O")
	draft.Draft = true
	same := gift(3, "5.00")
	again, other, no := same, gift(6, "5.01", "transaction_id", "CR-00000003"), gift(7, "5.00", "transaction_id", "")
	again.SID = 5
	twin := no
	twin.SID = 8
	store := memory()
	j := job(drupaltest.New(draft, gift(2, "£1O"), same, gift(4, "5.00", "email", "nobody"), again, other, no, twin), store)
	got := must(t, j.Backfill)
	want := Result{Rows: 8, Moved: 4, SumPence: 2001, Waiting: 4, Rejected: map[string]int64{"draft": 1, "amount": 1, "email": 1, "duplicate": 1}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if second := rejectsOf(t, store)[1]; second.SID != 2 || second.Reason != "amount" || second.Message == "" || second.Values["amount"][0] != "£1O" {
		t.Errorf("the second reject is %+v", second)
	}
}

// What a row has for services that come later is counted; what a second service refuses leaves the row moved.
func TestParts(t *testing.T) {
	t.Parallel()
	j := job(drupaltest.New(gift(1, "5", "gift_aid", "1", "email_consent", "1"), gift(2, "5", "gift_aid", "0"), gift(3, "x", "gift_aid", "1")), memory())
	if got := must(t, j.Backfill); got.Waiting != 3 || got.Moved != 2 {
		t.Errorf("%+v", got)
	}
	giftaid := Part{Service: "giftaid", Store: memory(), Import: func(r form.Record) ([]kv.Write, error) {
		if r.SID == 2 {
			return nil, fault.Wrong("postcode", "a UK postcode")
		}
		return []kv.Write{{Key: kv.Key{Part: "declaration", Sort: fmt.Sprint(r.SID)}, If: kv.Absent}}, nil
	}}
	j.Parts = append(j.Parts, giftaid)
	got := must(t, j.Backfill)
	if got.Waiting != 1 || got.RefusedParts != 1 || got.Unchanged != 2 || len(stored(t, giftaid.Store)) != 1 {
		t.Errorf("%+v", got)
	}
	if got := rejectsOf(t, j.Parts[0].Store); len(got) != 2 || got[0].Service != "giftaid" || got[0].Reason != "postcode" {
		t.Errorf("%+v", got)
	}
}

// Sync takes what is newer than the checkpoint, and still knows what was moved before.
func TestSyncTakesLaterRows(t *testing.T) {
	t.Parallel()
	store := memory()
	must(t, job(drupaltest.New(gift(1, "5"), gift(2, "6")), store).Backfill)
	double := gift(1, "5")
	double.SID = 4
	got := must(t, job(drupaltest.New(gift(1, "5"), gift(2, "6"), gift(3, "7"), double), store).Sync)
	if want := (Result{Rows: 2, Moved: 1, SumPence: 700, Waiting: 1, Rejected: map[string]int64{"duplicate": 1}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	t.Parallel()
	store := memory()
	j := job(drupaltest.New(gift(1, "5"), gift(2, "no")), store)
	j.DryRun = true
	if got := must(t, j.Backfill); got.Moved != 1 || len(stored(t, store)) != 0 {
		t.Errorf("%+v, %v", got, stored(t, store))
	}
}

// Two movers at once move each row once.
func TestTwoMovers(t *testing.T) {
	t.Parallel()
	source := drupaltest.New()
	for i := range int64(3 * width) {
		source.Put(gift(i+1, "5.00"))
	}
	store := memory()
	var results [2]Result
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			var err error
			if results[i], err = job(source, store).Backfill(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i, r := range results {
		if r.Rows != 3*width || r.Moved+r.Unchanged != 3*width || len(stored(t, store)) != 3*width {
			t.Errorf("mover %d says %+v", i, r)
		}
	}
}
