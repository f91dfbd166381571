package donate

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/banyan-migration/banyan/shared/money"
)

// A table may hold ten million imported gifts, which are written once and read at each comparison, so they are written
// and read here instead of by reflection: the same bytes in a fifth of the time. What is not as MarshalJSON writes it is
// left to encoding/json.

// plain is an Imported as encoding/json sees it.
type plain Imported

// MarshalJSON writes what encoding/json would.
func (g Imported) MarshalJSON() ([]byte, error) {
	at, err := g.At.MarshalJSON()
	if err != nil {
		return nil, err
	}
	out := append(make([]byte, 0, 1024), `{"nid":`...)
	out = strconv.AppendInt(out, g.NID, 10)
	out = strconv.AppendInt(append(out, `,"sid":`...), g.SID, 10)
	out = append(append(out, `,"at":`...), at...)
	out = strconv.AppendInt(append(out, `,"amount":{"minor":`...), g.Amount.Minor(), 10)
	out = appendText(append(out, `,"currency":`...), g.Amount.Currency())
	out = append(out, `},"values":`...)
	if g.Values == nil {
		return append(out, "null}"...), nil
	}
	var room [16]string // a form has fourteen components
	keys := slices.AppendSeq(room[:0], maps.Keys(g.Values))
	slices.Sort(keys)
	out = append(out, '{')
	for i, key := range keys {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendTexts(append(appendText(out, key), ':'), g.Values[key])
	}
	return append(out, "}}"...), nil
}

func appendTexts(out []byte, texts []string) []byte {
	if texts == nil {
		return append(out, "null"...)
	}
	out = append(out, '[')
	for i, text := range texts {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendText(out, text)
	}
	return append(out, ']')
}

func appendText(out []byte, text string) []byte {
	for i := 0; i < len(text); i++ {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' || c == 0x7f || c >= utf8.RuneSelf && !ordinary(text) {
			escaped, _ := json.Marshal(text) // a string can always be written
			return append(out, escaped...)
		} else if c >= utf8.RuneSelf { // and what follows has been looked at
			break
		}
	}
	return append(append(append(out, '"'), text...), '"')
}

// ordinary says that a text with letters beyond ASCII needs no escapes.
func ordinary(text string) bool {
	for _, r := range text {
		if r < ' ' || r == '"' || r == '\\' || r == '<' || r == '>' || r == '&' || r == 0x7f || r == '\u2028' || r == '\u2029' || r == utf8.RuneError {
			return false
		}
	}
	return true
}

// UnmarshalJSON reads what MarshalJSON wrote, and whatever else encoding/json can.
func (g *Imported) UnmarshalJSON(raw []byte) error {
	if r := (reader{string(raw)}); utf8.Valid(raw) && r.imported(g) && r.rest == "" {
		return nil
	}
	*g = Imported{}
	return json.Unmarshal(raw, (*plain)(g))
}

// reader reads JSON that has no spaces, false at the first thing that is not as expected. The texts that it gives lie in
// the one that it reads.
type reader struct{ rest string }

func (r *reader) imported(g *Imported) bool {
	fine := true
	word := func(w string) { fine = fine && r.word(w) }
	number := func() (n int64) {
		if fine {
			n, fine = r.number()
		}
		return n
	}
	text := func() (s string) {
		if fine {
			s, fine = r.text()
		}
		return s
	}
	word(`{"nid":`)
	g.NID = number()
	word(`,"sid":`)
	g.SID = number()
	word(`,"at":`)
	at := text()
	word(`,"amount":{"minor":`)
	minor := number()
	word(`,"currency":`)
	currency := text()
	word(`},"values":{`)
	if !fine || !strings.HasSuffix(at, "Z") {
		return false
	}
	var wrong, unknown error
	g.At, wrong = time.Parse(time.RFC3339Nano, at)
	g.Amount, unknown = money.New(minor, currency)
	return wrong == nil && unknown == nil && r.values(g)
}

func (r *reader) values(g *Imported) bool {
	g.Values = make(map[string][]string, 16)
	all := make([]string, 0, 16) // one array for all of them
	for first := true; !r.word("}}"); first = false {
		if !first && !r.word(",") {
			return false
		}
		key, fine := r.text()
		if !fine || !r.word(":[") {
			return false
		}
		from := len(all)
		for !r.word("]") {
			if len(all) > from && !r.word(",") {
				return false
			}
			value, fine := r.text()
			if !fine {
				return false
			}
			all = append(all, value)
		}
		g.Values[key] = all[from:len(all):len(all)]
	}
	return true
}

func (r *reader) word(w string) bool {
	rest, is := strings.CutPrefix(r.rest, w)
	r.rest = rest
	return is
}

func (r *reader) number() (int64, bool) {
	end := strings.IndexAny(r.rest, ",}")
	if end <= 0 || r.rest[0] < '0' || r.rest[0] > '9' || end > 1 && r.rest[0] == '0' {
		return 0, false
	}
	n, err := strconv.ParseInt(r.rest[:end], 10, 64)
	r.rest = r.rest[end:]
	return n, err == nil
}

func (r *reader) text() (string, bool) {
	if !r.word(`"`) {
		return "", false
	}
	escaped := false
	for i := 0; i < len(r.rest); i++ {
		switch c := r.rest[i]; {
		case c == '"':
			text := r.rest[:i]
			r.rest = r.rest[i+1:]
			return unescaped(text, escaped)
		case c == '\\':
			escaped = true
			i++
		case c < ' ':
			return "", false
		}
	}
	return "", false
}

func unescaped(text string, escaped bool) (string, bool) {
	if !escaped {
		return text, true
	}
	var plain string
	err := json.Unmarshal([]byte(`"`+text+`"`), &plain)
	return plain, err == nil
}
