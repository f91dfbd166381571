package kv_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/kv/kvtest"
)

func TestMem(t *testing.T) {
	t.Parallel()
	kvtest.Run(t, func(t *testing.T) kv.Store {
		m := kv.NewMem()
		m.Now = func() time.Time { return kvtest.Noon }
		return m
	})
}

func TestMemKeepsItsOwnCopy(t *testing.T) {
	t.Parallel()
	m, data := kv.NewMem(), []byte("given")
	key := kv.Key{Part: "p", Sort: "a"}
	if err := m.Commit(t.Context(), kv.Write{Key: key, Data: data}); err != nil {
		t.Fatal(err)
	}
	copy(data, "spoil")
	item, _ := m.Get(t.Context(), key)
	copy(item.Data, "SPOIL")
	if again, _ := m.Get(t.Context(), key); string(again.Data) != "given" {
		t.Errorf("stored data changed to %q", again.Data)
	}
}

type gift struct{ Pence int }

func TestTableListsEveryRecordOnceWhateverThePage(t *testing.T) {
	t.Parallel()
	for _, parts := range []int{0, 1, 7} {
		table := kv.Table[gift]{Store: kv.NewMem(), Name: "gift", Parts: parts}
		for n := range 50 {
			if err := table.Store.Commit(t.Context(), table.Put(fmt.Sprintf("id/%02d", n), gift{n}, kv.Absent)); err != nil {
				t.Fatal(err)
			}
		}
		for _, page := range []int{1, 3, 50, 99} {
			var seen []int
			for after := ""; ; {
				rows, next, err := table.List(t.Context(), after, page)
				if err != nil || len(rows) > page {
					t.Fatalf("%d rows for a page of %d, %v", len(rows), page, err)
				}
				for _, r := range rows {
					if r.ID != fmt.Sprintf("id/%02d", r.Value.Pence) || r.Rev != 1 {
						t.Errorf("%+v", r)
					}
					seen = append(seen, r.Value.Pence)
				}
				if after = next; after == "" {
					break
				}
			}
			slices.Sort(seen)
			if len(seen) != 50 || len(slices.Compact(seen)) != 50 {
				t.Errorf("%d parts, pages of %d: %v", parts, page, seen)
			}
		}
		if _, _, err := table.List(t.Context(), "elsewhere", 1); err == nil {
			t.Error("a wrong cursor was taken")
		}
	}
}

func TestTableSaysWhatIsNotThereOrNotReadable(t *testing.T) {
	t.Parallel()
	table := kv.Table[gift]{Store: kv.NewMem(), Name: "gift", Parts: 4}
	if _, _, err := table.Get(t.Context(), "x"); !errors.Is(err, kv.ErrNotFound) {
		t.Error(err)
	}
	if err := table.Store.Commit(t.Context(), kv.Write{Key: table.Key("x"), Data: []byte("{")}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := table.Get(t.Context(), "x"); err == nil || errors.Is(err, kv.ErrNotFound) {
		t.Error("torn data was read", err)
	}
	if _, _, err := table.List(t.Context(), "", 9); err == nil {
		t.Error("torn data was listed")
	}
}
