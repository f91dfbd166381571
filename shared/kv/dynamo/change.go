package dynamo

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/banyan-migration/banyan/shared/kv"
)

// state is what of a stored item decides how it can be changed. An expression has no "if", so a change takes a state for
// granted and says so in its condition; a condition that fails comes back with the item, and the change is made anew.
type state struct {
	expired bool
	waits   bool // it has messages that nobody has confirmed, which must outlive it
}

// change is one write as DynamoDB takes it: an update, or a deletion where update is empty.
type change struct {
	key    attributes
	update string
	when   string
	values attributes
}

// change makes the change for the i-th write.
func (c *commit) change(i int) change {
	w, found, messages := c.writes[i], c.found[i], c.messages[i]
	f := formula{now: c.now, values: attributes{}}
	f.on(w, found)
	if w.Delete && len(messages) == 0 && !found.waits {
		f.when("attribute_not_exists(m)")
		return f.done(w.Key)
	}
	f.set("w = :w", ":w", text(c.id))
	switch {
	case w.Delete:
		f.removes = append(f.removes, "r", "d", "x", "t")
		if w.If == kv.Always {
			f.when(unmade)
		}
	case w.Expires.IsZero():
		f.set("d = :d", ":d", dataOf(w.Data))
		f.removes = append(f.removes, "x", "t")
	default:
		f.set("d = :d", ":d", dataOf(w.Data))
		f.set("x = :x", ":x", number(w.Expires.UnixNano()))
		if len(messages) > 0 || found.waits {
			f.removes = append(f.removes, "t")
		} else {
			f.set("t = :t", ":t", number(seconds(w.Expires.UnixNano())))
		}
	}
	switch {
	case len(messages) > 0:
		f.set("m = list_append(if_not_exists(m, :none), :m)", ":m", &types.AttributeValueMemberL{Value: messages})
		f.values[":none"] = &types.AttributeValueMemberL{Value: []types.AttributeValue{}}
		f.set("q = :q", ":q", number(int64(kv.ShardOf(w.Key))))
		f.set("a = if_not_exists(a, :now)", ":now", number(c.now))
	case found.waits: // otherwise what was kept for them would never go
		f.when("attribute_exists(m)")
	case !w.Expires.IsZero():
		f.when("attribute_not_exists(m)")
	}
	return f.done(w.Key)
}

// unmade says in an expression that this commit has not written the item: the same call made again, as its answer was
// lost, changes nothing.
const unmade = "(attribute_not_exists(w) OR w <> :w)"

// seconds is when DynamoDB may delete what expires at a moment, never before it.
func seconds(unixNano int64) int64 { return (unixNano + 1e9 - 1) / 1e9 }

// formula is a change in the making.
type formula struct {
	now           int64
	sets, removes []string
	conditions    []string
	values        attributes
}

func (f *formula) set(what, name string, v types.AttributeValue) {
	f.sets = append(f.sets, what)
	f.values[name] = v
}

func (f *formula) when(condition string) { f.conditions = append(f.conditions, condition) }

// on is the write's condition, and the revision that follows from it.
func (f *formula) on(w kv.Write, found state) {
	next := int64(1)
	switch {
	case w.If == kv.Absent:
		f.when("(attribute_not_exists(r) OR x <= :now)")
		f.values[":now"] = number(f.now)
	case w.If > 0:
		f.when("r = :r AND " + lives)
		f.values[":r"], f.values[":now"] = number(int64(w.If)), number(f.now)
		next = int64(w.If) + 1
	case w.Delete:
		return
	default:
		f.when(unmade)
		f.values[":now"] = number(f.now)
		if !found.expired {
			f.when(lives)
			f.set("r = if_not_exists(r, :zero) + :next", ":next", number(1))
			f.values[":zero"] = number(0)
			return
		}
		f.when("x <= :now")
	}
	if !w.Delete {
		f.set("r = :next", ":next", number(next))
	}
}

func (f *formula) done(key kv.Key) change {
	c := change{key: keyOf(key), when: strings.Join(f.conditions, " AND "), values: f.values}
	if len(f.sets) > 0 {
		c.update = "SET " + strings.Join(f.sets, ", ")
	}
	if len(f.removes) > 0 {
		c.update += " REMOVE " + strings.Join(f.removes, ", ")
	}
	return c
}

func (c change) valuesOrNone() attributes {
	if len(c.values) == 0 {
		return nil // DynamoDB takes no empty map
	}
	return c.values
}

func (c change) updateItem(table *string) *dynamodb.UpdateItemInput {
	return &dynamodb.UpdateItemInput{TableName: table, Key: c.key, UpdateExpression: &c.update, ConditionExpression: &c.when,
		ExpressionAttributeValues: c.valuesOrNone(), ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}
}

func (c change) deleteItem(table *string) *dynamodb.DeleteItemInput {
	return &dynamodb.DeleteItemInput{TableName: table, Key: c.key, ConditionExpression: &c.when,
		ExpressionAttributeValues: c.valuesOrNone(), ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}
}

// transactItem is the change as part of a transaction.
func (c change) transactItem(table *string) types.TransactWriteItem {
	if c.update == "" {
		return types.TransactWriteItem{Delete: &types.Delete{TableName: table, Key: c.key, ConditionExpression: &c.when,
			ExpressionAttributeValues: c.valuesOrNone(), ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}}
	}
	return types.TransactWriteItem{Update: &types.Update{TableName: table, Key: c.key, UpdateExpression: aws.String(c.update), ConditionExpression: &c.when,
		ExpressionAttributeValues: c.valuesOrNone(), ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}}
}
