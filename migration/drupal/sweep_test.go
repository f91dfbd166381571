package drupal

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/shared/form"
)

// What differs in one thing alone has another sum; order of keys is nothing.
func TestSumSeesEverything(t *testing.T) {
	t.Parallel()
	base := func() form.Record {
		return form.Record{NID: 2, SID: 7, At: time.Unix(1552696933, 0), Values: map[string][]string{"a": {"x", "y"}, "b": {"1"}}}
	}
	seen := map[uint64]string{Sum(base()): "the row"}
	for name, change := range map[string]func(*form.Record){
		"node": func(r *form.Record) { r.NID = 3 }, "sid": func(r *form.Record) { r.SID = 8 },
		"time": func(r *form.Record) { r.At = r.At.Add(time.Second) }, "draft": func(r *form.Record) { r.Draft = true },
		"origin": func(r *form.Record) { r.Origin = "id" }, "a value": func(r *form.Record) { r.Values["b"] = []string{"2"} },
		"values joined":  func(r *form.Record) { r.Values["a"] = []string{"xy"} },
		"values swapped": func(r *form.Record) { r.Values["a"] = []string{"y", "x"} },
		"an empty value": func(r *form.Record) { r.Values["c"] = []string{""} },
		"no value":       func(r *form.Record) { r.Values["c"] = nil },
		"keys swapped":   func(r *form.Record) { r.Values = map[string][]string{"b": {"x", "y"}, "a": {"1"}} },
		"a value over":   func(r *form.Record) { r.Values["a"] = []string{"x"}; r.Values["b"] = []string{"y", "1"} },
		"a component":    func(r *form.Record) { delete(r.Values, "b") },
		"a space":        func(r *form.Record) { r.Values["b"] = []string{"1 "} },
		"more than fits": func(r *form.Record) { r.Values["b"] = []string{string(make([]byte, 5000))} },
		"more components": func(r *form.Record) {
			for i := range 50 {
				r.Values[fmt.Sprint(i)] = []string{""}
			}
		},
	} {
		r := base()
		change(&r)
		if other, is := seen[Sum(r)]; is {
			t.Errorf("%s has the sum of %s", name, other)
		}
		seen[Sum(r)] = name
	}
	if seen[Sum(base())] != "the row" {
		t.Error("one row has two sums")
	}
}

// Ranges are aligned to their width, those without rows left out, and the sum of one is that of its rows in any order.
func TestSweep(t *testing.T) {
	t.Parallel()
	s := open(t, write(t, "dump.sql", []byte(small))) // sids 10, 11, 12
	var got []Chunk
	take := func(c Chunk) error { got = append(got, c); return nil }
	if err := s.Sweep(t.Context(), "give", Span{}, 6, take); err != nil {
		t.Fatal(err)
	}
	sums := map[int64]uint64{}
	for _, r := range rows(t, s, "give") {
		sums[r.SID] = Sum(r)
	}
	want := []Chunk{{Span{5, 11}, 2, sums[10] + sums[11]}, {Span{11, 17}, 1, sums[12]}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	enough := context.DeadlineExceeded
	if err := s.Sweep(t.Context(), "give", Span{}, 6, func(Chunk) error { return enough }); err != enough {
		t.Errorf("what yield returned came back as %v", err)
	}
}

// rows are a form's records, orphans or not.
func rows(t *testing.T, s Source, name string) (all []form.Record) {
	t.Helper()
	if _, err := s.Records(t.Context(), name, Span{}, func(r form.Record) error { all = append(all, r); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}
