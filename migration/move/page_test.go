package move

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/kv"
)

func samplePage() *page {
	random := rand.New(rand.NewPCG(1, 2))
	p := &page{no: 7, services: []string{"donate", "giftaid"}}
	for sid := int64(7000); sid < 8000; sid += 1 + random.Int64N(3) {
		e := entry{sid: sid, state: moved, source: random.Uint64(), digest: random.Uint64(), parts: make([]held, 2)}
		e.parts[0] = held{keys: []kv.Key{{Part: "imported", Sort: "d7-2-0000000" + string(rune('0'+sid%10))}, {Part: "by/mail", Sort: "é"}}, sum: random.Uint64()}
		e.parts[1].refused = sid%2 == 0
		p.put(e)
	}
	p.put(entry{sid: 7999, state: reversed, parts: make([]held, 2)})
	p.swept = drupal.Chunk{Rows: 3, Sum: 1 << 63}
	return p
}

func TestPageIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	want := samplePage()
	data := want.encode()
	got, err := decode(7, data)
	if err != nil {
		t.Fatal(err)
	}
	if want.changed = false; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if n := len(data); n > 70*len(want.rows) {
		t.Errorf("%d bytes for %d rows", n, len(want.rows))
	}
	if _, err := decode(7, append([]byte{format + 1}, data[1:]...)); err == nil {
		t.Error("a later format was read")
	}
}

// What is read is written again byte for byte, and what is torn is refused without a panic or a great deal of memory.
func FuzzPage(f *testing.F) {
	data := samplePage().encode()
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add((&page{no: 7}).encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := decode(7, data)
		if err != nil {
			return
		}
		again, err := decode(7, p.encode())
		if err != nil || !reflect.DeepEqual(again, p) {
			t.Errorf("%+v was read again as %+v (%v)", p, again, err)
		}
	})
}
