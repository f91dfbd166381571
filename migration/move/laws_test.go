package move

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/migration/drupal/drupaltest"
	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// outcome is what must be in the stores: the gifts by sid, and why the other rows are not there.
type outcome struct {
	Gifts, Declarations map[string]string
	Rejects             map[int64]string
}

// sequential is the outcome by the rules of legacy/README.md, one row after the other.
func sequential(t *testing.T, site drupal.Source) outcome {
	t.Helper()
	o, seen := outcome{map[string]string{}, map[string]string{}, map[int64]string{}}, map[string]bool{}
	_, err := site.Records(t.Context(), "donate", drupal.Span{After: -1}, func(r form.Record) error {
		writes, err := keeps(r)
		var wrong *fault.Error
		whole := fmt.Sprint(r.Values)
		switch {
		case r.Origin != "":
		case r.Draft:
			o.Rejects[r.SID] = "draft"
		case errors.As(err, &wrong):
			o.Rejects[r.SID] = wrong.Field
		case r.Value("transaction_id") != "" && seen[whole]:
			o.Rejects[r.SID] = "duplicate"
		default:
			seen[whole] = true
			o.Gifts[writes[0].Key.Sort] = string(writes[0].Data)
			if declared, _ := declares(r); declared != nil {
				o.Declarations[declared[0].Key.Sort] = string(declared[0].Data)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// declares is a second service: it takes a part of the rows that have a town.
func declares(r form.Record) ([]kv.Write, error) {
	if r.Value("town") == "" {
		return nil, nil
	}
	return []kv.Write{{Key: kv.Key{Part: "declaration", Sort: fmt.Sprintf("%019d", r.SID)}, Data: []byte(r.Value("town")), If: kv.Absent}}, nil
}

func found(t *testing.T, gifts, declarations kv.Store) outcome {
	t.Helper()
	o := outcome{items(t, gifts, "gift"), items(t, declarations, "declaration"), map[int64]string{}}
	for _, r := range rejectsOf(t, gifts) {
		o.Rejects[r.SID] = r.Reason
	}
	return o
}

func items(t *testing.T, store kv.Store, part string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for after := ""; ; {
		items, err := store.List(t.Context(), part, "", after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(items) == 0 {
			return all
		}
		for _, item := range items {
			all[item.Key.Sort], after = string(item.Data), item.Key.Sort
		}
	}
}

// weak is a store some of whose calls fail.
type weak struct {
	kv.Store
	most int // writes a commit takes
	mu   sync.Mutex
	left int  // calls that succeed; the next ones fail for ever
	late bool // the last commit happens all the same
}

var errFull = errors.New("no space left on device")

func (s *weak) MaxWrites() int { return s.most }

func (s *weak) Commit(ctx context.Context, writes ...kv.Write) error {
	s.mu.Lock()
	s.left--
	left := s.left
	s.mu.Unlock()
	if left < 0 && (left < -1 || !s.late) {
		return errFull
	}
	if len(writes) > s.most {
		return fmt.Errorf("%d writes", len(writes))
	}
	if err := s.Store.Commit(ctx, writes...); err != nil || left >= 0 {
		return err
	}
	return errFull
}

// lives is a site that people use: what they do is drawn at random.
type lives struct {
	*drupaltest.Site
	random *rand.Rand
}

const highest = 4 * fewest // so that there are several partitions

func (l *lives) draw() form.Record {
	sid := 1 + l.random.Int64N(highest)
	r := gift(sid, []string{"5.00", "£1,000", "ten", "7.50"}[l.random.IntN(4)], "town", []string{"", "Leeds", "York"}[l.random.IntN(3)],
		"transaction_id", []string{"", fmt.Sprintf("CR-%d", sid), "CR-1", "CR-2"}[l.random.IntN(4)])
	r.Draft = l.random.IntN(8) == 0
	if l.random.IntN(12) == 0 {
		r.Origin = fmt.Sprintf("gift-%d", sid)
	}
	return r
}

func (l *lives) pass() {
	all := l.All("donate", drupal.Span{After: -1})
	for range 1 + l.random.IntN(12) {
		r := l.draw()
		if len(all) > 0 && l.random.IntN(2) == 0 { // something happens to a row that is there
			old := all[l.random.IntN(len(all))]
			switch l.random.IntN(3) {
			case 0:
				if old.SID > highest {
					continue
				}
				l.Delete(old.SID)
				continue
			case 1:
				r.SID, r.Origin = old.SID, old.Origin
			case 2: // sent twice
				r.Values = maps.Clone(old.Values)
			}
		}
		l.Put(r)
	}
}

// still is a site as a dump: it is read in one stream.
type still struct{ *drupaltest.Site }

func (still) Live() bool { return false }

// Whatever happens to the site, in whatever order and however often movers die of it: what the next whole run leaves is
// what reading the rows one after the other would make of them.
func TestAnyLifeComesOutAsIfReadInOrder(t *testing.T) {
	t.Parallel()
	seeds := uint64(40)
	if os.Getenv("BANYAN_HEAVY") != "" {
		seeds = 1500
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { life(t, seed) })
		})
	}
}

func life(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 7))
	l := &lives{drupaltest.New(gift(highest+fewest, "5.00", "transaction_id", "")), random} // of what lies behind its last row a dump knows nothing
	for range 60 {
		l.Put(l.draw())
	}
	gifts, declarations := memory(), memory()
	var source drupal.Source = l
	if seed%4 == 3 {
		source = still{l.Site}
	}
	most := []int{20, 100, 1 << 20}[random.IntN(3)]
	make := func(fail int) Job {
		j := job(source, &weak{Store: gifts, most: most, left: fail, late: random.IntN(2) == 0})
		j.Parts = append(j.Parts, Part{Service: "giftaid", Store: &weak{Store: declarations, most: most, left: 1 << 30}, Import: declares})
		j.Workers, j.Deletes = 1+random.IntN(4), 1000
		return j
	}
	for round := range 6 {
		run := Job.Sync
		if round == 0 || random.IntN(4) == 0 {
			run = Job.Backfill
		}
		for range random.IntN(3) {
			_, _ = run(make(random.IntN(40)), t.Context()) // it dies, or not
		}
		if _, err := run(make(1<<30), t.Context()); err != nil {
			t.Fatal(err)
		}
		if round > 0 { // a backfill does not look for deletes
			if _, err := make(1 << 30).Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		got, want := found(t, gifts, declarations), sequential(t, l)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d, round %d: %s", seed, round, apart(got, want))
		}
		l.pass()
	}
}

func apart(got, want outcome) (text string) {
	for name, both := range map[string][2]map[string]string{"gift": {got.Gifts, want.Gifts}, "declaration": {got.Declarations, want.Declarations}} {
		for _, key := range slices.Sorted(maps.Keys(both[0])) {
			if both[1][key] != both[0][key] {
				text += fmt.Sprintf("\n%s %s: got %q, want %q", name, key, both[0][key], both[1][key])
			}
		}
		for _, key := range slices.Sorted(maps.Keys(both[1])) {
			if _, has := both[0][key]; !has {
				text += fmt.Sprintf("\n%s %s: missing", name, key)
			}
		}
	}
	for sid, reason := range got.Rejects {
		if want.Rejects[sid] != reason {
			text += fmt.Sprintf("\nsid %d: rejected for %q, want %q", sid, reason, want.Rejects[sid])
		}
	}
	for sid, reason := range want.Rejects {
		if got.Rejects[sid] == "" {
			text += fmt.Sprintf("\nsid %d: not rejected, want %q", sid, reason)
		}
	}
	return text
}
