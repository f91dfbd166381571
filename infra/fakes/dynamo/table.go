package dynamo

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// item is an item, or a part of one, as JSON has it: a value is {"S": "text"} and the like.
type item map[string]value

type value map[string]json.RawMessage

// table holds items by their key.
type table struct {
	keys    []string // the names of partition and sort key
	indexes map[string][]string
	items   map[[2]string]item
	old     map[[2]string]item // what indexes and careless reads answer from; nil: the items
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

func (s *Server) createTable(in request) (any, error) {
	if s.tables[in.TableName] != nil {
		return nil, &failure{Code: "ResourceInUseException", Message: "Table already exists: " + in.TableName}
	}
	t := &table{keys: names(in.KeySchema), indexes: map[string][]string{}, items: map[[2]string]item{}}
	for _, index := range in.GlobalSecondaryIndexes {
		t.indexes[index.IndexName] = names(index.KeySchema)
	}
	s.tables[in.TableName] = t
	return s.describeTable(in)
}

func (s *Server) describeTable(in request) (any, error) {
	if _, err := s.table(in.TableName); err != nil {
		return nil, err
	}
	return map[string]any{"Table": map[string]any{"TableName": in.TableName, "TableStatus": "ACTIVE"}}, nil
}

func (s *Server) updateTimeToLive(in request) (any, error) {
	_, err := s.table(in.TableName)
	return struct{}{}, err
}

func (s *Server) table(name string) (*table, error) {
	t := s.tables[name]
	if t == nil {
		return nil, &failure{Code: "ResourceNotFoundException", Message: "Requested resource not found: Table: " + name + " not found"}
	}
	return t, nil
}

// key is where an item lies, or why it can lie nowhere.
func (t *table) key(i item) (key [2]string, err error) {
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
func (t *table) seen(consistent bool) map[[2]string]item {
	if consistent || t.old == nil {
		return t.items
	}
	return t.old
}

func (s *Server) getItem(in request) (any, error) {
	t, err := s.table(in.TableName)
	if err != nil {
		return nil, err
	}
	key, err := t.key(in.Key)
	if err != nil {
		return nil, err
	}
	if found := t.seen(in.ConsistentRead)[key]; found != nil {
		return map[string]any{"Item": found.project(in.ProjectionExpression)}, nil
	}
	return struct{}{}, nil
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

func (s *Server) batchGetItem(in request) (any, error) {
	found, left := map[string][]item{}, map[string]any{}
	for name, ask := range in.RequestItems {
		t, err := s.table(name)
		if err != nil {
			return nil, err
		}
		if len(ask.Keys) == 0 || len(ask.Keys) > 100 {
			return nil, invalid("Too many items requested for the BatchGetItem call, or none")
		}
		if in.part {
			last := len(ask.Keys) - 1
			left[name] = map[string]any{"Keys": ask.Keys[last:]}
			ask.Keys = ask.Keys[:last]
		}
		found[name] = []item{}
		for _, k := range slices.Backward(ask.Keys) { // in no order that a caller could rely on
			key, err := t.key(k)
			if err != nil {
				return nil, err
			}
			if i := t.seen(ask.ConsistentRead)[key]; i != nil {
				found[name] = append(found[name], i.project(ask.ProjectionExpression))
			}
		}
	}
	return map[string]any{"Responses": found, "UnprocessedKeys": left}, nil
}

// page is how many bytes DynamoDB looks at for one answer.
const page = 1 << 20

func (s *Server) query(in request) (any, error) {
	t, err := s.table(in.TableName)
	if err != nil {
		return nil, err
	}
	keys := t.keys
	if in.IndexName != "" {
		keys = t.indexes[in.IndexName]
		if in.ConsistentRead || keys == nil {
			return nil, invalid("there is no such index, or consistent reads were asked of it")
		}
	}
	all := slices.Collect(maps.Values(t.seen(in.ConsistentRead)))
	values := &values{given: in.ExpressionAttributeValues}
	values.scan(in.KeyConditionExpression)
	values.scan(in.FilterExpression)
	if err := unusedIn(values); err != nil {
		return nil, err
	}
	order := func(a, b item) int {
		for _, name := range append(slices.Clone(keys), t.keys...) {
			if c := compare(a[name], b[name]); c != 0 {
				return c
			}
		}
		return 0
	}
	slices.SortFunc(all, order)
	found, looked, size := []item{}, 0, 0
	var at item
	for n, i := range all {
		if i[keys[0]] == nil || i[keys[1]] == nil || in.ExclusiveStartKey != nil && order(i, in.ExclusiveStartKey) <= 0 {
			continue
		}
		mine, err := holds(in.KeyConditionExpression, i, values)
		if err != nil {
			return nil, err
		}
		if !mine {
			continue
		}
		if (in.Limit > 0 && looked == in.Limit) || size > page {
			return map[string]any{"Items": found, "LastEvaluatedKey": at.project(strings.Join(append(slices.Clone(keys), t.keys...), ","))}, nil
		}
		looked, at, size = looked+1, all[n], size+i.size()
		wanted, err := holds(cmp.Or(in.FilterExpression, "attribute_exists("+keys[0]+")"), i, values)
		if err != nil {
			return nil, err
		}
		if wanted {
			found = append(found, i.project(in.ProjectionExpression))
		}
	}
	return map[string]any{"Items": found}, nil
}
