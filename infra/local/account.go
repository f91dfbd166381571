package local

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/banyan-migration/banyan/infra/awsapi"
	fakedynamo "github.com/banyan-migration/banyan/infra/fakes/dynamo"
	"github.com/banyan-migration/banyan/infra/fakes/messages"
	"github.com/banyan-migration/banyan/infra/template"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/kv/dynamo"
)

// account is the AWS that functions stand on: tables, a topic and queues, of our own fakes or of an emulator.
type account struct {
	endpoint, region, id string
	credentials          aws.CredentialsProvider
	client               *http.Client

	tables *dynamo.DB
	stacks []template.Stack
	stage  string
	topic  string            // its ARN
	urls   map[string]string // of the queues, by their ARN
}

// openAccount finds the account, and makes what the template's stores would have made.
func (w *World) openAccount(ctx context.Context, t *template.Template) (*account, error) {
	a := accountOf(t, w.options.Lambda.Endpoint)
	if a.endpoint == "" {
		if err := w.openFakes(a); err != nil {
			return nil, err
		}
	}
	w.AWS = a.endpoint
	if err := a.furnish(ctx); err != nil {
		return nil, fmt.Errorf("local: the account at %s: %w", a.endpoint, err)
	}
	return a, nil
}

// accountOf is what a template asks for, not yet furnished.
func accountOf(t *template.Template, endpoint string) *account {
	a := &account{endpoint: endpoint, region: messages.Region, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}, urls: map[string]string{}}
	a.credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
	})
	if stage, ok := t.Parameters["Stage"].Text(); ok {
		a.stage = stage
	}
	for _, s := range t.Stacks {
		if s.Template == storeTemplate {
			a.stacks = append(a.stacks, s)
		}
	}
	return a
}

// storeTemplate makes what a service has of its own.
const storeTemplate = "infra/store.yaml"

// openFakes starts DynamoDB, SNS and SQS of our own on one port.
func (w *World) openFakes(a *account) error {
	tables, err := fakedynamo.Open(filepath.Join(w.options.Dir, "dynamodb.journal"))
	if err != nil {
		return fmt.Errorf("local: %w", err)
	}
	w.onClose(func(context.Context) error { return tables.Close() })
	queues, err := messages.Open(filepath.Join(w.options.Dir, "messages.journal"))
	if err != nil {
		return fmt.Errorf("local: %w", err)
	}
	w.onClose(func(context.Context) error { return queues.Close() })
	l, address, err := listen("")
	if err != nil {
		return err
	}
	a.endpoint = address
	w.run("DynamoDB", tables.Lasts)
	w.run("SNS and SQS", queues.Lasts)
	w.serve("DynamoDB, SNS and SQS", l, onePort(tables, queues))
	return nil
}

// onePort tells the services of an account apart, as they are all at AWS_ENDPOINT_URL.
func onePort(tables, queues http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("X-Amz-Target"), "DynamoDB") {
			tables.ServeHTTP(w, r)
			return
		}
		queues.ServeHTTP(w, r)
	})
}

// furnish makes tables, topic, queues and subscriptions as infra/store.yaml says, where they are missing.
func (a *account) furnish(ctx context.Context) (err error) {
	a.id = messages.Account
	a.tables, err = dynamo.With(aws.Config{Region: a.region, BaseEndpoint: &a.endpoint, Credentials: a.credentials, HTTPClient: a.client}, "banyan-"+a.stage)
	if err != nil {
		return err
	}
	made := struct {
		ARN string `xml:"CreateTopicResult>TopicArn"`
	}{}
	if err := a.sns(ctx, "CreateTopic", url.Values{"Name": {"banyan-" + a.stage}}, &made); err != nil {
		return err
	}
	a.topic = made.ARN
	if parts := strings.Split(a.topic, ":"); len(parts) == 6 {
		a.id = parts[4]
	}
	for _, s := range a.stacks {
		service, _ := s.Parameters["Service"].Text()
		if err := a.tables.Create(ctx, service); err != nil {
			return err
		}
		if types, _ := s.Parameters["Types"].Text(); types != "" {
			if err := a.hear(ctx, service, strings.Split(types, ",")); err != nil {
				return err
			}
		}
	}
	return nil
}

// As infra/store.yaml has them.
const (
	hidden = "180"     // seconds: six times the functions' timeout
	often  = "10"      // receptions; then a message is a dead letter
	kept   = "1209600" // seconds: fourteen days, the most that SQS keeps
)

// hear makes a service's queue, its dead letters, and what it hears of the topic.
func (a *account) hear(ctx context.Context, service string, types []string) error {
	name := "banyan-" + a.stage + "-" + service
	_, dead, err := a.queue(ctx, name+"-dead", map[string]string{"MessageRetentionPeriod": kept})
	if err != nil {
		return err
	}
	_, arn, err := a.queue(ctx, name, map[string]string{"MessageRetentionPeriod": kept, "VisibilityTimeout": hidden, "RedrivePolicy": `{"deadLetterTargetArn":"` + dead + `","maxReceiveCount":` + often + `}`})
	if err != nil {
		return err
	}
	filter, err := json.Marshal(map[string][]string{"type": types})
	if err != nil {
		return err
	}
	var there struct {
		All []struct {
			Endpoint string
			ARN      string `xml:"SubscriptionArn"`
		} `xml:"ListSubscriptionsByTopicResult>Subscriptions>member"`
	}
	if err := a.sns(ctx, "ListSubscriptionsByTopic", url.Values{"TopicArn": {a.topic}}, &there); err != nil {
		return err
	}
	for _, s := range there.All {
		if s.Endpoint == arn { // it may hear other types since
			return a.sns(ctx, "SetSubscriptionAttributes", url.Values{"SubscriptionArn": {s.ARN}, "AttributeName": {"FilterPolicy"}, "AttributeValue": {string(filter)}}, nil)
		}
	}
	return a.sns(ctx, "Subscribe", url.Values{"TopicArn": {a.topic}, "Protocol": {"sqs"}, "Endpoint": {arn},
		"Attributes.entry.1.key": {"RawMessageDelivery"}, "Attributes.entry.1.value": {"true"},
		"Attributes.entry.2.key": {"FilterPolicy"}, "Attributes.entry.2.value": {string(filter)}}, nil)
}

func (a *account) queue(ctx context.Context, name string, attributes map[string]string) (address, arn string, err error) {
	var made struct{ QueueUrl string }
	if err := a.sqs(ctx, "CreateQueue", map[string]any{"QueueName": name}, &made); err != nil {
		return "", "", err
	}
	if err := a.sqs(ctx, "SetQueueAttributes", map[string]any{"QueueUrl": made.QueueUrl, "Attributes": attributes}, nil); err != nil {
		return "", "", err
	}
	var about struct{ Attributes map[string]string }
	if err := a.sqs(ctx, "GetQueueAttributes", map[string]any{"QueueUrl": made.QueueUrl, "AttributeNames": []string{"QueueArn"}}, &about); err != nil {
		return "", "", err
	}
	a.urls[about.Attributes["QueueArn"]] = made.QueueUrl
	return made.QueueUrl, about.Attributes["QueueArn"], nil
}

// resolve is what a name of the template stands for here.
func (a *account) resolve(name string) (string, bool) {
	switch name {
	case "Topic":
		return a.topic, true
	case "AWS::Region":
		return a.region, true
	case "AWS::AccountId":
		return a.id, true
	case "AWS::Partition":
		return "aws", true
	}
	id, output, _ := strings.Cut(name, ".Outputs.")
	for _, s := range a.stacks {
		service, _ := s.Parameters["Service"].Text()
		own := "banyan-" + a.stage + "-" + service
		switch {
		case s.ID == id && output == "Table":
			return own, true
		case s.ID == id && output == "Queue":
			for arn := range a.urls {
				if strings.HasSuffix(arn, ":"+own) {
					return arn, true
				}
			}
		}
	}
	return "", false
}

// environment is what leads the functions to this account.
func (a *account) environment() map[string]string {
	return map[string]string{"AWS_ENDPOINT_URL": a.endpoint}
}

func (a *account) raw(service string) kv.Store { return a.tables.Store(service) }

// oneCall is how long an answer is waited for.
const oneCall = 20 * time.Second

func (a *account) api() awsapi.Client {
	return awsapi.Client{Region: a.region, Credentials: a.credentials, HTTP: a.client}
}

func (a *account) sqs(ctx context.Context, operation string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, oneCall)
	defer cancel()
	return a.api().JSON(ctx, "sqs", a.endpoint+"/", "AmazonSQS."+operation, in, out)
}

func (a *account) sns(ctx context.Context, action string, form url.Values, out any) error {
	ctx, cancel := context.WithTimeout(ctx, oneCall)
	defer cancel()
	return a.api().Query(ctx, "sns", a.endpoint+"/", "2010-03-31", action, form, out)
}
