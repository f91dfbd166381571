package worlds

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/banyan-migration/banyan/infra/awsapi"
	"github.com/banyan-migration/banyan/infra/fakes/ministack"
	"github.com/banyan-migration/banyan/services/all"
)

// account is an emulated AWS, as a person at its console sees it.
type account struct {
	t   *testing.T
	url string
	aws.Config
}

func open(t *testing.T, url string) account {
	return account{t, url, aws.Config{Region: ministack.Region, BaseEndpoint: &url,
		Credentials: credentials.NewStaticCredentialsProvider(ministack.Key, ministack.Secret, "")}}
}

// environment is what AWS's own tools need to speak to it, and to nothing else.
func (a account) environment() []string {
	return []string{"AWS_ENDPOINT_URL=" + a.url, "AWS_REGION=" + a.Region, "AWS_DEFAULT_REGION=" + a.Region, "AWS_ACCESS_KEY_ID=" + ministack.Key,
		"AWS_SECRET_ACCESS_KEY=" + ministack.Secret, "AWS_EC2_METADATA_DISABLED=true", "SAM_CLI_TELEMETRY=0", "SAM_CLI_POLL_DELAY=1"}
}

// rest sends a call of a service that speaks JSON over HTTP's own verbs, and decodes the answer into out, unless that is nil.
func (a account) rest(service, method, path string, in, out any) {
	a.t.Helper()
	a.must(a.client().REST(a.context(), service, method, a.url+path, in, out))
}

// ask sends a call of a service that names its operation in a header, as DynamoDB_20120810.ListTables.
func (a account) ask(service, operation string, in, out any) {
	a.t.Helper()
	a.must(a.client().JSON(a.context(), service, a.url+"/", operation, in, out))
}

// query sends a call of a service that takes forms, and decodes its XML.
func (a account) query(service, version, operation string, in map[string]string, out any) {
	a.t.Helper()
	form := url.Values{}
	for name, value := range in {
		form.Set(name, value)
	}
	a.must(a.client().Query(a.context(), service, a.url+"/", version, operation, form, out))
}

func (a account) client() awsapi.Client {
	return awsapi.Client{Region: a.Region, Credentials: a.Credentials}
}

// context outlives the test: what tidies up comes after its end.
func (a account) context() context.Context { return context.WithoutCancel(a.t.Context()) }

func (a account) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

// checkUsed says that the services' state and their messages' ways are in this account, and nowhere else.
func (a account) checkUsed() {
	a.t.Helper()
	var tables struct{ TableNames []string }
	a.ask("dynamodb", "DynamoDB_20120810.ListTables", struct{}{}, &tables)
	for _, e := range all.Services {
		at := slices.IndexFunc(tables.TableNames, func(name string) bool { return strings.HasSuffix(name, "-"+e.Name) })
		if at < 0 {
			a.t.Errorf("no table of %s: %q", e.Name, tables.TableNames)
			continue
		}
		var items struct{ Count int }
		if a.ask("dynamodb", "DynamoDB_20120810.Scan", map[string]string{"TableName": tables.TableNames[at], "Select": "COUNT"}, &items); items.Count == 0 {
			a.t.Errorf("the table of %s is empty", e.Name)
		}
	}
	var queues struct{ QueueUrls []string }
	a.ask("sqs", "AmazonSQS.ListQueues", struct{}{}, &queues)
	var topics struct {
		ARNs []string `xml:"ListSubscriptionsResult>Subscriptions>member>TopicArn"`
	}
	a.query("sns", "2010-03-31", "ListSubscriptions", nil, &topics)
	if len(queues.QueueUrls) < 2 || len(topics.ARNs) < 2 {
		a.t.Errorf("queues %q, subscriptions to %q", queues.QueueUrls, topics.ARNs)
	}
}
