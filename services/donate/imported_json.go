package donate

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// json writes what encoding/json writes, byte for byte, at a third of the cost: there a map goes through reflection value by
// value, and a backfill spent a fifth of its time on it.
func (g Imported) json() []byte {
	b := make([]byte, 0, 768)
	b = strconv.AppendInt(append(b, `{"nid":`...), g.NID, 10)
	b = strconv.AppendInt(append(b, `,"sid":`...), g.SID, 10)
	b = g.At.AppendFormat(append(b, `,"at":"`...), time.RFC3339Nano)
	b = strconv.AppendInt(append(b, `","amount":{"minor":`...), g.Amount.Minor(), 10)
	b = appendText(append(b, `,"currency":`...), g.Amount.Currency())
	b = append(b, `},"values":`...)
	if g.Values == nil {
		return append(b, "null}"...)
	}
	keys := make([]string, 0, 16)
	for key := range g.Values {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	b = append(b, '{')
	for i, key := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, key), ':')
		b = appendTexts(b, g.Values[key])
	}
	return append(b, "}}"...)
}

func appendTexts(b []byte, texts []string) []byte {
	if texts == nil {
		return append(b, "null"...)
	}
	b = append(b, '[')
	for i, text := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, text)
	}
	return append(b, ']')
}

// appendText writes a text; one with a letter that must be escaped is left to encoding/json.
func appendText(b []byte, text string) []byte {
	plain := true
	for i := range len(text) {
		if c := text[i]; c < 0x20 || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' || c == 0xe2 {
			plain = false // 0xe2 begins U+2028, which JavaScript takes for the end of a line
			break
		}
	}
	if plain && utf8.ValidString(text) {
		return append(append(append(b, '"'), text...), '"')
	}
	raw, err := json.Marshal(text)
	if err != nil {
		panic("donate: " + err.Error()) // texts can be written
	}
	return append(b, raw...)
}
