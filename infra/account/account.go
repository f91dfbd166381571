// Package account asks an AWS account what an operator asks of it: is it ready for the night, what lies in a dead-letter
// queue, does a restored table hold what it should. It speaks AWS's plain protocols, signed by the SDK's signer, since a
// client of each service would add a megabyte and more to a command that asks one question of it.
package account

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
)

// Account is an AWS account in one region, and one stage of Banyan in it. Safe for concurrent use.
type Account struct {
	Stage string

	aws    aws.Config
	client *http.Client
	signer *v4.Signer
	now    func() time.Time
}

// Open finds account, region and endpoint as AWS's own tools do, and says what of it is missing. It asks nothing yet.
func Open(ctx context.Context, stage string) (*Account, error) {
	c, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("account: %w", err)
	}
	if c.Region == "" {
		return nil, errors.New("account: no region is set: set AWS_REGION")
	}
	if _, err := c.Credentials.Retrieve(ctx); err != nil {
		return nil, fmt.Errorf("account: AWS's credentials are missing: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: %w", err)
	}
	return At(c, stage), nil
}

// At is the account that a configuration leads to.
func At(c aws.Config, stage string) *Account {
	return &Account{Stage: stage, aws: c, client: &http.Client{Timeout: 30 * time.Second}, signer: v4.NewSigner(), now: time.Now}
}

// name is what template.yaml calls a service's thing: banyan-STAGE-SERVICE, and what of it.
func (a *Account) name(service string, of ...string) string {
	return strings.Join(append([]string{"banyan", a.Stage, service}, of...), "-")
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

// gone says that AWS knows no such thing.
func gone(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Status == http.StatusNotFound || strings.Contains(e.Code, "NotFound") || strings.Contains(e.Code, "DoesNotExist") || strings.Contains(e.Code, "NonExistentQueue"))
}

// endpoint is where a service answers: its host's first label, and the name that its environment variable has.
func (a *Account) endpoint(host, variable string) string {
	for _, name := range []string{"AWS_ENDPOINT_URL_" + variable, "AWS_ENDPOINT_URL"} {
		if set := os.Getenv(name); set != "" {
			return strings.TrimSuffix(set, "/")
		}
	}
	if set := aws.ToString(a.aws.BaseEndpoint); set != "" {
		return strings.TrimSuffix(set, "/")
	}
	return "https://" + host + "." + a.aws.Region + ".amazonaws.com"
}

// call is one request to a service, before it is signed.
type call struct {
	service, operation string
	signed             string // the name that the signature has
	method, address    string
	header             map[string]string
	body               []byte
}

// send signs a call and reads its answer; a status past 299 is an *Error.
func (a *Account) send(ctx context.Context, c call) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, c.method, c.address, bytes.NewReader(c.body))
	if err != nil {
		return nil, fmt.Errorf("account: %s: %w", c.service, err)
	}
	for name, value := range c.header {
		r.Header.Set(name, value)
	}
	credentials, err := a.aws.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("account: AWS's credentials are gone: %w", err)
	}
	sum := sha256.Sum256(c.body)
	if err := a.signer.SignHTTP(ctx, credentials, r, hex.EncodeToString(sum[:]), c.signed, a.aws.Region, a.now()); err != nil {
		return nil, fmt.Errorf("account: %s: %w", c.service, err)
	}
	answer, err := a.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("account: %s: %w", c.service, err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, 16<<20))
	if err != nil {
		return nil, fmt.Errorf("account: %s: %w", c.service, err)
	}
	if answer.StatusCode > 299 {
		return nil, refusal(c, answer, raw)
	}
	return raw, nil
}

// refusal reads what AWS says of an error, in JSON or XML.
func refusal(c call, answer *http.Response, raw []byte) error {
	e := &Error{Service: c.service, Operation: c.operation, Status: answer.StatusCode}
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
	if kind := answer.Header.Get("X-Amzn-Errortype"); e.Code == "" {
		e.Code = kind
	}
	if _, after, found := strings.Cut(e.Code, "#"); found {
		e.Code = after
	}
	return e
}

// json asks by AWS's JSON protocol; target is PREFIX.Operation.
func (a *Account) json(ctx context.Context, host, variable, target string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	_, operation, _ := strings.Cut(target, ".")
	raw, err := a.send(ctx, call{service: host, operation: operation, signed: host, method: http.MethodPost, address: a.endpoint(host, variable) + "/",
		header: map[string]string{"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target}, body: body})
	return decoded(host, raw, err, out, json.Unmarshal)
}

// rest asks by AWS's REST protocol.
func (a *Account) rest(ctx context.Context, host, variable, signed, path string, out any) error {
	raw, err := a.send(ctx, call{service: signed, operation: path, signed: signed, method: http.MethodGet, address: a.endpoint(host, variable) + path})
	return decoded(signed, raw, err, out, json.Unmarshal)
}

// query asks by AWS's oldest protocol, which all of CloudWatch's imitations speak.
func (a *Account) query(ctx context.Context, host, variable, version, action string, form url.Values, out any) error {
	form.Set("Action", action)
	form.Set("Version", version)
	raw, err := a.send(ctx, call{service: host, operation: action, signed: host, method: http.MethodPost, address: a.endpoint(host, variable) + "/",
		header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, body: []byte(form.Encode())})
	return decoded(host, raw, err, out, xml.Unmarshal)
}

func decoded(service string, raw []byte, err error, out any, read func([]byte, any) error) error {
	if err != nil || out == nil {
		return err
	}
	if err := read(raw, out); err != nil {
		return fmt.Errorf("account: %s answered what cannot be read: %w", service, err)
	}
	return nil
}
