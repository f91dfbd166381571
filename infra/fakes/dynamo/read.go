package dynamo

import (
	"slices"
	"strings"
)

func (s *Server) getItem(in request) (any, error) {
	t, err := s.table(in.TableName)
	if err != nil {
		return nil, err
	}
	key, err := t.key(in.Key)
	if err != nil {
		return nil, err
	}
	found := t.seen(in.ConsistentRead).items[key]
	b := s.bill(in, in.TableName)
	b.read("", found.size(), in.ConsistentRead)
	answer := map[string]any{}
	if found != nil {
		answer["Item"] = found.project(in.ProjectionExpression)
	}
	return b.told(answer), nil
}

func (s *Server) batchGetItem(in request) (any, error) {
	found, left := map[string][]item{}, map[string]any{}
	var bills []any
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
		b := s.bill(in, name)
		for _, k := range slices.Backward(ask.Keys) { // in no order that a caller could rely on
			key, err := t.key(k)
			if err != nil {
				return nil, err
			}
			i := t.seen(ask.ConsistentRead).items[key]
			if b.read("", i.size(), ask.ConsistentRead); i != nil {
				found[name] = append(found[name], i.project(ask.ProjectionExpression))
			}
		}
		bills = append(bills, b.capacity())
	}
	answer := in.told(bills)
	answer["Responses"], answer["UnprocessedKeys"] = found, left
	return answer, nil
}

// page is how many bytes DynamoDB looks at for one answer: an item that would go beyond begins the next one.
const page = 1 << 20

func (s *Server) query(in request) (any, error) {
	t, err := s.table(in.TableName)
	if err != nil {
		return nil, err
	}
	values := &values{given: in.ExpressionAttributeValues}
	values.scan(in.KeyConditionExpression)
	values.scan(in.FilterExpression)
	if err := unusedIn(values); err != nil {
		return nil, err
	}
	seen := t.seen(in.ConsistentRead)
	i := &index{keys: t.keys, whole: true, parts: seen.parts}
	if in.IndexName != "" {
		if i = seen.indexes[in.IndexName]; in.ConsistentRead || i == nil {
			return nil, invalid("there is no such index, or consistent reads were asked of it")
		}
	}
	found, at, size, err := s.page(t, i, in, values)
	if err != nil {
		return nil, err
	}
	b := s.bill(in, in.TableName)
	b.read(in.IndexName, size, in.ConsistentRead)
	answer := map[string]any{"Items": found}
	if at != nil {
		answer["LastEvaluatedKey"] = at.project(strings.Join(append(slices.Clone(i.keys), t.keys...), ","))
	}
	return b.told(answer), nil
}

// page looks at items of a partition in order; at is the last one where more may follow. size is of all that it looked at.
func (s *Server) page(t *table, i *index, in request, values *values) (found []item, at item, size int, err error) {
	key, filter := tokens(in.KeyConditionExpression), tokens(in.FilterExpression)
	all, err := i.within(t, key, in.ExclusiveStartKey, values)
	if err != nil {
		return nil, nil, 0, err
	}
	found, looked := []item{}, 0
	var last item
	for _, one := range all {
		mine, err := holding(key, one, values)
		if err != nil {
			return nil, nil, 0, err
		}
		if !mine && looked > 0 {
			break // what a condition on keys takes lies together
		}
		if !mine {
			continue
		}
		own := t.keyed(i, one).size()
		if (in.Limit > 0 && looked == in.Limit) || (looked > 0 && size+own > page) {
			return found, last, size, nil
		}
		looked, last, size = looked+1, one, size+own
		wanted := true
		if len(filter) > 0 {
			if wanted, err = holding(filter, one, values); err != nil {
				return nil, nil, 0, err
			}
		}
		if wanted {
			found = append(found, one.project(in.ProjectionExpression))
		}
	}
	return found, nil, size, nil
}

// within is a partition from where a condition may begin to hold: DynamoDB wants "partition = :value", and perhaps
// "sort BETWEEN :from AND :to".
func (i *index) within(t *table, condition []string, after item, values *values) (all []item, err error) {
	var least value
	known := false
	for n, token := range condition {
		if n+2 >= len(condition) {
			break
		}
		switch {
		case token == i.keys[0] && condition[n+1] == "=":
			part, err := values.get(condition[n+2])
			if err != nil {
				return nil, err
			}
			all, known = i.parts[part.text()], true
		case token == i.keys[1] && condition[n+1] == "BETWEEN":
			if least, err = values.get(condition[n+2]); err != nil {
				return nil, err
			}
		}
	}
	if !known {
		return nil, invalid("Query condition missed key schema element: " + i.keys[0])
	}
	if least != nil {
		from, _ := slices.BinarySearchFunc(all, least, func(one item, v value) int { return compare(one[i.keys[1]], v) })
		all = all[from:]
	}
	if after != nil {
		from, there := slices.BinarySearchFunc(all, after, ordered(i.keys, t.keys))
		if all = all[from:]; there {
			all = all[1:]
		}
	}
	return all, nil
}
