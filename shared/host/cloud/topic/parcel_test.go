package topic

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/banyan-migration/banyan/shared/event"
)

// taken says what SQS takes in a message, by its API reference; whoever sends through SNS would not hear of a refusal.
func taken(r rune) bool {
	return r == 0x9 || r == 0xa || r == 0xd || 0x20 <= r && r <= 0xd7ff || 0xe000 <= r && r <= 0xfffd || 0x10000 <= r && r <= 0x10ffff
}

// Behind SNS a queue refuses a text, and nobody is told.
func TestEveryRuneGoesThroughSQS(t *testing.T) {
	t.Parallel()
	var text []rune
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if utf8.ValidRune(r) {
			text = append(text, r)
		}
	}
	const some = 1 << 14
	for from := 0; from < len(text); from += some {
		sent := string(text[from:min(from+some, len(text))])
		if got := through(t, event.New("m1", event.PaymentsRequested, noon, event.For{Service: "donate", ID: sent}, sent)); got != sent {
			t.Errorf("the runes from %U on are others after the queue", text[from])
		}
	}
}

// A message's data may hold what is no UTF-8: no JSON that we write, but nothing that may be lost behind SNS either.
func TestBytesThatAreNoTextGoAsTheirReplacement(t *testing.T) {
	t.Parallel()
	m := event.New("m1", event.PaymentsRequested, noon, event.For{Service: "donate", ID: "g-1"}, "")
	for sent, want := range map[string]string{"a\xffb": "a\ufffdb", "\xed\xa0\x80": "\ufffd", "\xef\xbf": "\ufffd", "\ufffe\xc3": "\ufffe\ufffd"} {
		m.Data = json.RawMessage(`"` + sent + `"`)
		if got := through(t, m); got != want {
			t.Errorf("%q arrives as %q, want %q", sent, got, want)
		}
	}
}

// through is the text that is a message's data, as its receiver has it.
func through(t *testing.T, m event.Message) (data string) {
	t.Helper()
	p, err := pack(m)
	if err != nil {
		t.Fatal(err)
	}
	body, whole := *p.entry.Message, utf8.ValidString(*p.entry.Message)
	for _, r := range body {
		if !taken(r) || !whole {
			t.Fatalf("SQS refuses a body with %U, valid UTF-8: %v", r, whole)
		}
	}
	var got event.Message
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if got.For != m.For || got.ID != m.ID {
		t.Errorf("the message %s arrives as %s", m.ID, got.ID)
	}
	if err := json.Unmarshal(got.Data, &data); err != nil {
		t.Fatal(err)
	}
	return data
}
