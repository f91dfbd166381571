package dynamo

import (
	"context"
	"math"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/banyan-migration/banyan/shared/kv"
)

// Get reads one item, with everything that was acknowledged before.
func (s *store) Get(ctx context.Context, key kv.Key) (kv.Item, error) {
	var out *dynamodb.GetItemOutput
	err := s.db.patiently(ctx, func(ctx context.Context) (err error) {
		out, err = s.db.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.table, Key: keyOf(key),
			ConsistentRead: aws.Bool(true), ProjectionExpression: aws.String("r, d, x")})
		return err
	})
	if err != nil {
		return kv.Item{}, told("read", s.table, err)
	}
	item := itemIn(key, out.Item, s.db.now())
	if item.Rev == 0 {
		return kv.Item{}, kv.ErrNotFound
	}
	return item, nil
}

// last is greater than every key: keyed writes no character past U+00FF.
const last = "\U0010FFFF"

// List reads items of a part in order. DynamoDB answers with a megabyte at a time, and passes over what has expired only
// after counting it, so one list may be several questions.
func (s *store) List(ctx context.Context, part, prefix, after string, limit int) ([]kv.Item, error) {
	from, to := prefix, last
	if next := after + "\x00"; after != "" && next > from { // the least key past after
		from = next
	}
	if prefix != "" {
		to = keyed(prefix) + last
	}
	if keyed(from) > to || limit <= 0 {
		return nil, ctx.Err() // DynamoDB refuses such a range
	}
	now := s.db.now()
	ask := dynamodb.QueryInput{TableName: &s.table, ConsistentRead: aws.Bool(true),
		KeyConditionExpression: aws.String("p = :p AND s BETWEEN :from AND :to"),
		FilterExpression:       aws.String("attribute_exists(r) AND " + lives),
		ProjectionExpression:   aws.String("s, r, d, x"),
		ExpressionAttributeValues: attributes{
			":p": text(keyed(part)), ":from": text(keyed(from)), ":to": text(to), ":now": number(now.UnixNano()),
		}}
	var items []kv.Item
	for {
		out, err := s.query(ctx, &ask, limit-len(items))
		if err != nil {
			return nil, told("list", s.table, err)
		}
		for _, found := range out.Items {
			items = append(items, itemIn(kv.Key{Part: part, Sort: unkeyed(textIn(found["s"]))}, found, now))
		}
		if ask.ExclusiveStartKey = out.LastEvaluatedKey; len(ask.ExclusiveStartKey) == 0 || len(items) >= limit {
			return items, nil
		}
	}
}

func (s *store) query(ctx context.Context, ask *dynamodb.QueryInput, limit int) (out *dynamodb.QueryOutput, err error) {
	ask.Limit = aws.Int32(int32(min(limit, math.MaxInt32)))
	err = s.db.patiently(ctx, func(ctx context.Context) (err error) {
		out, err = s.db.client.Query(ctx, ask)
		return err
	})
	return out, err
}

// Unsent lists messages that nobody has confirmed, by the clocks of those who wrote them. The index may be some
// moments behind the table, so it only says which items to read: what was confirmed meanwhile is not listed again, what
// was written just now may come with the next sweep.
func (s *store) Unsent(ctx context.Context, shard, limit int) ([]kv.Unsent, error) {
	ask := dynamodb.QueryInput{TableName: &s.table, IndexName: aws.String(index),
		KeyConditionExpression:    aws.String("q = :q"),
		ProjectionExpression:      aws.String("p, s"),
		ExpressionAttributeValues: attributes{":q": number(int64(shard))}}
	var waiting []kv.Unsent
	for limit > 0 {
		out, err := s.query(ctx, &ask, min(limit-len(waiting), batchLimit))
		if err != nil {
			return nil, told("messages", s.table, err)
		}
		found, err := s.messages(ctx, out.Items)
		if err != nil {
			return nil, told("messages", s.table, err)
		}
		waiting = append(waiting, found...)
		if ask.ExclusiveStartKey = out.LastEvaluatedKey; len(ask.ExclusiveStartKey) == 0 || len(waiting) >= limit {
			return waiting[:min(limit, len(waiting))], nil
		}
	}
	return nil, ctx.Err()
}

// batchLimit is how many items DynamoDB reads in one batch.
const batchLimit = 100

// messages reads the messages of items, in the order of keys. A batch may be answered in part, when it is more than
// 16 MB or the table is busy: the rest is asked for again.
func (s *store) messages(ctx context.Context, keys []attributes) (waiting []kv.Unsent, err error) {
	byKey := map[kv.Key][]types.AttributeValue{}
	left := make([]attributes, len(keys))
	for i, k := range keys {
		left[i] = attributes{"p": k["p"], "s": k["s"]}
	}
	for len(left) > 0 {
		err := s.db.patiently(ctx, func(ctx context.Context) error {
			out, err := s.db.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
				s.table: {Keys: left, ConsistentRead: aws.Bool(true), ProjectionExpression: aws.String("p, s, m")}}})
			if err != nil {
				return err
			}
			for _, item := range out.Responses[s.table] {
				byKey[keyIn(item)] = waitingIn(item)
			}
			before := len(left)
			if left = out.UnprocessedKeys[s.table].Keys; len(left) == before {
				return errPart
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	for _, k := range keys {
		key := keyIn(k)
		for _, raw := range byKey[key] {
			m, err := messageIn(raw)
			if err != nil {
				return nil, err
			}
			waiting = append(waiting, kv.Unsent{Key: key, Message: m})
		}
	}
	return waiting, nil
}

// errPart is a batch of which nothing was answered: that is how DynamoDB throttles one.
var errPart = &types.ProvisionedThroughputExceededException{Message: aws.String("nothing of a batch was answered")}

// lives says in an expression that an item has not expired.
const lives = "(attribute_not_exists(x) OR x > :now)"
