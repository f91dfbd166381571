package account

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
)

// Redriven is what became of a service's dead letters.
type Redriven struct {
	Waiting int            `json:"waiting"` // when it began, as the queue counts: about
	Moved   map[string]int `json:"moved"`   // by type of message
	Left    int            `json:"left"`    // refused by the queue, or past the limit
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
// interrupted; one may then be there twice, which every receiver of ours bears. dry moves nothing and counts.
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
	most := min(limit, done.Waiting)
	for done.Count() < most {
		letters, err := a.receive(ctx, from, min(10, most-done.Count()))
		if err != nil {
			return done, err
		}
		if len(letters) == 0 {
			break // the queue's count is about right, no more
		}
		moved, err := a.move(ctx, from, to, letters)
		for _, l := range moved {
			done.Moved[typeOf(l)]++
		}
		if err != nil {
			return done, err
		}
		if len(moved) == 0 {
			return done, fmt.Errorf("account: the queue %s takes none of them; they stay where they are", to)
		}
	}
	done.Left, err = a.length(ctx, from)
	return done, err
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

// move puts letters into a queue and removes those that it took from where they lay.
func (a *Account) move(ctx context.Context, from, to string, letters []letter) ([]letter, error) {
	type entry map[string]any
	var out struct {
		Successful []struct {
			ID string `json:"Id"`
		}
	}
	var entries []entry
	for i, l := range letters {
		e := entry{"Id": strconv.Itoa(i), "MessageBody": l.Body}
		if len(l.Attributes) > 0 {
			e["MessageAttributes"] = l.Attributes
		}
		entries = append(entries, e)
	}
	if err := a.sqs(ctx, "SendMessageBatch", map[string]any{"QueueUrl": to, "Entries": entries}, &out); err != nil {
		return nil, err
	}
	var moved []letter
	entries = nil
	for _, s := range out.Successful {
		i, err := strconv.Atoi(s.ID)
		if err != nil || i < 0 || i >= len(letters) {
			return moved, fmt.Errorf("account: the queue answered for a message %q that it was not given", s.ID)
		}
		moved = append(moved, letters[i])
		entries = append(entries, entry{"Id": s.ID, "ReceiptHandle": letters[i].Receipt})
	}
	if len(entries) == 0 {
		return nil, nil
	}
	return moved, a.sqs(ctx, "DeleteMessageBatch", map[string]any{"QueueUrl": from, "Entries": entries}, nil)
}

// typeOf is a message's type, for the count; its content is nobody's business here.
func typeOf(l letter) string {
	var m struct{ Type string }
	if json.Unmarshal([]byte(l.Body), &m) != nil || m.Type == "" {
		return "unreadable"
	}
	return m.Type
}
