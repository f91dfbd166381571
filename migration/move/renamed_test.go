package move

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/migration/drupal/drupaltest"
	"github.com/banyan-migration/banyan/shared/form"
)

// built is a site that says how its donate form is built.
type built struct {
	*drupaltest.Site
	keys []string
}

func (b built) Forms(context.Context) ([]drupal.Form, error) {
	return []drupal.Form{{NID: 2, Name: "donate"}}, nil
}

func (b built) Components(context.Context, int64) (all []drupal.Component, err error) {
	for _, key := range b.keys {
		all = append(all, drupal.Component{Key: key})
	}
	return all, nil
}

// A component under another name stops the move before anything is moved; the message says which there are, and with the
// renaming the rows move as they should.
func TestRenamedComponent(t *testing.T) {
	t.Parallel()
	r := gift(1, "5.00", "gift_aid", "1", "shoe_size", "44")
	r.Values["sum"], r.Values["amount"] = r.Values["amount"], nil
	delete(r.Values, "amount")
	keys := slices.DeleteFunc(keysWithout("amount", "sum", "shoe_size"), func(key string) bool { return key == "email_consent" || key == "town" })
	site, store := built{drupaltest.New(r), keys}, memory()
	for _, run := range []func(context.Context) (Result, error){job(site, store).Backfill, job(site, store).Sync} {
		_, err := run(t.Context())
		if err == nil || !strings.Contains(err.Error(), "no component amount, email_consent; it has ") || !strings.Contains(err.Error(), "shoe_size") ||
			!strings.Contains(err.Error(), "--rename donate:NEW=amount") {
			t.Errorf("%v", err)
		}
	}
	source, err := Renamed(site, "donate:sum=amount", "donate:-=email_consent")
	if err != nil {
		t.Fatal(err)
	}
	if got := must(t, job(source, store).Backfill); got.Moved != 1 || got.SumPence != 500 || got.Unknown["shoe_size"] != 1 {
		t.Errorf("%+v", got)
	}
	if got := must(t, job(source, store).Sync); got.Rows != 0 {
		t.Errorf("%+v", got)
	}
	one, err := source.Record(t.Context(), 2, 1)
	if err != nil || one.Value("amount") != "5.00" || one.Value("sum") != "" {
		t.Errorf("%+v, %v", one, err)
	}
}

func TestRenamingsAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"sum=amount": "FORM:NEW=OLD", "donate:sum": "FORM:NEW=OLD", "donate:=amount": "FORM:NEW=OLD", "raffle:sum=amount": `no form "raffle"`, "donate:sum=price": `no component "price"`,
	} {
		if _, err := Renamed(drupaltest.New(), text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if s, err := Renamed(drupaltest.New(form.Record{})); err != nil || !s.Live() {
		t.Error(err)
	}
}
