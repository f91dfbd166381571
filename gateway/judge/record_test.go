package judge_test

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/gateway/judge"
)

// record is a verdict on cells that followed an hour of others.
func record(cells ...judge.Cell) judge.Record {
	r := rand.New(rand.NewPCG(6, 6))
	var s judge.State
	for range 360 {
		c := busy(r)
		c.At = noon
		s.Add(c, judge.Default)
	}
	stored := judge.Record{ID: "v-1", Before: s, Cells: cells, Situation: ready, Policy: judge.Default}
	for _, c := range cells {
		s.Add(c, judge.Default)
	}
	stored.Verdict = judge.Look(s, ready, judge.Default)
	return stored
}

// J-14: a record that was stored and read makes its verdict again, bit for bit.
func TestAVerdictCanBeMadeAgain(t *testing.T) {
	t.Parallel()
	before := record(equal(), worse())
	text, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	var after judge.Record
	if err := json.Unmarshal(text, &after); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(before, after) {
		t.Error("a record changed on its way through JSON")
	}
	if v, err := after.Again(); err != nil || !reflect.DeepEqual(v, before.Verdict) {
		t.Errorf("made again: %+v, %v", v, err)
	}
	t.Logf("a record is %d bytes", len(text))
}

// J-14: a changed result is an error, which names what changed.
func TestAChangedRecordIsNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(r *judge.Record)
		names  string
	}{
		"a count":       {func(r *judge.Record) { r.Cells[0].Side[judge.New].Failed++ }, "its Why was"},
		"the verdict":   {func(r *judge.Record) { r.Verdict.Kind = judge.PromoteOK }, "Kind was PROMOTE_OK and comes out as ROLLBACK"},
		"the situation": {func(r *judge.Record) { r.Situation.Held, r.Situation.Killed = "x", true }, "comes out as HOLD"},
		"the version":   {func(r *judge.Record) { r.Verdict.Version = 0 }, "stored by version 0 of the arithmetic"},
		"the state":     {func(r *judge.Record) { r.Before.Failures.Bet.Worth[3] *= 1.000001 }, "Evidence"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := record(equal(), worse())
			r.Cells = append([]judge.Cell{}, r.Cells...)
			c.change(&r)
			if _, err := r.Again(); err == nil || !strings.Contains(err.Error(), c.names) || !strings.Contains(err.Error(), "v-1") {
				t.Errorf("%v does not name %q", err, c.names)
			}
		})
	}
}

// The state stays as large as it is, however long the experiment lasts.
func TestAStateIsBounded(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(record().Before)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 8<<10 {
		t.Errorf("a state of %d bytes", len(text))
	}
}

// J-15: the replicas' halves of a cell come to the whole, in any order.
func TestReplicasCountsComeTogether(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(8, 8))
	var whole, merged judge.State
	for range 200 {
		a, b, c := busy(r), busy(r), busy(r)
		all := a.Plus(b).Plus(c)
		if all != c.Plus(a).Plus(b) || all != a.Plus(c.Plus(b)) || all != b.Plus(a).Plus(c) {
			t.Fatal("the order of replicas matters")
		}
		whole.Add(all, judge.Default)
		merged.Add(c.Plus(b.Plus(a)), judge.Default)
	}
	if whole != merged {
		t.Error("the same counts made two states")
	}
	a, b := busy(r), busy(r)
	if sum := a.Side[judge.New].Plus(b.Side[judge.New]); sum != a.Plus(b).Side[judge.New] || sum.Latency != a.Side[judge.New].Latency.Plus(b.Side[judge.New].Latency) {
		t.Error("Plus of a part is not the part of Plus")
	}
}

// Every field of the counts is added: a new one that Plus forgets would be lost at the second replica.
func TestPlusForgetsNoField(t *testing.T) {
	t.Parallel()
	var c judge.Cell
	fill(reflect.ValueOf(&c.Side).Elem())
	fill(reflect.ValueOf(&c.Pairs).Elem())
	twice := c.Plus(c)
	var check func(v reflect.Value)
	check = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Int64:
			if v.Int() != 2 {
				t.Errorf("1 and 1 are %d somewhere in %T", v.Int(), twice)
			}
		case reflect.Struct:
			for i := range v.NumField() {
				check(v.Field(i))
			}
		case reflect.Array:
			for i := range v.Len() {
				check(v.Index(i))
			}
		}
	}
	check(reflect.ValueOf(twice.Side))
	check(reflect.ValueOf(twice.Pairs))
}

// fill sets every count within to 1.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Int64:
		v.SetInt(1)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i))
		}
	}
}

// No stored bytes make the judge panic, or say what JSON cannot carry.
func FuzzRecord(f *testing.F) {
	whole, err := json.Marshal(record(equal()))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(`{"before":{"seen":1,"side":[{"visitors":-1},{}]},"cells":[{"weight":5000}]}`))
	f.Add([]byte(`{"before":{"failures":{"bet":{"begun":[1,1,1,1,1,1,1],"worth":[1e12,0,0,0,0,0,0]}}},"policy":{"alpha":1e-300}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var r judge.Record
		if json.Unmarshal(text, &r) != nil {
			return
		}
		v, _ := r.Again()
		if _, err := json.Marshal(v); err != nil {
			t.Errorf("a verdict that cannot be stored: %v: %+v", err, v)
		}
		switch v.Kind {
		case judge.PromoteOK, judge.Hold, judge.Rollback, judge.Freeze:
		default:
			t.Errorf("a verdict of no kind: %+v", v)
		}
		s := r.Before
		for _, c := range r.Cells {
			s.Add(c, r.Policy)
		}
		if _, err := json.Marshal(s); err != nil {
			t.Errorf("a state that cannot be stored: %v", err)
		}
	})
}
