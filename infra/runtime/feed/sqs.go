package feed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// message is a message as SQS gives it.
type message struct {
	ID         string               `json:"MessageId"`
	Handle     string               `json:"ReceiptHandle"`
	Body       string               `json:"Body"`
	MD5        string               `json:"MD5OfBody"`
	Attributes map[string]string    `json:"Attributes"`
	Message    map[string]attribute `json:"MessageAttributes"`
}

type attribute struct {
	Type   string  `json:"DataType"`
	String *string `json:"StringValue"`
	Binary *[]byte `json:"BinaryValue"`
}

// record is a message as a function sees it.
type record struct {
	ID         string               `json:"messageId"`
	Handle     string               `json:"receiptHandle"`
	Body       string               `json:"body"`
	Attributes map[string]string    `json:"attributes"`
	Message    map[string]described `json:"messageAttributes"`
	MD5        string               `json:"md5OfBody"`
	Source     string               `json:"eventSource"`
	SourceARN  string               `json:"eventSourceARN"`
	Region     string               `json:"awsRegion"`
}

type described struct {
	String       *string  `json:"stringValue,omitempty"`
	Binary       *[]byte  `json:"binaryValue,omitempty"`
	StringValues []string `json:"stringListValues"`
	BinaryValues []string `json:"binaryListValues"`
	Type         string   `json:"dataType"`
}

func (q *Queue) event(messages []message) ([]byte, error) {
	event := struct{ Records []record }{}
	for _, m := range messages {
		r := record{ID: m.ID, Handle: m.Handle, Body: m.Body, Attributes: m.Attributes, Message: map[string]described{},
			MD5: m.MD5, Source: "aws:sqs", SourceARN: q.ARN, Region: q.AWS.Region}
		for name, a := range m.Message {
			r.Message[name] = described{String: a.String, Binary: a.Binary, StringValues: []string{}, BinaryValues: []string{}, Type: a.Type}
		}
		event.Records = append(event.Records, r)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // a letter that became six would count as six
	err := e.Encode(event)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func (q *Queue) receive(ctx context.Context) ([]message, error) {
	batch, wait := q.Batch, int(q.Wait/time.Second)
	if batch == 0 {
		batch = 10
	}
	if q.Wait == 0 {
		wait = 20
	}
	var got struct{ Messages []message }
	err := q.call(ctx, "ReceiveMessage", map[string]any{"QueueUrl": q.URL, "MaxNumberOfMessages": batch, "WaitTimeSeconds": wait,
		"AttributeNames": []string{"All"}, "MessageSystemAttributeNames": []string{"All"}, "MessageAttributeNames": []string{"All"}}, &got)
	return got.Messages, err
}

// remove deletes messages. One that could not be deleted comes again: what handles it must bear that anyway.
func (q *Queue) remove(ctx context.Context, messages []message) error {
	if len(messages) == 0 {
		return nil
	}
	type entry struct {
		ID     string `json:"Id"`
		Handle string `json:"ReceiptHandle"`
	}
	var entries []entry
	for i, m := range messages {
		entries = append(entries, entry{fmt.Sprint(i), m.Handle})
	}
	var result struct {
		Failed []struct{ Id, Code, Message string }
	}
	err := q.call(ctx, "DeleteMessageBatch", map[string]any{"QueueUrl": q.URL, "Entries": entries}, &result)
	for _, f := range result.Failed {
		err = errors.Join(err, fmt.Errorf("a message could not be deleted and comes again: %s %s", f.Code, f.Message))
	}
	return err
}

func (q *Queue) call(ctx context.Context, action string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second) // a poll waits for 20 s at most
	defer cancel()
	return q.AWS.JSON(ctx, "sqs", q.Endpoint, "AmazonSQS."+action, in, out)
}
