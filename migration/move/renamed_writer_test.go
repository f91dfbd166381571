package move

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/migration/drupal/drupaltest"
	"github.com/banyan-migration/banyan/shared/form"
)

// keysWithout are donate's components but for some, and others.
func keysWithout(gone string, more ...string) (keys []string) {
	for _, c := range donate().Components {
		if c.Key != gone {
			keys = append(keys, c.Key)
		}
	}
	return append(keys, more...)
}

// A site that calls the amount otherwise is given no gift without one: it is refused before anything is written, and with
// the renaming the amount is written under the site's name, and found the same again.
func TestReverseToARenamedComponent(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.site.Lack("amount")
	s.take("a", donation("10.25"))
	j := s.job()
	j.Source = built{s.site, keysWithout("amount", "sum")}
	_, err := j.Reverse(t.Context(), s.site)
	if err == nil || !strings.Contains(err.Error(), "no component amount; it has ") || !strings.Contains(err.Error(), "--rename donate:NEW=amount") {
		t.Errorf("%v", err)
	}
	if n := len(s.site.All("donate", drupal.Span{})); n != 0 {
		t.Errorf("%d rows were written", n)
	}
	if j.Source, err = Renamed(j.Source, "donate:sum=amount"); err != nil {
		t.Fatal(err)
	}
	w, err := RenamedWriter(s.site, "donate:sum=amount")
	if err != nil {
		t.Fatal(err)
	}
	for _, moved := range []int64{1, 0} {
		r, err := j.Reverse(t.Context(), w)
		if err != nil || r.Moved != moved || r.SumPence != 1025 || len(r.Homeless) != 0 {
			t.Errorf("%s, %v", counts(r), err)
		}
	}
	rows := s.site.All("donate", drupal.Span{})
	if len(rows) != 1 || rows[0].Value("sum") != "10.25" || rows[0].Value("amount") != "" {
		t.Fatalf("%+v", rows)
	}
	if back, err := j.Source.Record(t.Context(), 2, rows[0].SID); err != nil || !reflect.DeepEqual(back.Values, donation("10.25")) {
		t.Errorf("%+v, %v", back, err)
	}
}

// The component is there and holds no text, or was said to be none: a gift of nothing is not written either.
func TestReverseWithoutAnAmount(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.site.Lack("amount")
	s.take("a", donation("10.25"))
	_, err := s.job().Reverse(t.Context(), s.site)
	if err == nil || !strings.Contains(err.Error(), "no component that holds the amount") {
		t.Errorf("%v", err)
	}
	if n := len(s.site.All("donate", drupal.Span{})); n != 0 {
		t.Errorf("%d rows were written", n)
	}
}

// What the site calls by one of our names and means otherwise is not written over, and what is homeless has our name.
func TestRenamedWriterKeepsNamesApart(t *testing.T) {
	t.Parallel()
	site := drupaltest.New()
	site.Lack("state")
	w, err := RenamedWriter(site, "donate:message=town", "donate:state=last_name", "donate:-=postcode")
	if err != nil {
		t.Fatal(err)
	}
	r := gift(0, "5.00", "town", "Cardiff", "message", "hello", "last_name", "Li")
	r.Origin, r.SID, r.Homeless = "a", 0, []string{"state"}
	looked, err := w.Look(t.Context(), "donate", []form.Record{r})
	if err != nil {
		t.Fatal(err)
	}
	wrote, err := w.Write(t.Context(), "donate", []form.Record{r}, looked)
	if want := []string{"last_name", "message", "state"}; err != nil || !slices.Equal(looked[0].Homeless, want) || !slices.Equal(wrote[0].Homeless, want) {
		t.Errorf("%+v, %+v, %v", looked, wrote, err)
	}
	rows := site.All("donate", drupal.Span{})
	if len(rows) != 1 || rows[0].Value("message") != "Cardiff" || rows[0].Value("amount") != "5.00" || rows[0].Value("town") != "" {
		t.Errorf("%+v", rows)
	}
	if !slices.Equal(r.Homeless, []string{"state"}) || r.Value("message") != "hello" {
		t.Errorf("the caller's record has changed: %+v", r)
	}
	for _, bad := range [][]string{{"sum=amount"}, {"donate:sum=amount", "donate:total=amount"}} {
		if _, err := RenamedWriter(site, bad...); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
