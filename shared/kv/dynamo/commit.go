package dynamo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/banyan-migration/banyan/shared/kv"
)

// Commit makes all the writes or none: one write as it is, several as a transaction.
func (s *store) Commit(ctx context.Context, writes ...kv.Write) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := kv.Check(writes); err != nil || len(writes) == 0 {
		return err
	}
	c, err := s.prepare(writes)
	if err != nil {
		return err
	}
	call := c.single
	if len(writes) > 1 {
		call = c.transact
	}
	return told("commit", s.table, s.db.patiently(ctx, call))
}

// commit is one Commit under way.
type commit struct {
	store    *store
	writes   []kv.Write
	messages [][]types.AttributeValue
	found    []state
	now      int64  // Unix nanoseconds: the same for every attempt
	id       string // remembered by what it writes
	token    string // by which DynamoDB knows a transaction that is sent again
}

// prepare refuses what DynamoDB would refuse, with the key and the limit.
func (s *store) prepare(writes []kv.Write) (*commit, error) {
	if len(writes) > s.MaxWrites() {
		return nil, fmt.Errorf("dynamo: a commit of %d writes: DynamoDB takes at most %d in one transaction. Nothing of it was written", len(writes), s.MaxWrites())
	}
	c := &commit{store: s, writes: writes, messages: make([][]types.AttributeValue, len(writes)), found: make([]state, len(writes)),
		now: s.db.now().UnixNano(), id: rand.Text()[:13], token: rand.Text()} // 13 characters: 65 bits
	total := 0
	for i, w := range writes {
		var err error
		if c.messages[i], err = messagesOf(w.Messages); err != nil {
			return nil, err
		}
		size := sizeOf(keyOf(w.Key)) + sizeOf(c.change(i).values)
		if size > itemLimit {
			return nil, tooLarge(w.Key, fmt.Sprintf("%d bytes were to be written", size))
		}
		total += size
	}
	if len(writes) > 1 && total > transactionLimit {
		return nil, fmt.Errorf("dynamo: a commit of %d bytes in %d writes: DynamoDB takes at most 4 MB in one transaction. Nothing of it was written", total, len(writes))
	}
	return c, nil
}

// single makes a commit of one write.
func (c *commit) single(ctx context.Context) error {
	change, client := c.change(0), c.store.db.client
	var err error
	if change.update == "" {
		_, err = client.DeleteItem(ctx, change.deleteItem(&c.store.table))
	} else {
		_, err = client.UpdateItem(ctx, change.updateItem(&c.store.table))
	}
	var failed *types.ConditionalCheckFailedException
	if !errors.As(err, &failed) {
		return c.sized(err)
	}
	if by(failed.Item) == c.id {
		return nil
	}
	return c.judge(0, failed.Item)
}

// transact makes a commit of several.
func (c *commit) transact(ctx context.Context) error {
	items := make([]types.TransactWriteItem, len(c.writes))
	for i := range c.writes {
		items[i] = c.change(i).transactItem(&c.store.table)
	}
	_, err := c.store.db.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items, ClientRequestToken: &c.token})
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) {
		return c.sized(err)
	}
	c.token = rand.Text() // nothing was done, and the next attempt may ask otherwise
	return c.reasons(canceled)
}

// reasons looks at why each write was refused. A condition that does not hold decides, whatever else is said: waiting
// would not help it.
func (c *commit) reasons(canceled *types.TransactionCanceledException) error {
	var verdict error
	for i, r := range canceled.CancellationReasons[:min(len(canceled.CancellationReasons), len(c.writes))] {
		switch {
		case aws.ToString(r.Code) == "ConditionalCheckFailed" && by(r.Item) == c.id:
			return nil // a commit whose answer was lost: all of it is there
		case aws.ToString(r.Code) == "ConditionalCheckFailed":
			if err := c.judge(i, r.Item); errors.Is(err, kv.ErrConflict) || verdict == nil {
				verdict = err
			}
		case aws.ToString(r.Code) == "ValidationError" && sizes(aws.ToString(r.Message)):
			return tooLarge(c.writes[i].Key, "with what lies there it would be more")
		}
	}
	if verdict == nil || busy(canceled) && !errors.Is(verdict, kv.ErrConflict) {
		return canceled
	}
	return verdict
}

func by(item attributes) string { return textIn(item["w"]) }

// judge decides what a failed condition means: a conflict, or that the change took the wrong state for granted.
func (c *commit) judge(i int, there attributes) error {
	w, now := c.writes[i], c.store.db.now()
	item := itemIn(w.Key, there, now)
	if !w.If.Holds(item.Rev) {
		return fmt.Errorf("%w: %v is at revision %d", kv.ErrConflict, w.Key, item.Rev)
	}
	c.now = now.UnixNano()
	c.found[i] = state{expired: item.Expired(now), waits: len(waitingIn(there)) > 0}
	return errMoved
}

// sized names the key of an item that has grown too large by what is kept there already.
func (c *commit) sized(err error) error {
	if err != nil && code(err) == "ValidationException" && sizes(err.Error()) && len(c.writes) == 1 {
		return tooLarge(c.writes[0].Key, "with what lies there it would be more")
	}
	return err
}

// sizes recognises DynamoDB's "Item size has exceeded …" and "Item size to update has exceeded …".
func sizes(message string) bool {
	return strings.Contains(strings.ToLower(message), "item size") && strings.Contains(message, "exceeded")
}
