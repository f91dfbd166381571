package donate

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/shared/money"
)

func written(t *testing.T, g Imported) {
	t.Helper()
	want, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	if got := g.json(); string(got) != string(want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestImportedIsWrittenAsEver(t *testing.T) {
	t.Parallel()
	at := time.Date(2019, 3, 15, 19, 0, 1, 500, time.UTC)
	for _, values := range []map[string][]string{
		nil, {}, {"a": nil, "b": {}, "c": {""}}, {"message": {"<b>\"O'Neill\" & söhne</b>\r\n\u2028\x7f€ ‘’ 李明", "\xff\xc3 broken \xf0\x9f"}, "": {"\x00"}, "z\xff": {"a", "b"}},
	} {
		written(t, Imported{NID: 2, SID: 1 << 40, At: at, Amount: money.GBP(1234), Values: values})
	}
	written(t, Imported{At: at.In(time.FixedZone("", 3600))})
}

func FuzzImported(f *testing.F) {
	f.Add("message", "<b>\u2028", "\xff")
	f.Fuzz(func(t *testing.T, key, one, two string) {
		written(t, Imported{NID: 2, SID: 7, Values: map[string][]string{key: {one, two}, "k": {two}}})
	})
}
