package dynamo

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/journal"
)

// record is a change of what there is; the journal has one a request, so that a transaction is there whole or not at all.
type record struct {
	Made    *made    `json:",omitempty"`
	Expires *expires `json:",omitempty"`
	Put     []change `json:",omitempty"`
}

// made is a table, as CreateTable was asked for it.
type made struct {
	TableName              string
	KeySchema              []keyElement
	GlobalSecondaryIndexes []indexed
}

type expires struct{ TableName, AttributeName string }

// change is what lies under a key from now on; nothing where there is no item.
type change struct {
	Table string
	Key   place
	Item  item `json:",omitempty"`
}

// commit makes a change, here and in the journal. The caller holds mu, and waits for the journal without.
func (s *Server) commit(r record) {
	s.apply(r)
	journal.Add(s.file, r)
}

// apply is the only place that changes what there is.
func (s *Server) apply(r record) {
	if m := r.Made; m != nil {
		s.tables[m.TableName] = newTable(request{TableName: m.TableName, KeySchema: m.KeySchema, GlobalSecondaryIndexes: m.GlobalSecondaryIndexes})
	}
	if e := r.Expires; e != nil && s.tables[e.TableName] != nil {
		s.tables[e.TableName].expiry = e.AttributeName
	}
	for _, c := range r.Put {
		if t := s.tables[c.Table]; t != nil {
			t.put(c.Key, c.Item)
		}
	}
}

// expire deletes what DynamoDB may have deleted by now.
func (s *Server) expire(now time.Time) {
	for _, t := range s.tables {
		for key, i := range t.items {
			at, err := strconv.ParseInt(i[t.expiry].text(), 10, 64)
			if t.expiry != "" && err == nil && at < now.Unix() {
				t.put(key, nil)
			}
		}
	}
}

// whole says everything that there is in the fewest records, less what has expired.
func (s *Server) whole(say func(record) error) error {
	s.expire(time.Now())
	for _, name := range slices.Sorted(maps.Keys(s.tables)) {
		t := s.tables[name]
		m := &made{TableName: name, KeySchema: schema(t.keys)}
		for _, index := range slices.Sorted(maps.Keys(t.indexes)) {
			i := indexed{IndexName: index, KeySchema: schema(t.indexes[index].keys)}
			if i.Projection.ProjectionType = "KEYS_ONLY"; t.indexes[index].whole {
				i.Projection.ProjectionType = "ALL"
			}
			m.GlobalSecondaryIndexes = append(m.GlobalSecondaryIndexes, i)
		}
		if err := say(record{Made: m, Expires: &expires{name, t.expiry}}); err != nil {
			return err
		}
		for key, i := range t.items {
			if err := say(record{Put: []change{{name, key, i}}}); err != nil {
				return err
			}
		}
	}
	return nil
}

func schema(keys []string) []keyElement {
	return []keyElement{{keys[0], "HASH"}, {keys[1], "RANGE"}}
}
