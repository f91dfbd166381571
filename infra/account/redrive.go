package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/banyan-migration/banyan/infra/awsapi"
)

// Redriven is what became of a service's dead letters.
type Redriven struct {
	Waiting int            `json:"waiting"`         // when it began, as the queue counts: about
	Waits   map[string]int `json:"waits,omitempty"` // what waits by type of message, where that can be seen without taking it: on one machine
	Moved   map[string]int `json:"moved"`           // by type of message: in the queue, and dead no more
	Left    int            `json:"left"`            // refused by the queue, not removed, or past the limit
}

// Count is how many were moved.
func (r Redriven) Count() (n int) {
	for _, of := range r.Moved {
		n += of
	}
	return n
}

// letter is a message as SQS hands it out.
type letter struct {
	MessageID  string `json:"MessageId"`
	Receipt    string `json:"ReceiptHandle"`
	Body       string
	Attributes map[string]json.RawMessage `json:"MessageAttributes"`
}

// Redrive moves a service's dead letters back to its queue: up to limit of them, and no more than lay there when it began, so that
// one that dies again at once is not moved for ever. Each is first put into the queue and then removed, so none is lost if it is
// interrupted; one may then be there twice, which every receiver of ours bears. One that the queue refuses stays dead and keeps no
// other from going; the error counts those. dry moves nothing and counts.
func (a *Account) Redrive(ctx context.Context, service string, limit int, dry bool) (Redriven, error) {
	done := Redriven{Moved: map[string]int{}}
	from, err := a.queueURL(ctx, a.name(service, "dead"))
	if err != nil {
		return done, err
	}
	to, err := a.queueURL(ctx, a.name(service))
	if err != nil {
		return done, err
	}
	if done.Waiting, err = a.length(ctx, from); err != nil || dry {
		done.Left = done.Waiting
		return done, err
	}
	var all moves
	for most := min(limit, done.Waiting); all.handed < most; {
		letters, err := a.receive(ctx, from, min(batchLetters, most-all.handed))
		if err != nil {
			return done, errors.Join(err, all.stayed(to))
		}
		if len(letters) == 0 {
			break // the queue's count is about right, no more
		}
		all.handed += len(letters)
		for batch := range batches(letters) {
			moved, err := a.move(ctx, from, to, batch, &all)
			for _, l := range moved {
				done.Moved[typeOf(l)]++
			}
			if err != nil {
				return done, errors.Join(err, all.stayed(to))
			}
		}
	}
	done.Left, err = a.length(ctx, from)
	done.Left += all.refused + all.both // which are hidden for a minute
	return done, errors.Join(err, all.stayed(to))
}

// moves are counted while they go on.
type moves struct {
	handed  int // by the queue of dead letters
	refused int // by the queue
	both    int // in the queue now, and still dead letters
	why     string
}

// stayed says which letters are dead still.
func (m *moves) stayed(to string) error {
	var all []error
	if m.refused > 0 {
		all = append(all, fmt.Errorf("account: the queue %s does not take %d of them, which stay dead letters: %s", to, m.refused, m.why))
	}
	if m.both > 0 {
		all = append(all, fmt.Errorf("account: %d of them are in the queue and still dead letters: SQS did not remove them; moving them again does no harm", m.both))
	}
	return errors.Join(all...)
}

// What SQS takes at once: so many messages, and so many bytes of them all.
const (
	batchLetters = 10
	batchBytes   = 1 << 20
)

// batches cuts letters, in their order, into as many at a time as SQS takes. One that no batch has room for goes alone: SQS refuses
// it, and no other with it.
func batches(letters []letter) iter.Seq[[]letter] {
	return func(yield func([]letter) bool) {
		from, size := 0, 0
		for i, l := range letters {
			if i > from && (i-from == batchLetters || size+l.size() > batchBytes) {
				if !yield(letters[from:i]) {
					return
				}
				from, size = i, 0
			}
			size += l.size()
		}
		if from < len(letters) {
			yield(letters[from:])
		}
	}
}

// size is what SQS counts: the body, and of each attribute its name, its type and its value.
func (l letter) size() int {
	n := len(l.Body)
	for name, raw := range l.Attributes {
		var a struct {
			DataType, StringValue string
			BinaryValue           []byte
		}
		if json.Unmarshal(raw, &a) != nil {
			return batchBytes // it goes alone
		}
		n += len(name) + len(a.DataType) + len(a.StringValue) + len(a.BinaryValue)
	}
	return n
}

func (a *Account) sqs(ctx context.Context, operation string, in, out any) error {
	return a.json(ctx, "sqs", "SQS", "AmazonSQS."+operation, in, out)
}

func (a *Account) queueURL(ctx context.Context, name string) (string, error) {
	var out struct {
		QueueURL string `json:"QueueUrl"`
	}
	err := a.sqs(ctx, "GetQueueUrl", map[string]any{"QueueName": name}, &out)
	if gone(err) {
		return "", fmt.Errorf("account: there is no queue %s in %s: a service that hears nothing has none; check the stage, the account and the region", name, a.aws.Region)
	}
	return out.QueueURL, err
}

func (a *Account) length(ctx context.Context, queue string) (int, error) {
	var out struct{ Attributes map[string]string }
	if err := a.sqs(ctx, "GetQueueAttributes", map[string]any{"QueueUrl": queue, "AttributeNames": []string{"ApproximateNumberOfMessages"}}, &out); err != nil {
		return 0, err
	}
	return strconv.Atoi(out.Attributes["ApproximateNumberOfMessages"])
}

// receive hides what it hands out for a minute; what is then not removed is there again.
func (a *Account) receive(ctx context.Context, queue string, limit int) ([]letter, error) {
	var out struct{ Messages []letter }
	err := a.sqs(ctx, "ReceiveMessage", map[string]any{"QueueUrl": queue, "MaxNumberOfMessages": limit, "VisibilityTimeout": 60, "WaitTimeSeconds": 1,
		"MessageAttributeNames": []string{"All"}}, &out)
	return out.Messages, err
}

// entry is one of a batch, and result SQS's answer to it.
type (
	entry  map[string]any
	result struct {
		Successful []struct {
			ID string `json:"Id"`
		}
		Failed []struct {
			ID            string `json:"Id"`
			Code, Message string
		}
	}
)

// move puts letters into a queue and removes those that it took from where they lay; it returns what was removed.
func (a *Account) move(ctx context.Context, from, to string, letters []letter, all *moves) ([]letter, error) {
	var entries []entry
	for i, l := range letters {
		e := entry{"Id": strconv.Itoa(i), "MessageBody": l.Body}
		if len(l.Attributes) > 0 {
			e["MessageAttributes"] = l.Attributes
		}
		entries = append(entries, e)
	}
	var sent result
	err := a.sqs(ctx, "SendMessageBatch", map[string]any{"QueueUrl": to, "Entries": entries}, &sent)
	if e := (*awsapi.Error)(nil); errors.As(err, &e) && strings.HasSuffix(e.Code, "BatchRequestTooLong") && len(letters) == 1 {
		all.refused, all.why = all.refused+1, letters[0].MessageID+": "+e.Message
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	all.refused += len(letters) - len(sent.Successful)
	for _, f := range sent.Failed {
		l, err := named(letters, f.ID)
		if err != nil {
			return nil, err
		}
		all.why = fmt.Sprintf("%s: %s %s", l.MessageID, f.Code, f.Message)
	}
	entries = nil
	for _, s := range sent.Successful {
		l, err := named(letters, s.ID)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{"Id": s.ID, "ReceiptHandle": l.Receipt})
	}
	if len(entries) == 0 {
		return nil, nil
	}
	return a.remove(ctx, from, letters, entries, all)
}

// remove takes letters that are in the queue from where they lay, and returns those that are there no more.
func (a *Account) remove(ctx context.Context, from string, letters []letter, entries []entry, all *moves) (moved []letter, err error) {
	var removed result
	err = a.sqs(ctx, "DeleteMessageBatch", map[string]any{"QueueUrl": from, "Entries": entries}, &removed)
	all.both += len(entries) - len(removed.Successful)
	for _, r := range removed.Successful {
		l, wrong := named(letters, r.ID)
		if wrong != nil {
			return moved, wrong
		}
		moved = append(moved, l)
	}
	return moved, err
}

// named is the letter that has a place in a batch as its id.
func named(letters []letter, id string) (letter, error) {
	i, err := strconv.Atoi(id)
	if err != nil || i < 0 || i >= len(letters) {
		return letter{}, fmt.Errorf("account: the queue answered for a message %q that it was not given", id)
	}
	return letters[i], nil
}

// typeOf is a message's type, for the count; its content is nobody's business here.
func typeOf(l letter) string {
	var m struct{ Type string }
	if json.Unmarshal([]byte(l.Body), &m) != nil || m.Type == "" {
		return "unreadable"
	}
	return m.Type
}
