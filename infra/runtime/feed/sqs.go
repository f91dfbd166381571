package feed

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
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
			MD5: m.MD5, Source: "aws:sqs", SourceARN: q.ARN, Region: or(q.Region, "eu-west-1")}
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

// call asks SQS something, signed.
func (q *Queue) call(ctx context.Context, action string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second) // a poll waits for 20 s at most
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, q.Endpoint, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Target", "AmazonSQS."+action)
	credentials := aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}
	if q.Credentials != nil {
		if credentials, err = q.Credentials.Retrieve(ctx); err != nil {
			return err
		}
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, credentials, req, hex.EncodeToString(sum[:]), "sqs", or(q.Region, "eu-west-1"), time.Now()); err != nil {
		return err
	}
	client := q.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20)) // ten messages of 1 MiB, each letter written as six at worst
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		var said struct {
			Type    string `json:"__type"`
			Message string `json:"message"`
		}
		json.Unmarshal(text, &said) // without it the status must do
		return fmt.Errorf("%s: %s %s %s", action, resp.Status, said.Type, said.Message)
	}
	return json.Unmarshal(text, out)
}
