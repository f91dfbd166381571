package verify

import (
	"crypto/sha256"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/money"
)

// sum is the SHA-256 of a row's canonical form.
type sum = [sha256.Size]byte

// canon writes rows of one form in their canonical form. It keeps its buffer and is not safe for concurrent use.
type canon struct {
	form    form.Form
	keys    []string // the form's components, in its order
	buf     []byte
	one     [1]string
	amounts map[string]amount // as typed: most donors give one of few sums
}

// amount is what money.ParseOld makes of a text.
type amount struct {
	pence int64
	plain string
	ok    bool
}

// remembered is how many texts of amounts are kept: a file of nonsense must not fill the memory.
const remembered = 4096

func newCanon(f form.Form) *canon {
	c := &canon{form: f, amounts: map[string]amount{}}
	for _, component := range f.Components {
		c.keys = append(c.keys, component.Key)
	}
	return c
}

func (c *canon) amount(typed string) amount {
	if pence, plain, ok := usual(typed); ok {
		return amount{pence, plain, true}
	}
	a, known := c.amounts[typed]
	if known {
		return a
	}
	if m, err := money.ParseOld(typed); err == nil {
		a = amount{m.Minor(), m.Decimal(), true}
	}
	if len(c.amounts) < remembered {
		c.amounts[strings.Clone(typed)] = a
	}
	return a
}

// usual is money.ParseOld for what nearly all rows hold, "£12.50" or "12.50", of which a site has too many different
// ones to remember.
func usual(typed string) (pence int64, plain string, ok bool) {
	plain = strings.TrimPrefix(typed, "£")
	point := len(plain) - len(".50")
	if point < 1 || point > 9 || plain[point] != '.' || plain[0] == '0' && point > 1 {
		return 0, "", false
	}
	for i := range len(plain) {
		if i == point {
			continue
		}
		if plain[i] < '0' || plain[i] > '9' {
			return 0, "", false
		}
		pence = pence*10 + int64(plain[i]-'0')
	}
	return pence, plain, true
}

// pence is what a row is worth; 0 where it names no amount that anybody can read.
func (c *canon) pence(r *form.Record) int64 { return c.amount(r.Value("amount")).pence }

// values are what the row says of a component, however that was written: where the form has a mapping, both sides go
// through its rules, and money is pounds and pence. What the old site did not store is equal to an empty value, which
// is what a service makes of it. The result lives until the next call.
func (c *canon) values(r *form.Record, key string) []string { return c.means(key, r.Values[key]) }

func (c *canon) means(key string, said []string) []string {
	for len(said) > 0 && said[len(said)-1] == "" {
		said = said[:len(said)-1]
	}
	if c.form.Alias != "donate" || len(said) > 1 {
		return said // a donation's components have one value; where one has more, nothing of them is interpreted
	}
	text := ""
	if len(said) == 1 {
		text = said[0]
	}
	if text = c.meant(key, text); text == "" {
		return nil
	}
	c.one[0] = text
	return c.one[:]
}

// meant is form.DonationOf and its way back, value by value: a row has fourteen, and a table may have ten million rows.
func (c *canon) meant(key, text string) string {
	if key == "message" {
		return text
	}
	text = strings.TrimSpace(text)
	switch key {
	case "amount":
		if a := c.amount(text); a.ok {
			return a.plain
		}
	case "country":
		return form.Country(text)
	case "gift_aid", "email_consent":
		if text != "0" && text != "1" {
			return ""
		}
	}
	return text
}

// others are keys of a row that the form does not know, in order: a component that was deleted or renamed.
func (c *canon) others(r *form.Record) (names []string) {
	known := 0
	for _, key := range c.keys {
		if _, has := r.Values[key]; has {
			known++
		}
	}
	if known == len(r.Values) {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(r.Values)) {
		if !slices.Contains(c.keys, key) {
			names = append(names, key)
		}
	}
	return names
}

// sum is the row's print. id is its sid, or the origin of a row that was written back.
func (c *canon) sum(r *form.Record, id string) sum {
	c.buf = c.buf[:0]
	c.string(c.form.Alias)
	c.number(r.NID)
	c.string(id)
	c.time(r.At)
	known := 0
	for _, key := range c.keys {
		said, has := r.Values[key]
		if has {
			known++
		}
		c.component(key, c.means(key, said))
	}
	if known < len(r.Values) {
		for _, key := range c.others(r) {
			c.component(key, c.values(r, key))
		}
	}
	return sha256.Sum256(c.buf)
}

func (c *canon) component(key string, values []string) {
	if len(values) == 0 {
		return
	}
	c.string(key)
	c.number(int64(len(values)))
	for _, v := range values {
		c.string(v)
	}
}

// string writes a netstring: "5:hello,".
func (c *canon) string(s string) {
	c.buf = append(strconv.AppendInt(c.buf, int64(len(s)), 10), ':')
	c.buf = append(append(c.buf, s...), ',')
}

func (c *canon) number(n int64) {
	var digits [20]byte
	text := strconv.AppendInt(digits[:0], n, 10)
	c.buf = append(strconv.AppendInt(c.buf, int64(len(text)), 10), ':')
	c.buf = append(append(c.buf, text...), ',')
}

func (c *canon) time(at time.Time) {
	var text [40]byte
	written := at.UTC().AppendFormat(text[:0], time.RFC3339)
	c.buf = append(strconv.AppendInt(c.buf, int64(len(written)), 10), ':')
	c.buf = append(append(c.buf, written...), ',')
}

// same says whether two rows are the same as they stand, which spares the second print.
func (c *canon) same(a, b *form.Record) bool {
	if a.NID != b.NID || a.SID != b.SID || a.At.Unix() != b.At.Unix() || len(a.Values) != len(b.Values) {
		return false
	}
	for key, ours := range a.Values {
		if theirs, has := b.Values[key]; !has || !slices.Equal(ours, theirs) {
			return false
		}
	}
	return true
}

// differing names what two rows with one id say differently.
func (c *canon) differing(source, target *form.Record) (all []Difference) {
	keys := slices.Concat(c.keys, c.others(source))
	for _, key := range c.others(target) {
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		ours := slices.Clone(c.values(source, key))
		if theirs := c.values(target, key); !slices.Equal(ours, theirs) {
			all = append(all, Difference{ID: id(source.SID), Field: key, Source: join(ours), Target: join(theirs), Kind: Value})
		}
	}
	if source.At.Unix() != target.At.Unix() {
		all = append(all, Difference{id(source.SID), "at", second(source.At), second(target.At), Value})
	}
	if source.NID != target.NID {
		all = append(all, Difference{id(source.SID), "nid", id(source.NID), id(target.NID), Value})
	}
	return all
}

func second(at time.Time) string  { return at.UTC().Format(time.RFC3339) }
func id(n int64) string           { return strconv.FormatInt(n, 10) }
func join(values []string) string { return strings.Join(values, ", ") }
