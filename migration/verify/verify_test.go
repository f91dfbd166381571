package verify

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

// service is a target that a test can damage: the records that it holds.
type service map[string]form.Record

func (s service) records(_ context.Context, _ kv.Store, after string, _ int) (page []form.Record, next string, err error) {
	for id, r := range s { // two pages, in no order
		if (id > "5") == (after == "") {
			page = append(page, r)
		}
	}
	if after == "" {
		next = "the rest"
	}
	return page, next, nil
}

func decides(r form.Record) ([]kv.Write, error) {
	if _, no := form.ReadDonation(r); len(no) > 0 {
		return nil, fault.List{fault.Wrong(no[0].Field, no[0].Text)}
	}
	return nil, nil
}

// everything holds the sample's submissions: read once, for unpacking them takes longer than comparing them.
var everything = sync.OnceValues(func() (*drupaltest.Site, error) {
	dir, err := os.MkdirTemp("", "verify")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "dump.sql.gz")
	if err := os.WriteFile(file, site.Dump, 0o600); err != nil {
		return nil, err
	}
	source, err := drupal.Open(context.Background(), file)
	if err != nil {
		return nil, err
	}
	all := drupaltest.New()
	for _, f := range form.Forms {
		if _, err := source.Records(context.Background(), f.Alias, drupal.Span{}, func(r form.Record) error { all.Put(r); return nil }); err != nil {
			return nil, err
		}
	}
	return all, source.Close()
})

// sample holds its donations.
var sample = sync.OnceValues(func() (*drupaltest.Site, error) {
	whole, err := everything()
	if err != nil {
		return nil, err
	}
	return drupaltest.New(whole.All("donate", drupal.Span{})...), nil
})

// faultless holds what a faultless move would have made of the source.
func faultless(t *testing.T, source drupal.Source) service {
	s := service{}
	_, err := source.Records(t.Context(), "donate", drupal.Span{}, func(r form.Record) error {
		if _, err := decides(r); err == nil && !r.Draft {
			d := form.DonationOf(r.Values)
			r.Values = d.Values()
			s[id(r.SID)] = r
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func run(t *testing.T, source drupal.Source, s service) Result {
	t.Helper()
	f, _ := form.ByAlias("donate")
	r, err := Job{Source: source, Form: f, Import: decides, Records: s.records}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSampleIsClean(t *testing.T) {
	t.Parallel()
	var truth map[string]json.RawMessage
	var want struct {
		Rows, Migratable int64
		Rejected         map[string]int64
		Sum              int64 `json:"sum_pence"`
	}
	if err := errors.Join(json.Unmarshal(site.Truth, &truth), json.Unmarshal(truth["donate"], &want)); err != nil {
		t.Fatal(err)
	}
	source, err := sample()
	if err != nil {
		t.Fatal(err)
	}
	target := faultless(t, source)
	target["own"] = form.Record{Values: map[string][]string{"amount": {"25.00"}}} // a gift that the service took itself
	got := run(t, source, target)
	if !got.Clean() || got.RowsSource != want.Rows || got.RowsTarget != want.Migratable || got.SumPenceSource != want.Sum ||
		got.SumPenceTarget != want.Sum || !reflect.DeepEqual(got.Rejected, want.Rejected) || got.Own != 1 {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Each damage is found and named, and nothing else is.
func TestDamages(t *testing.T) {
	t.Parallel()
	whole, err := sample()
	if err != nil {
		t.Fatal(err)
	}
	source := drupaltest.New(whole.All("donate", drupal.Span{})[:300]...) // enough for one damage at a time
	set := func(s service, id, key, value string) (before string) {
		before = s[id].Value(key)
		s[id].Values[key] = []string{value}
		return before
	}
	for name, c := range map[string]struct {
		damage func(service)
		want   Difference
	}{
		"a penny":            {func(s service) { set(s, "1", "amount", "5.01") }, Difference{"1", "amount", "5.00", "5.01", Value}},
		"a lost consent":     {func(s service) { set(s, "1", "email_consent", "0") }, Difference{"1", "email_consent", "1", "0", Value}},
		"a message's markup": {func(s service) { set(s, "1", "message", "bold & co") }, Difference{"1", "message", "<b>bold</b> & co", "bold & co", Value}},
		"a time": {func(s service) { r := s["1"]; r.At = r.At.Add(time.Second); s["1"] = r },
			Difference{"1", "at", "2019-03-16T00:42:13Z", "2019-03-16T00:42:14Z", Value}},
		"a lost row":     {func(s service) { delete(s, "1") }, Difference{"1", "row", "there", "missing", Missing}},
		"a row too many": {func(s service) { r := s["1"]; r.SID = 99_999; s["99999"] = r }, Difference{"99999", "row", "missing", "there", Extra}},
		"a doubled row":  {func(s service) { s["again"] = s["1"] }, Difference{"1", "row", "once", "twice", Twice}},
	} {
		target := faultless(t, source)
		c.damage(target)
		if got := run(t, source, target); got.Clean() || len(got.Differences) != 1 || got.Differences[0] != c.want {
			t.Errorf("%s: %+v, want %+v", name, got.Differences, c.want)
		}
	}
}

// A rejected row that the service has all the same is a difference, and so is a field that nobody took over.
func TestRejectedRowsAndUnknownFields(t *testing.T) {
	t.Parallel()
	red := gift(2, "£5")
	red.Values["colour"] = []string{"red"}
	source := drupaltest.New(gift(1, "£1O"), red)
	got := run(t, source, service{"1": gift(1, "1"), "2": gift(2, "5.00")})
	want := []Difference{{"1", "row", "rejected: amount", "there", Refused}, {"2", "colour", "red", "", Value}}
	if fmt.Sprint(got.Differences) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got.Differences, want)
	}
}

// A row that is missing because it is an earlier one over again is a reject, not a loss; but only the whole
// submission makes it so.
func TestDuplicatesAreNotLost(t *testing.T) {
	t.Parallel()
	twin, near := gift(1, "5"), gift(1, "5")
	twin.SID, near.SID, near.Values["town"] = 2, 3, []string{"Leeds"}
	got := run(t, drupaltest.New(gift(1, "5"), twin, near), service{"1": gift(1, "5")})
	if got.Rejected["duplicate"] != 1 || len(got.Differences) != 1 || got.Differences[0] != (Difference{"3", "row", "there", "missing", Missing}) || got.SumPenceSource != 1000 {
		t.Errorf("%+v", got)
	}
}

func gift(sid int64, amount string) form.Record {
	return form.Record{Form: "donate", NID: 2, SID: sid, At: time.Unix(1552696933, 0).UTC(), Values: map[string][]string{
		"amount": {amount}, "first_name": {"Zoë"}, "email": {"zoe@example.org"}, "transaction_id": {fmt.Sprintf("CR-%08d", sid)},
	}}
}

// What a service keeps beside the donor's text is compared too: here the pence that it counts with.
func TestStoredPenny(t *testing.T) {
	t.Parallel()
	store := kv.NewMem()
	key := kv.Key{Part: "imported", Sort: "1"}
	job := Job{Source: drupaltest.New(gift(1, "5.00")), Store: store, Records: service{"1": gift(1, "5.00")}.records,
		Import: func(form.Record) ([]kv.Write, error) {
			return []kv.Write{{Key: key, Data: []byte(`{"amount":{"minor":500},"new":1}`)}}, nil
		}}
	job.Form, _ = form.ByAlias("donate")
	for data, want := range map[string][]Difference{
		`{"amount":{"minor":500},"old":2}`: {},
		`{"amount":{"minor":501}}`:         {{"1", "stored amount", `{"minor":500}`, `{"minor":501}`, Stored}},
	} {
		if err := store.Commit(t.Context(), kv.Write{Key: key, Data: []byte(data)}); err != nil {
			t.Fatal(err)
		}
		got, err := job.Run(t.Context())
		if err != nil || fmt.Sprint(got.Differences) != fmt.Sprint(want) {
			t.Errorf("%s: %v (%v), want %v", data, got.Differences, err, want)
		}
	}
}
