package move

import (
	"testing"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// Who comes while another writes makes good what that one may leave, but does not take the note of what it writes later.
func TestANoteOutlivesWhoCameBeforeIt(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	first, err := openIDs(t.Context(), s.store, s.job())
	if err == nil {
		err = first.begin(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	second, err := openIDs(t.Context(), s.store, s.job())
	if err != nil || !second.all {
		t.Fatal("the second does not know of the first", err)
	}
	if err := first.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := second.end(t.Context()); err != nil {
		t.Fatal(err)
	}
	notes := func() int {
		items, err := s.store.List(t.Context(), first.note.Part, "", "", 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(items)
	}
	if n := notes(); n != 1 {
		t.Errorf("%d notes while the first still writes", n)
	}
	if err := first.end(t.Context()); err != nil || notes() != 0 {
		t.Errorf("%d notes at the end, %v", notes(), err)
	}
}

// Every imported row of the old site is found under the id that Import gave it, by reading one page; rejected ones are not.
func TestFindImported(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for range 3 {
		s.visit("3.00")
	}
	s.site.Add(form.Record{Form: "donate", NID: 2, At: today, Values: donation("nothing")})
	j := s.job()
	if _, err := j.Backfill(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, r := range s.site.All("donate", drupal.Span{}) {
		writes, refused := j.Parts[0].Import(r)
		id, err := Find(t.Context(), s.store, j.Form, r.SID)
		if refused != nil {
			if err == nil {
				t.Errorf("%d was refused, and is %s", r.SID, id)
			}
			continue
		}
		if item, none := s.store.Get(t.Context(), kv.Key{Part: writes[0].Key.Part, Sort: id}); err != nil || none != nil || item.Rev == 0 {
			t.Errorf("%d is %q (%v), which is not in the store: %v", r.SID, id, err, none)
		}
	}
}
