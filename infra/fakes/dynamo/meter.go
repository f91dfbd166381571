package dynamo

import (
	"encoding/json"
	"fmt"
	"maps"
)

// Line is what is billed by itself.
type Line struct {
	Operation, Table string
	Index            string // empty: the table itself
}

// Units are what AWS bills: a write unit for each begun KB of an item, half a read unit for each begun 4 KB that are read
// eventually consistent and a whole one for each read consistently.
type Units struct {
	Writes    int
	HalfReads int
}

// Bill is what was asked for so far, by AWS's rules and the sizes of the items.
type Bill map[Line]Units

// Billed is the bill of everything that was carried out, and of the conditions that did not hold.
func (s *Server) Billed() Bill {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.billed)
}

// Since is what a bill has more than an earlier one.
func (b Bill) Since(earlier Bill) Bill {
	more := Bill{}
	for line, u := range b {
		before := earlier[line]
		if u != before {
			more[line] = Units{u.Writes - before.Writes, u.HalfReads - before.HalfReads}
		}
	}
	return more
}

// Total is the sum of all lines.
func (b Bill) Total() (sum Units) {
	for _, u := range b {
		sum.Writes += u.Writes
		sum.HalfReads += u.HalfReads
	}
	return sum
}

// String is 2 writes, 1.5 reads.
func (u Units) String() string {
	return fmt.Sprintf("%d writes, %s reads", u.Writes, halves(u.HalfReads))
}

func halves(n int) string {
	if n%2 == 1 {
		return fmt.Sprintf("%d.5", n/2)
	}
	return fmt.Sprint(n / 2)
}

// What a unit is for, in bytes.
const (
	perWrite = 1 << 10
	perRead  = 4 << 10
)

// units is how many are begun, at least one.
func units(size, per int) int { return max(1, (size+per-1)/per) }

// bill is one request's part of it.
type bill struct {
	s         *Server
	operation string
	table     string
	tells     bool
	lines     map[string]Units // by index
}

func (s *Server) bill(in request, table string) *bill {
	return &bill{s: s, operation: in.operation, table: table, lines: map[string]Units{}, tells: in.ReturnConsumedCapacity != "" && in.ReturnConsumedCapacity != "NONE"}
}

func (b *bill) add(index string, u Units) {
	line := Line{b.operation, b.table, index}
	all, own := b.s.billed[line], b.lines[index]
	b.s.billed[line] = Units{all.Writes + u.Writes, all.HalfReads + u.HalfReads}
	b.lines[index] = Units{own.Writes + u.Writes, own.HalfReads + u.HalfReads}
}

// read is billed by what was looked at: a query by all of it together, an item by itself, and nothing as the least.
func (b *bill) read(index string, size int, consistent bool) {
	n := units(size, perRead)
	if consistent {
		n *= 2
	}
	b.add(index, Units{HalfReads: n})
}

// write is billed by the larger of what was there and what is, and for each index by the entries that appear, change or
// vanish: an entry whose key changes is taken out and put in. Within a transaction everything counts twice.
func (b *bill) write(t *table, before, next item, times int) {
	b.add("", Units{Writes: times * units(max(before.size(), next.size()), perWrite)})
	for name, i := range t.indexes {
		old, now := i.entry(before), i.entry(next)
		was, is := t.keyed(i, old), t.keyed(i, now)
		n := 0
		switch {
		case old == nil && now == nil:
		case old == nil:
			n = units(is.size(), perWrite)
		case now == nil:
			n = units(was.size(), perWrite)
		case !same(was, is, i.keys):
			n = units(was.size(), perWrite) + units(is.size(), perWrite)
		case !sameItem(was, is):
			n = units(max(was.size(), is.size()), perWrite)
		}
		if n > 0 {
			b.add(name, Units{Writes: times * n})
		}
	}
}

// refused is a write whose condition does not hold: it is billed by what is there.
func (b *bill) refused(there item, times int) {
	b.add("", Units{Writes: times * units(there.size(), perWrite)})
}

func same(a, b item, keys []string) bool {
	for _, k := range keys {
		if !equal(a[k], b[k]) {
			return false
		}
	}
	return true
}

func sameItem(a, b item) bool {
	if len(a) != len(b) {
		return false
	}
	for name := range a {
		if !equal(a[name], b[name]) {
			return false
		}
	}
	return true
}

// capacity is how DynamoDB tells it.
func (b *bill) capacity() any {
	type capacity struct{ CapacityUnits json.Number }
	number := func(u Units) json.Number { return json.Number(halves(2*u.Writes + u.HalfReads)) }
	var all Units
	indexes := map[string]capacity{}
	for name, u := range b.lines {
		if all.Writes, all.HalfReads = all.Writes+u.Writes, all.HalfReads+u.HalfReads; name != "" {
			indexes[name] = capacity{number(u)}
		}
	}
	return map[string]any{"TableName": b.table, "CapacityUnits": number(all), "Table": capacity{number(b.lines[""])}, "GlobalSecondaryIndexes": indexes}
}

// told adds it to an answer, if that was asked for.
func (b *bill) told(answer map[string]any) map[string]any {
	if b.tells {
		answer["ConsumedCapacity"] = b.capacity()
	}
	return answer
}

// told is the answer to a request about several items: what each consumed, if that was asked for.
func (in request) told(bills []any) map[string]any {
	if in.ReturnConsumedCapacity == "" || in.ReturnConsumedCapacity == "NONE" {
		return map[string]any{}
	}
	return map[string]any{"ConsumedCapacity": bills}
}

// Reads are read units, such as 1.5.
func (u Units) Reads() string { return halves(u.HalfReads) }

// Largest is the size of a table's largest item, in bytes as DynamoDB counts them.
func (s *Server) Largest(table string) (size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tables[table]; t != nil {
		for _, i := range t.items {
			size = max(size, i.size())
		}
	}
	return size
}
