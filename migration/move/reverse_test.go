package move

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/migration/drupal/drupaltest"
	"github.com/banyan-migration/banyan/services/all"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// shop is a service that takes donations itself beside those that are imported as donate imports them.
type shop struct {
	t     testing.TB
	store kv.Store
	site  *drupaltest.Site
}

var today = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func newShop(t testing.TB, old ...form.Record) *shop {
	return &shop{t: t, store: kv.NewMem(), site: drupaltest.New(old...)}
}

func ownOf(store kv.Store) kv.Table[form.Record] {
	return kv.Table[form.Record]{Store: store, Name: "own", Parts: 4}
}

func donation(amount string) map[string][]string {
	return map[string][]string{"amount": {amount}, "email": {"a@example.org"}, "first_name": {"Ann"}, "country": {"GB"}, "transaction_id": {""}}
}

// take is a gift to the services.
func (s *shop) take(id string, values map[string][]string, change ...func(*form.Record)) {
	s.t.Helper()
	r := form.Record{Form: "donate", NID: 2, At: today.Add(7 * time.Millisecond), Values: values}
	for _, c := range change {
		c(&r)
	}
	if err := s.store.Commit(s.t.Context(), ownOf(s.store).Put(id, r, kv.Always)); err != nil {
		s.t.Fatal(err)
	}
}

// visit is a gift to the old site.
func (s *shop) visit(amount string) (sid int64) {
	return s.site.Add(form.Record{Form: "donate", NID: 2, At: today.Add(-time.Hour), Values: donation(amount)})
}

func (s *shop) records(ctx context.Context, store kv.Store, after string, limit int) ([]form.Record, string, error) {
	e, _ := all.Named("donate")
	place, own := strings.CutPrefix(after, "shop ")
	if !own {
		records, next, err := e.Records(ctx, store, after, limit)
		if next == "" {
			next = "shop "
		}
		return records, next, err
	}
	rows, next, err := ownOf(store).List(ctx, place, limit)
	records := make([]form.Record, len(rows))
	for i, row := range rows {
		records[i] = row.Value
		records[i].Origin = row.ID
	}
	if next != "" {
		next = "shop " + next
	}
	return records, next, err
}

func (s *shop) job() Job {
	f, _ := form.ByAlias("donate")
	e, _ := all.Named("donate")
	return Job{Source: s.site, Form: f, Parts: []Part{{Service: "donate", Store: s.store, Import: e.Import, Records: s.records}}, Authority: Target, Now: func() time.Time { return today }}
}

func (s *shop) reverse() Result {
	s.t.Helper()
	r, err := s.job().Reverse(s.t.Context(), s.site)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// counts are what a result says of rows, in a line.
func counts(r Result) string {
	return fmt.Sprintf("%d rows, %d moved, %d unchanged, %d conflicts, %d pence, homeless %v, rejected %v", r.Rows, r.Moved, r.Unchanged, r.Conflicts, r.SumPence, r.Homeless, r.Rejected)
}

func expect(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got  %s\n want %s", what, got, want)
	}
}

// amounts are those of the old site's rows with an origin, by it.
func (s *shop) amounts() string {
	of := map[string]string{}
	for _, r := range s.site.All("donate", drupal.Span{}) {
		if r.Origin != "" {
			of[r.Origin] += r.Value("amount") + " "
		}
	}
	return fmt.Sprint(of)
}

func TestReverse(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.site.Lack("message")
	s.take("a", donation("5.00"))
	s.take("b", map[string][]string{"amount": {"1,000"}, "message": {"hello"}}, func(r *form.Record) { r.Homeless = []string{"state"} })
	s.take("t", donation("7.00"), func(r *form.Record) { r.Mark = "test" })
	s.take("e", donation("9.00"), func(r *form.Record) { r.Homeless = []string{"currency"} })
	j := s.job()
	j.DryRun = true
	dry, err := j.Reverse(t.Context(), s.site)
	if err != nil {
		t.Fatal(err)
	}
	const first = "3 rows, 2 moved, 0 unchanged, 0 conflicts, 100500 pence, homeless map[currency:1 message:1 state:1], rejected map[currency:1]"
	expect(t, "a dry run", counts(dry)+" "+s.amounts(), first+" map[]")
	expect(t, "the first run", counts(s.reverse()), first)
	expect(t, "the old site", s.amounts(), "map[a:5.00  b:1,000 ]")
	expect(t, "the second run", counts(s.reverse()), "3 rows, 0 moved, 2 unchanged, 0 conflicts, 100500 pence, homeless map[currency:1 message:1 state:1], rejected map[currency:1]")
	s.take("a", donation("6.00"))
	expect(t, "an edit here", counts(s.reverse())+" "+s.amounts(),
		"3 rows, 1 moved, 1 unchanged, 0 conflicts, 100600 pence, homeless map[currency:1 message:1 state:1], rejected map[currency:1] map[a:6.00  b:1,000 ]")
	last, err := ReversalOf(t.Context(), s.store, j.Form)
	if want := (Reversal{At: today, Rows: 3, Homeless: map[string]int64{"currency": 1, "message": 1, "state": 1}, From: "shop "}); err != nil || !reflect.DeepEqual(last, want) {
		t.Errorf("%+v, %v", last, err)
	}
}

func conflicts(t *testing.T, s *shop) (lines string) {
	t.Helper()
	err := Conflicts(t.Context(), s.store, s.job().Form, func(c Conflict) error {
		lost := "deleted"
		if len(c.Source) > 0 {
			lost = "old " + c.Source["amount"][0]
		}
		if len(c.Target) > 0 {
			lost = "new " + string(c.Target[0])
		}
		lines += fmt.Sprintf("%d: %s stands, lost %s; ", c.SID, c.Stands, lost)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// Somebody changes one row in the old site and deletes another.
func disputed(t *testing.T) *shop {
	s := newShop(t)
	s.take("a", map[string][]string{"amount": {"5.00"}})
	s.take("b", map[string][]string{"amount": {"7.00"}})
	s.reverse()
	for _, r := range s.site.All("donate", drupal.Span{}) {
		if r.Origin == "b" {
			s.site.Delete(r.SID)
			continue
		}
		r.Values = map[string][]string{"amount": {"50.00"}}
		s.site.Put(r)
	}
	return s
}

func TestReverseDisputed(t *testing.T) {
	t.Parallel()
	t.Run("the services have the authority", func(t *testing.T) {
		t.Parallel()
		s := disputed(t)
		expect(t, "result", counts(s.reverse()), "2 rows, 2 moved, 0 unchanged, 2 conflicts, 1200 pence, homeless map[], rejected map[]")
		expect(t, "the old site", s.amounts(), "map[a:5.00  b:7.00 ]")
		want := "1: target stands, lost old 50.00; 2: target stands, lost deleted; "
		if conflicts(t, s) != want && conflicts(t, s) != "1: target stands, lost deleted; 2: target stands, lost old 50.00; " {
			t.Errorf("listed: %s", conflicts(t, s))
		}
		expect(t, "after", counts(s.reverse()), "2 rows, 0 moved, 2 unchanged, 0 conflicts, 1200 pence, homeless map[], rejected map[]")
	})
	t.Run("the old site has it", func(t *testing.T) {
		t.Parallel()
		s := disputed(t)
		j := s.job()
		j.Authority = Source
		for range 2 {
			r, err := j.Reverse(t.Context(), s.site)
			if err != nil {
				t.Fatal(err)
			}
			expect(t, "result", counts(r), "2 rows, 0 moved, 2 unchanged, 2 conflicts, 1200 pence, homeless map[], rejected map[]")
			expect(t, "the old site", s.amounts(), "map[a:50.00 ]")
			if got := conflicts(t, s); strings.Count(got, "source stands, lost new") != 2 || strings.Count(got, ";") != 2 {
				t.Errorf("listed: %s", got)
			}
		}
	})
}

var errKilled = errors.New("killed")

// frail dies at a call, before or after it does what it should, and is dead from then on.
type frail struct {
	drupal.Writer
	kv.Store
	left *int
}

func (f frail) dies(act func() error) error {
	if *f.left <= 0 {
		return errKilled
	}
	if *f.left--; *f.left == 0 {
		return errKilled
	}
	err := act()
	if *f.left--; *f.left <= 0 {
		return errKilled
	}
	return err
}

func (f frail) Commit(ctx context.Context, writes ...kv.Write) error {
	return f.dies(func() error { return f.Store.Commit(ctx, writes...) })
}

func (f frail) Write(ctx context.Context, name string, records []form.Record, seen []drupal.Row) (rows []drupal.Row, err error) {
	err = f.dies(func() error { rows, err = f.Writer.Write(ctx, name, records, seen); return err })
	return rows, err
}

// Killed before and after each thing that it stores, on either side, and run again: each record is there once, and both ids
// are known.
func TestReverseKilledAnywhere(t *testing.T) {
	t.Parallel()
	for at := 1; ; at++ {
		s := newShop(t)
		const gifts = slip + 20
		for i := range gifts {
			s.take(fmt.Sprintf("g%03d", i), donation("1.00"))
		}
		left, j := at, s.job()
		f := frail{s.site, s.store, &left}
		j.Parts[0].Store = f
		_, err := j.Reverse(t.Context(), f)
		if err == nil {
			if at < 10 {
				t.Errorf("it was killed at %d points only", at)
			}
			return
		}
		if !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		r := s.reverse()
		if n := len(s.site.All("donate", drupal.Span{})); n != gifts || r.Moved+r.Unchanged != gifts {
			t.Fatalf("killed at %d: %d rows of %d gifts, %s", at, n, gifts, counts(r))
		}
		s.known(t)
	}
}

// known holds the ids of all own rows against each other.
func (s *shop) known(t testing.TB) {
	t.Helper()
	f := s.job().Form
	for _, r := range s.site.All("donate", drupal.Span{}) {
		if r.Origin == "" {
			continue
		}
		id, err := Find(t.Context(), s.store, f, r.SID)
		if err != nil || id != r.Origin {
			t.Fatalf("%d is %q, want %q (%v)", r.SID, id, r.Origin, err)
		}
		if sid, err := FindOld(t.Context(), s.store, f, id); err != nil || sid != r.SID {
			t.Fatalf("%s is %d, want %d (%v)", id, sid, r.SID, err)
		}
	}
}

func TestReverseAtOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for i := range 3 * slip {
		s.take(fmt.Sprint("g", i), donation("1.00"))
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() { s.reverse() })
	}
	wait.Wait()
	if n := len(s.site.All("donate", drupal.Span{})); n != 3*slip {
		t.Errorf("%d rows of %d gifts", n, 3*slip)
	}
	s.known(t)
}

// There and back again, ten times, with gifts on both sides in between: nothing comes back to where it came from.
func TestTheRound(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	j := s.job()
	for round := range 10 {
		s.visit("3.00")
		s.take(fmt.Sprint("g", round), donation("5.00"))
		if r := s.reverse(); r.Moved != 1 || r.Unchanged != int64(round) || r.Conflicts != 0 {
			t.Fatalf("round %d: reverse says %s", round, counts(r))
		}
		if _, err := j.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := j.Backfill(t.Context()); err != nil {
			t.Fatal(err)
		}
		var imported, own int
		for after := ""; ; {
			records, next, err := s.records(t.Context(), s.store, after, 100)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range records {
				if r.SID != 0 {
					imported++
					back, err := s.site.Record(t.Context(), 2, r.SID)
					if err != nil || back.Origin != "" || !reflect.DeepEqual(back.Values, r.Values) {
						t.Fatalf("round %d: %+v was imported, and the old site has %+v, %v", round, r, back, err)
					}
					continue
				}
				own++
			}
			if after = next; next == "" {
				break
			}
		}
		if n := len(s.site.All("donate", drupal.Span{})); imported != round+1 || own != round+1 || n != 2*(round+1) {
			t.Fatalf("round %d: %d imported, %d of its own, %d in the old site", round, imported, own, n)
		}
	}
	s.known(t)
	for _, r := range s.site.All("donate", drupal.Span{}) {
		if r.Origin == "" {
			id := fmt.Sprintf("d7-2-%012d", r.SID)
			if got, err := Find(t.Context(), s.store, j.Form, r.SID); err != nil || got != id {
				t.Errorf("%d is %q, %v", r.SID, got, err)
			}
			if sid, err := FindOld(t.Context(), s.store, j.Form, id); err != nil || sid != r.SID {
				t.Errorf("%s is %d, %v", id, sid, err)
			}
		}
	}
	if _, err := Find(t.Context(), s.store, j.Form, 999); !errors.Is(err, kv.ErrNotFound) {
		t.Error(err)
	}
	for _, none := range []string{"g99", "d7-2-000000000999", "d7-3-000000000001", "d7-2-1"} {
		if _, err := FindOld(t.Context(), s.store, j.Form, none); !errors.Is(err, kv.ErrNotFound) {
			t.Errorf("%s: %v", none, err)
		}
	}
}

// A number that the old site gave to another, after it was deleted, is no longer ours.
func TestReverseAfterANumberWasGivenAgain(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.take("a", donation("5.00"))
	s.reverse()
	s.site.Put(form.Record{Form: "donate", NID: 2, SID: 1, At: today, Values: donation("3.00")})
	if r := s.reverse(); r.Conflicts != 1 || r.Moved != 1 {
		t.Fatal(counts(r))
	}
	if id, err := Find(t.Context(), s.store, s.job().Form, 1); !errors.Is(err, kv.ErrNotFound) {
		t.Errorf("the visitor's row is %q, %v", id, err)
	}
	s.known(t)
	if got := s.site.All("donate", drupal.Span{}); len(got) != 2 || got[0].Origin != "" || got[1].Origin != "a" {
		t.Errorf("%+v", got)
	}
}

// Our table over there has lost a line, whose row still stands: it is not written a second time. Once the row is gone, it is.
func TestReverseWhereOurTableLostALine(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.take("a", donation("5.00"))
	s.take("b", donation("7.00"))
	s.reverse()
	s.site.Forget("a")
	_, err := s.job().Reverse(t.Context(), s.site)
	rows := s.site.All("donate", drupal.Span{})
	if err == nil || !strings.Contains(err.Error(), "banyan_origin no longer says so") || len(rows) != 2 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	for _, r := range rows {
		if r.Origin == "" {
			s.site.Delete(r.SID)
		}
	}
	expect(t, "deleted over there", counts(s.reverse()), "2 rows, 1 moved, 1 unchanged, 0 conflicts, 1200 pence, homeless map[], rejected map[]")
	expect(t, "the old site", s.amounts(), "map[a:5.00  b:7.00 ]")
	s.known(t)
}
