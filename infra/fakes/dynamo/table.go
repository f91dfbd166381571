package dynamo

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// item is an item, or a part of one, as JSON has it: a value is {"S": "text"} and the like.
type item map[string]value

type value map[string]json.RawMessage

// table holds items by their key, and each partition's in order.
type table struct {
	name    string
	keys    []string // the names of partition and sort key
	indexes map[string]*index
	expiry  string // the attribute of the time to live; empty: none
	items   map[place]item
	parts   map[string][]item // in the order of the sort key
	old     *table            // what indexes and careless reads answer from; nil: this
}

type place [2]string

// index is a global one: only items that have both of its keys are in it.
type index struct {
	keys  []string
	whole bool              // every attribute is projected; else the keys alone
	parts map[string][]item // in the order of its sort key, then of the table's keys
}

func (v value) text() string {
	var s string
	for _, raw := range v {
		_ = json.Unmarshal(raw, &s) // S, N and B are strings; others are no keys
	}
	return s
}

func names(schema []keyElement) (keys []string) {
	for _, e := range schema {
		keys = append(keys, e.AttributeName)
	}
	return keys
}

func newTable(in request) *table {
	t := &table{name: in.TableName, keys: names(in.KeySchema), indexes: map[string]*index{}, items: map[place]item{}, parts: map[string][]item{}}
	for _, i := range in.GlobalSecondaryIndexes {
		t.indexes[i.IndexName] = &index{keys: names(i.KeySchema), whole: i.Projection.ProjectionType == "ALL", parts: map[string][]item{}}
	}
	return t
}

// clone is the table as it is now; items are never changed in place.
func (t *table) clone() *table {
	c := *t
	c.items, c.parts, c.old = maps.Clone(t.items), clones(t.parts), nil
	c.indexes = map[string]*index{}
	for name, i := range t.indexes {
		c.indexes[name] = &index{i.keys, i.whole, clones(i.parts)}
	}
	return &c
}

func clones(parts map[string][]item) map[string][]item {
	all := make(map[string][]item, len(parts))
	for name, p := range parts {
		all[name] = slices.Clone(p)
	}
	return all
}

func (s *Server) createTable(in request) (any, error) {
	if s.tables[in.TableName] != nil {
		return nil, &failure{Code: "ResourceInUseException", Message: "Table already exists: " + in.TableName}
	}
	if len(in.KeySchema) != 2 {
		return nil, invalid("only tables of a partition and a sort key are played here")
	}
	for _, i := range in.GlobalSecondaryIndexes {
		if len(i.KeySchema) != 2 {
			return nil, invalid("only indexes of a partition and a sort key are played here")
		}
	}
	s.commit(record{Made: &made{in.TableName, in.KeySchema, in.GlobalSecondaryIndexes}})
	return s.describeTable(in)
}

func (s *Server) describeTable(in request) (any, error) {
	if _, err := s.table(in.TableName); err != nil {
		return nil, err
	}
	return map[string]any{"Table": map[string]any{"TableName": in.TableName, "TableStatus": "ACTIVE"}}, nil
}

func (s *Server) updateTimeToLive(in request) (any, error) {
	if _, err := s.table(in.TableName); err != nil {
		return nil, err
	}
	s.commit(record{Expires: &expires{in.TableName, in.TimeToLiveSpecification.AttributeName}})
	return struct{}{}, nil
}

func (s *Server) table(name string) (*table, error) {
	t := s.tables[name]
	if t == nil {
		return nil, &failure{Code: "ResourceNotFoundException", Message: "Requested resource not found: Table: " + name + " not found"}
	}
	return t, nil
}

// key is where an item lies, or why it can lie nowhere.
func (t *table) key(i item) (key place, err error) {
	for n, name := range t.keys {
		key[n] = i[name].text()
		if key[n] == "" {
			return key, invalid("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: " + name)
		}
	}
	if len(i) != len(t.keys) || len(key[0]) > 2048 || len(key[1]) > 1024 {
		return key, invalid("The provided key element does not match the schema, or is too long")
	}
	return key, nil
}

// seen is what a read sees.
func (t *table) seen(consistent bool) *table {
	if consistent || t.old == nil {
		return t
	}
	return t.old
}

// put lays an item under its key, in place of another; nil takes away what is there.
func (t *table) put(key place, next item) {
	before := t.items[key]
	replace(t.parts, t.keys, t.keys, before, next)
	for _, i := range t.indexes {
		replace(i.parts, i.keys, t.keys, i.entry(before), i.entry(next))
	}
	if next == nil {
		delete(t.items, key)
	} else {
		t.items[key] = next
	}
}

// entry is the item if it is in the index, else nil.
func (i *index) entry(of item) item {
	if of[i.keys[0]] == nil || of[i.keys[1]] == nil {
		return nil
	}
	return of
}

func replace(parts map[string][]item, keys, tie []string, before, next item) {
	order := ordered(keys, tie)
	if before != nil {
		name := before[keys[0]].text()
		if n, found := slices.BinarySearchFunc(parts[name], before, order); found {
			parts[name] = slices.Delete(parts[name], n, n+1)
		}
	}
	if next != nil {
		name := next[keys[0]].text()
		n, _ := slices.BinarySearchFunc(parts[name], next, order)
		parts[name] = slices.Insert(parts[name], n, next)
	}
}

// ordered compares items of one partition: by the sort key, then by the table's own keys.
func ordered(keys, tie []string) func(a, b item) int {
	by := append([]string{keys[1]}, tie...)
	return func(a, b item) int {
		for _, name := range by {
			if c := compare(a[name], b[name]); c != 0 {
				return c
			}
		}
		return 0
	}
}

func (i item) project(expression string) item {
	if expression == "" {
		return i
	}
	some := item{}
	for name := range strings.SplitSeq(expression, ",") {
		if v, has := i[strings.TrimSpace(name)]; has {
			some[strings.TrimSpace(name)] = v
		}
	}
	return some
}

// keyed is what of an item an index that is not whole has.
func (t *table) keyed(i *index, of item) item {
	if i.whole || of == nil {
		return of
	}
	some := item{}
	for _, name := range append(slices.Clone(i.keys), t.keys...) {
		some[name] = of[name]
	}
	return some
}
