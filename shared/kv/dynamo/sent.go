package dynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/banyan-migration/banyan/shared/kv"
)

// Sent confirms the delivery of messages of one item. Mostly they are all that it has, and it lives on: that is one
// write without a read. Otherwise the item comes back with the refusal, and what is to be left is written on the
// condition that its messages are still those.
func (s *store) Sent(ctx context.Context, key kv.Key, ids ...string) error {
	for some := range slices.Chunk(ids, 50) { // an expression has room for some hundred conditions
		if err := s.sent(ctx, key, some); err != nil {
			return told("confirm messages", s.table, err)
		}
	}
	return ctx.Err()
}

func (s *store) sent(ctx context.Context, key kv.Key, ids []string) error {
	next := confirmsAll(key, ids)
	return s.db.patiently(ctx, func(ctx context.Context) error {
		var err error
		if next.update == "" {
			_, err = s.db.client.DeleteItem(ctx, next.deleteItem(&s.table))
		} else {
			_, err = s.db.client.UpdateItem(ctx, next.updateItem(&s.table))
		}
		var failed *types.ConditionalCheckFailedException
		if !errors.As(err, &failed) {
			return err
		}
		rest := slices.Clone(waitingIn(failed.Item))
		rest = slices.DeleteFunc(rest, func(m types.AttributeValue) bool { return slices.Contains(ids, idIn(m)) })
		if len(rest) == len(waitingIn(failed.Item)) {
			return nil // none of them waits any more
		}
		next = confirmsSome(key, failed.Item, rest)
		return errMoved
	})
}

const forget = "REMOVE m, q, a"

// confirmsAll takes for granted that these are the item's messages, in this order, and that it neither expires nor is
// gone.
func confirmsAll(key kv.Key, ids []string) change {
	values := attributes{":n": number(int64(len(ids)))}
	when := []string{"size(m) = :n", "attribute_exists(r)", "attribute_not_exists(x)"}
	for i, id := range ids {
		name := fmt.Sprintf(":i%d", i)
		when = append(when, fmt.Sprintf("m[%d].i = %s", i, name))
		values[name] = text(id)
	}
	return change{key: keyOf(key), update: forget, when: strings.Join(when, " AND "), values: values}
}

// confirmsSome leaves the rest. When there is none, what was kept for the messages alone goes, and what expires may be
// deleted by DynamoDB itself.
func confirmsSome(key kv.Key, there attributes, rest []types.AttributeValue) change {
	c := change{key: keyOf(key), when: "m = :m", values: attributes{":m": there["m"]}}
	expires := numberIn(there["x"])
	switch {
	case len(rest) > 0:
		c.update = "SET m = :rest"
		c.values[":rest"] = &types.AttributeValueMemberL{Value: rest}
	case numberIn(there["r"]) == 0:
		c.when += " AND attribute_not_exists(r)"
	case expires != 0:
		c.update = "SET t = :t " + forget
		c.when += " AND x = :x"
		c.values[":t"], c.values[":x"] = number(seconds(expires)), number(expires)
	default:
		c.update = forget
		c.when += " AND attribute_exists(r) AND attribute_not_exists(x)"
	}
	return c
}
