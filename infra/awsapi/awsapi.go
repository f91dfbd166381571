// Package awsapi asks AWS, or what plays it, in AWS's plain protocols, signed by the SDK's signer: a client of each service
// would add a megabyte and more to a program that asks one question of it.
package awsapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Client asks in one account's name. It is a value, safe for concurrent use; how long an answer is waited for is HTTP's or
// the context's to say.
type Client struct {
	Region      string
	Credentials aws.CredentialsProvider
	HTTP        *http.Client // nil: http.DefaultClient
}

// Call is one request, before it is signed.
type Call struct {
	Service   string // the name that the signature has
	Operation string // for messages
	Method    string
	URL       string
	Header    http.Header // nil: none but what signing adds
	Body      []byte
}

// Error is what AWS answered in place of what was asked for.
type Error struct {
	Service, Operation string
	Status             int
	Code, Message      string
}

func (e *Error) Error() string {
	return fmt.Sprintf("AWS refused %s %s with %d %s: %s", e.Service, e.Operation, e.Status, e.Code, e.Message)
}

// largest is ten messages of 1 MiB, each letter written as six.
const largest = 64 << 20

// Send signs a call and returns the answer's body; a status past 299 is an *Error.
func (c Client) Send(ctx context.Context, call Call) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, call.Method, call.URL, bytes.NewReader(call.Body))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", call.Service, err)
	}
	maps.Copy(r.Header, call.Header)
	credentials, err := c.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: AWS's credentials are not to be had: %w", call.Service, err)
	}
	sum := sha256.Sum256(call.Body)
	if err := v4.NewSigner().SignHTTP(ctx, credentials, r, hex.EncodeToString(sum[:]), call.Service, c.Region, time.Now()); err != nil {
		return nil, fmt.Errorf("%s: %w", call.Service, err)
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", call.Service, err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, largest))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", call.Service, err)
	}
	if answer.StatusCode > 299 {
		return nil, refusal(call, answer, raw)
	}
	return raw, nil
}

// refusal reads what AWS says of an error, in JSON or XML.
func refusal(call Call, answer *http.Response, raw []byte) error {
	e := &Error{Service: call.Service, Operation: call.Operation, Status: answer.StatusCode}
	var inJSON struct {
		Type    string `json:"__type"`
		Message string // or message
	}
	var inXML struct {
		Code    string `xml:"Error>Code"`
		Message string `xml:"Error>Message"`
	}
	switch {
	case json.Unmarshal(raw, &inJSON) == nil:
		e.Code, e.Message = inJSON.Type, inJSON.Message
	case xml.Unmarshal(raw, &inXML) == nil:
		e.Code, e.Message = inXML.Code, inXML.Message
	}
	if e.Code == "" {
		e.Code = answer.Header.Get("X-Amzn-Errortype")
	}
	if _, after, found := strings.Cut(e.Code, "#"); found {
		e.Code = after
	}
	return e
}

// JSON asks by the protocol that names its operation in a header, as AmazonSQS.ReceiveMessage, and decodes the answer into
// out unless that is nil.
func (c Client) JSON(ctx context.Context, service, address, target string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("%s: %w", service, err)
	}
	_, operation, _ := strings.Cut(target, ".")
	raw, err := c.Send(ctx, Call{Service: service, Operation: operation, Method: http.MethodPost, URL: address, Body: body,
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}, "X-Amz-Target": {target}}})
	return decoded(service, raw, err, out, json.Unmarshal)
}

// REST asks by HTTP's own verbs; in may be nil, out too.
func (c Client) REST(ctx context.Context, service, method, address string, in, out any) error {
	call := Call{Service: service, Operation: method, Method: method, URL: address, Header: http.Header{"Content-Type": {"application/json"}}}
	if u, err := url.Parse(address); err == nil {
		call.Operation += " " + u.Path
	}
	if in != nil {
		var err error
		if call.Body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("%s: %w", service, err)
		}
	}
	raw, err := c.Send(ctx, call)
	return decoded(service, raw, err, out, json.Unmarshal)
}

// Query asks by AWS's oldest protocol, a form that is answered in XML; form has no Action or Version of its own.
func (c Client) Query(ctx context.Context, service, address, version, action string, form url.Values, out any) error {
	all := url.Values{"Action": {action}, "Version": {version}}
	maps.Copy(all, form)
	raw, err := c.Send(ctx, Call{Service: service, Operation: action, Method: http.MethodPost, URL: address, Body: []byte(all.Encode()),
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}})
	return decoded(service, raw, err, out, xml.Unmarshal)
}

func decoded(service string, raw []byte, err error, out any, read func([]byte, any) error) error {
	if err != nil || out == nil {
		return err
	}
	if err := read(raw, out); err != nil {
		return fmt.Errorf("%s answered what cannot be read: %w", service, err)
	}
	return nil
}
