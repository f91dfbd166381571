package donate

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/shared/money"
)

// asEncodingJSON holds an imported gift's own JSON against encoding/json's.
func asEncodingJSON(t *testing.T, g Imported) {
	t.Helper()
	want, wrong := json.Marshal(plain(g))
	got, err := g.MarshalJSON()
	if string(got) != string(want) || (err == nil) != (wrong == nil) {
		t.Fatalf("written %s (%v)\nwant    %s (%v)", got, err, want, wrong)
	}
	if err == nil {
		readsAsEncodingJSON(t, got)
	}
}

func readsAsEncodingJSON(t *testing.T, raw []byte) {
	t.Helper()
	var got Imported
	var want plain
	wrong := json.Unmarshal(raw, &want)
	if err := got.UnmarshalJSON(raw); (err == nil) != (wrong == nil) || err == nil && !reflect.DeepEqual(plain(got), want) {
		t.Fatalf("%s\nread %+v (%v)\nwant %+v (%v)", raw, got, err, want, wrong)
	}
}

func TestImportedIsWrittenAsBefore(t *testing.T) {
	t.Parallel()
	at := time.Date(2019, 3, 15, 21, 0, 0, 0, time.UTC)
	one := func(v string) []string { return []string{v} }
	for _, g := range []Imported{
		{}, {At: at}, {At: at.Add(time.Nanosecond), Amount: money.GBP(-5)}, {At: at.AddDate(9000, 0, 0)}, {At: at.In(time.FixedZone("", 3600))},
		{NID: 2, SID: 7, At: at, Amount: money.GBP(1250), Values: map[string][]string{}},
		{NID: 2, SID: 7, At: at, Amount: money.GBP(1250), Values: map[string][]string{"none": nil, "empty": {}, "two": {"a", ""}, "b": one("£5 & <b>\"Zoë\"</b>\r\n\\"), "": one(""),
			"c": one("\u2028\u2029\x00\x1f\x7f"), "d": one("\xff\xfe"), "e": one("\ufffd"), "f": one("😀"), "a\tb": one("plain"), "g": one("{\"nid\":1}"), "h": one("]},")}},
	} {
		asEncodingJSON(t, g)
	}
}

func FuzzImported(f *testing.F) {
	f.Add(int64(2), int64(7), int64(1552696933), int64(1250), "amount", "£12.50", "message", "a \"quoted\" <b>\n")
	f.Fuzz(func(t *testing.T, nid, sid, at, pence int64, key, value, other, second string) {
		asEncodingJSON(t, Imported{NID: nid, SID: sid, At: time.Unix(at%1e11, 0).UTC(), Amount: money.GBP(pence), Values: map[string][]string{key: {value}, other: {second, value}}})
	})
}

func FuzzImportedRead(f *testing.F) {
	f.Add([]byte(`{"nid":2,"sid":7,"at":"2019-03-15T21:00:00Z","amount":{"minor":1250,"currency":"GBP"},"values":{"amount":["£12.50"],"message":["a\u0026b"]}}`))
	f.Add([]byte(`{"values":{"a":["b"],"a":["c"]},"nid":"2"}`))
	f.Fuzz(func(t *testing.T, raw []byte) { readsAsEncodingJSON(t, raw) })
}
