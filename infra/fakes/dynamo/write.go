package dynamo

import (
	"encoding/base64"
	"fmt"
	"maps"
	"strings"
)

// itemLimit is DynamoDB's, in bytes.
const itemLimit = 400 << 10

// write carries out an UpdateItem or a DeleteItem.
func (s *Server) write(in request) (any, error) {
	c, err := s.prepare(&in)
	b := s.bill(in, in.TableName)
	if f, is := err.(*failure); is && f.Code == "ConditionalCheckFailedException" {
		b.refused(c.there, 1)
	}
	if err != nil {
		return nil, err
	}
	b.write(c.table, c.there, c.Item, 1)
	s.commit(record{Put: []change{c.change}})
	return b.told(map[string]any{}), nil
}

// prepared is a write that may be carried out.
type prepared struct {
	change
	table *table
	there item
}

// prepare says what a write would change. With a condition that does not hold it says what is there.
func (s *Server) prepare(in *request) (c prepared, err error) {
	t, err := s.table(in.TableName)
	if err != nil {
		return c, err
	}
	key, err := t.key(in.Key)
	if err != nil {
		return c, err
	}
	c = prepared{change{Table: in.TableName, Key: key}, t, t.items[key]}
	values := &values{given: in.ExpressionAttributeValues}
	if in.ExpressionAttributeValues != nil && len(in.ExpressionAttributeValues) == 0 {
		return c, invalid("ExpressionAttributeValues must not be empty")
	}
	if in.ConditionExpression != "" {
		ok, err := holds(in.ConditionExpression, c.there, values)
		if err != nil {
			return c, err
		}
		if !ok {
			f := &failure{Code: "ConditionalCheckFailedException", Message: "The conditional request failed"}
			if in.ReturnValuesOnConditionCheckFailure == "ALL_OLD" {
				f.Item = c.there
			}
			return c, f
		}
	}
	if in.UpdateExpression == "" {
		return c, unusedIn(values)
	}
	if c.Item = maps.Clone(c.there); c.Item == nil {
		c.Item = maps.Clone(in.Key)
	}
	if err := update(in.UpdateExpression, c.there, c.Item, values); err != nil {
		return c, err
	}
	if c.Item.size() > itemLimit {
		return c, invalid("Item size to update has exceeded the maximum allowed size")
	}
	return c, unusedIn(values)
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
		return s.again(in)
	}
	if in.ClientRequestToken != "" && !s.Forgets {
		defer func() { s.tokens[in.ClientRequestToken] = now }()
	}
	if len(in.TransactItems) == 0 || len(in.TransactItems) > 100 {
		return nil, invalid("Member must have length less than or equal to 100")
	}
	canceled := &failure{Code: "TransactionCanceledException", Message: "Transaction cancelled, please refer cancellation reasons for specific reasons"}
	var all record
	var bills []any
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
		c, err := s.prepare(op)
		op.operation = in.operation
		b := s.bill(*op, op.TableName)
		if f, is := err.(*failure); is {
			b.refused(c.there, 2)
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
		// Each is billed for being prepared and for being carried out; AWS excepts neither indexes nor one that comes to nothing.
		b.write(c.table, c.there, c.Item, 2)
		all.Put, bills = append(all.Put, c.change), append(bills, b.capacity())
	}
	if refused {
		return nil, canceled
	}
	s.commit(all)
	now.done = true
	return in.told(bills), nil
}

// again answers a transaction that was carried out under its token before: it changes nothing, and is billed for reading
// its items as transactions read them, twice.
func (s *Server) again(in request) (any, error) {
	var bills []any
	for _, one := range in.TransactItems {
		op := one.Update
		if op == nil {
			op = one.Delete
		}
		t, err := s.table(op.TableName)
		if err != nil {
			return nil, err
		}
		key, err := t.key(op.Key)
		if err != nil {
			return nil, err
		}
		b := s.bill(in, op.TableName)
		for range 2 {
			b.read("", t.items[key].size(), true)
		}
		bills = append(bills, b.capacity())
	}
	return in.told(bills), nil
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
	switch text := v.text(); {
	case v["B"] != nil:
		return base64.RawStdEncoding.DecodedLen(len(strings.TrimRight(text, "=")))
	case v["N"] != nil:
		return digits(text)
	case v["S"] != nil:
		return len(text)
	}
	return 1 // true, false and nothing
}

// digits is the size of a number: a byte for two digits and one more, another for a sign; zeros before and behind, and an
// exponent, count for nothing.
func digits(text string) int {
	signed := strings.HasPrefix(text, "-")
	if e := strings.IndexAny(text, "eE"); e >= 0 {
		text = text[:e]
	}
	whole, part, _ := strings.Cut(strings.TrimLeft(text, "+-0"), ".")
	part = strings.TrimRight(part, "0")
	if whole == "" {
		part = strings.TrimLeft(part, "0")
	}
	if part == "" {
		whole = strings.TrimRight(whole, "0")
	}
	n := (len(whole)+len(part)+1)/2 + 1
	if signed && n > 1 {
		n++
	}
	return n
}
