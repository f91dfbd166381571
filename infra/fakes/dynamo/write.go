package dynamo

import (
	"fmt"
	"maps"
)

// itemLimit is DynamoDB's, in bytes.
const itemLimit = 400 << 10

// write carries out an UpdateItem or a DeleteItem.
func (s *Server) write(in request) (any, error) {
	done, err := s.apply(&in)
	if err != nil {
		return nil, err
	}
	done()
	return struct{}{}, nil
}

// apply prepares one write: done carries it out.
func (s *Server) apply(in *request) (done func(), err error) {
	t, err := s.table(in.TableName)
	if err != nil {
		return nil, err
	}
	key, err := t.key(in.Key)
	if err != nil {
		return nil, err
	}
	there := t.items[key]
	values := &values{given: in.ExpressionAttributeValues}
	if in.ExpressionAttributeValues != nil && len(in.ExpressionAttributeValues) == 0 {
		return nil, invalid("ExpressionAttributeValues must not be empty")
	}
	if in.ConditionExpression != "" {
		ok, err := holds(in.ConditionExpression, there, values)
		if err != nil {
			return nil, err
		}
		if !ok {
			f := &failure{Code: "ConditionalCheckFailedException", Message: "The conditional request failed"}
			if in.ReturnValuesOnConditionCheckFailure == "ALL_OLD" {
				f.Item = there
			}
			return nil, f
		}
	}
	if in.UpdateExpression == "" {
		return func() { delete(t.items, key) }, unusedIn(values)
	}
	next := maps.Clone(there)
	if next == nil {
		next = maps.Clone(in.Key)
	}
	if err := update(in.UpdateExpression, there, next, values); err != nil {
		return nil, err
	}
	if next.size() > itemLimit {
		return nil, invalid("Item size to update has exceeded the maximum allowed size")
	}
	return func() { t.items[key] = next }, unusedIn(values)
}

func unusedIn(v *values) error {
	if name := v.unused(); name != "" {
		return invalid("Value provided in ExpressionAttributeValues unused in expressions: keys: {" + name + "}")
	}
	return nil
}

// transaction is what was asked under a token, and whether it was carried out.
type transaction struct {
	asked string
	done  bool
}

func (s *Server) transactWriteItems(in request) (any, error) {
	now, before := transaction{asked: string(in.asked)}, s.tokens[in.ClientRequestToken]
	if before.asked != "" && before.asked != now.asked {
		return nil, &failure{Code: "IdempotentParameterMismatchException", Message: "the token was used for another request"}
	}
	if before.done {
		return struct{}{}, nil
	}
	if in.ClientRequestToken != "" && !s.Forgets {
		defer func() { s.tokens[in.ClientRequestToken] = now }()
	}
	if len(in.TransactItems) == 0 || len(in.TransactItems) > 100 {
		return nil, invalid("Member must have length less than or equal to 100")
	}
	canceled := &failure{Code: "TransactionCanceledException", Message: "Transaction cancelled, please refer cancellation reasons for specific reasons"}
	var all []func()
	refused, seen := false, map[string]bool{}
	for _, t := range in.TransactItems {
		op := t.Update
		if op == nil {
			op = t.Delete
		}
		if key := fmt.Sprint(op.TableName, op.Key); seen[key] {
			return nil, invalid("Transaction request cannot include multiple operations on one item")
		} else {
			seen[key] = true
		}
		done, err := s.apply(op)
		if f, is := err.(*failure); is {
			switch {
			case f.Code == "ConditionalCheckFailedException":
				canceled.Reasons = append(canceled.Reasons, reason{"ConditionalCheckFailed", f.Message, f.Item})
			case f.Code == "ValidationException":
				canceled.Reasons = append(canceled.Reasons, reason{"ValidationError", f.Message, nil})
			default:
				return nil, f
			}
			refused = true
			continue
		}
		canceled.Reasons = append(canceled.Reasons, reason{Code: "None"})
		all = append(all, done)
	}
	if refused {
		return nil, canceled
	}
	for _, done := range all {
		done()
	}
	now.done = true
	return struct{}{}, nil
}

// size is what DynamoDB counts: names and values; a list or map three bytes and one an element.
func (i item) size() (n int) {
	for name, v := range i {
		n += len(name) + v.size()
	}
	return n
}

func (v value) size() int {
	if l, is := v.list(); is {
		n := 3
		for _, element := range l {
			n += 1 + element.size()
		}
		return n
	}
	if m, is := v.fields(); is {
		return 3 + len(m) + m.size()
	}
	if raw, is := v["B"]; is {
		return len(raw) * 3 / 4
	}
	return len(v.text())
}
