package cloud_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/gorilla/mux"

	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/host/cloud"
	"github.com/banyan-migration/banyan/shared/web"
)

func TestEveryLineSaysWhereItComesFrom(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.env["AWS_LAMBDA_FUNCTION_VERSION"] = "12"
	h := a.function(t, newTill().start)
	e := get("POST", "/coins")
	e.Headers["content-type"] = "application/json"
	e.Body = `{"pence":5}`
	e.StageVariables = map[string]string{"release": "2026.11"}
	ask(t, h, e)
	ask(t, h, get("GET", "/panic"))
	requests := a.lines(t, `"msg":"request"`)
	if l := requests[0]; l["service"] != "donate" || l["version"] != "7" || l["release"] != "2026.11" || l["request"] != "lambda-1" || l["cold"] != true || l["route"] != "/coins" {
		t.Errorf("%v", l)
	}
	if l := requests[1]; l["cold"] != nil || l["release"] != nil {
		t.Errorf("%v", l)
	}
	for _, l := range a.lines(t, `"level"`) {
		if l["service"] != "donate" || l["invocation"] != "lambda-1" || l["request"] == nil {
			t.Errorf("%v", l)
		}
	}
	m := a.lines(t, `"_aws"`)
	if m[0]["ExecutedVersion"] != "12" {
		t.Errorf("%v", m[0])
	}
	if m[0]["Service"] != "donate" || m[0]["Stage"] != "dev" || m[0]["Cold"] != 1.0 || m[0]["Errors"] != 0.0 || m[0]["Messages"] != 1.0 || m[0]["release"] != "2026.11" ||
		m[1]["Cold"] != 0.0 || m[1]["Errors"] != 1.0 || m[1]["event"] != "http" {
		t.Errorf("%v", m)
	}
	definition := m[0]["_aws"].(map[string]any)["CloudWatchMetrics"].([]any)[0].(map[string]any)
	if definition["Namespace"] != "Banyan" || len(definition["Metrics"].([]any)) != 6 {
		t.Errorf("%v", definition)
	}
	for _, unit := range definition["Metrics"].([]any) {
		if name := unit.(map[string]any)["Name"].(string); m[0][name] == nil {
			t.Errorf("the metric %s has no value", name)
		}
	}
}

func TestLayerWithoutAVersionIsUnknown(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.env["LAYER_DIR"], a.env["STAGE"] = t.TempDir(), ""
	h := a.function(t, newTill().start)
	ask(t, h, get("GET", "/echo"))
	if m := a.metrics(t); m["version"] != "unknown" || m["Stage"] != "unknown" {
		t.Errorf("%v", m)
	}
}

// caller is a service that calls its own services and a third party; it answers what each was told of the trace.
func caller(own, other string) host.New {
	return func(env host.Env) (host.Service, error) {
		r := mux.NewRouter()
		r.Handle("/call", web.Func(func(w http.ResponseWriter, r *http.Request) error {
			var traces []string
			for _, at := range []string{own, other} {
				out, err := http.NewRequestWithContext(r.Context(), "GET", at, nil)
				if err != nil {
					return err
				}
				a, err := env.Client.Do(out)
				if err != nil {
					return err
				}
				a.Body.Close()
				traces = append(traces, a.Header.Get("Seen"))
			}
			web.Answer(w, 200, strings.Join(traces, ","))
			return nil
		}))
		return host.Service{HTTP: r}, nil
	}
}

func TestTraceIsPassedOnToOurOwnServicesAlone(t *testing.T) {
	t.Parallel()
	tell := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Seen", r.Header.Get("Traceparent")) })
	own, other := httptest.NewServer(tell), httptest.NewServer(tell)
	t.Cleanup(own.Close)
	t.Cleanup(other.Close)
	a := newAccount(t)
	a.env["SERVICES_URL"] = own.URL
	h := a.function(t, caller(own.URL, other.URL))
	const w3c, xray = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Self=1-1;Root=1-67891233-abcdef012345678912345678;Parent=463ac35c9f6413ad;Sampled=0"
	for header, want := range map[[2]string]string{
		{w3c, xray}:        w3c,
		{"nonsense", xray}: "00-67891233abcdef012345678912345678-463ac35c9f6413ad-00",
		{"", ""}:           "00-5e9f0c651de4d666d4dd26aced652b6c-", // the invocation's own, which has no parent
	} {
		e := get("GET", "/call")
		e.Headers["traceparent"], e.Headers["x-amzn-trace-id"] = header[0], header[1]
		//lint:ignore SA1029 the key is aws-lambda-go's own
		ctx := context.WithValue(lambda(t.Context(), "lambda-1"), "x-amzn-trace-id", "Root=1-5e9f0c65-1de4d666d4dd26aced652b6c")
		raw, err := h.Invoke(ctx, []byte(body(t, e)))
		_, told, _ := strings.Cut(string(raw), `\"data\":\"`)
		told, _, _ = strings.Cut(told, `\"`)
		to, others, both := strings.Cut(told, ",")
		if err != nil || !both || !strings.HasPrefix(to, want) || others != "" {
			t.Errorf("%v: ours were told %q and the others %q, %v; want %s and nothing", header, to, others, err, want)
		}
	}
}

// TestCallsToAWSAreLoggedByWhatTheyAreAbout: at the level debug; the proof of the roles reads these lines.
func TestCallsToAWSAreLoggedByWhatTheyAreAbout(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.env["LOG_LEVEL"], a.env["AWS_ENDPOINT_URL"] = "debug", "http://127.0.0.1:1"
	var c aws.Config
	start := func(host.Env) (host.Service, error) { return host.Service{}, nil }
	if _, err := cloud.New(t.Context(), a.world(), "donate", start, func(_ context.Context, f *cloud.Function) error { c = f.AWS; return nil }); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	c.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	db, key := dynamodb.NewFromConfig(c), map[string]types.AttributeValue{"p": &types.AttributeValueMemberS{Value: "zoe@example.org"}}
	table, name := aws.String("banyan-dev-donate"), aws.String("zoe@example.org")
	db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: table, Key: key})
	db.Query(ctx, &dynamodb.QueryInput{TableName: table, IndexName: aws.String("unsent")})
	db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Update: &types.Update{TableName: table, Key: key, UpdateExpression: name}}, {Delete: &types.Delete{TableName: table, Key: key}}}})
	db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{"banyan-dev-donate": {Keys: []map[string]types.AttributeValue{key}}}})
	sns.NewFromConfig(c).Publish(ctx, &sns.PublishInput{TopicArn: aws.String("arn:aws:sns:eu-west-1:111122223333:banyan-dev"), Message: name})
	sqs.NewFromConfig(c).SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: aws.String("https://sqs.eu-west-1.amazonaws.com/111122223333/banyan-dev-donate"), MessageBody: name})
	s3.NewFromConfig(c).GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("banyan-dev-evidence"), Key: name})
	ssm.NewFromConfig(c).GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/banyan/dev/pepper")})
	want := []string{
		`"operation":"UpdateItem","resource":"banyan-dev-donate"}`,
		`"operation":"Query","resource":"banyan-dev-donate","index":"unsent"}`,
		`"operation":"TransactWriteItems","resource":"banyan-dev-donate","items":"Delete,Update"}`,
		`"operation":"BatchGetItem","resource":"banyan-dev-donate"}`,
		`"operation":"Publish","resource":"banyan-dev"}`,
		`"operation":"SendMessage","resource":"banyan-dev-donate"}`,
		`"operation":"GetObject","resource":"banyan-dev-evidence"}`,
		`"operation":"GetParameter","resource":"/banyan/dev/pepper"}`,
	}
	log := strings.Split(strings.TrimSpace(a.logged()), "\n")
	if len(log) != len(want) {
		t.Fatalf("%d lines for %d calls:\n%s", len(log), len(want), a.logged())
	}
	for i, line := range log {
		if !strings.Contains(line, `"msg":"aws"`) || strings.Count(line, `"service"`) != 1 || !strings.HasSuffix(line, want[i]) {
			t.Errorf("%s\nwant %s", line, want[i])
		}
	}
	if strings.Contains(a.logged(), "zoe") {
		t.Error("the log tells what the calls carry")
	}
}

func TestCallsToAWSAreNotLoggedOtherwiseAndGoWhereTheEnvironmentSays(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.env["AWS_ENDPOINT_URL"], a.env["AWS_ENDPOINT_URL_DYNAMODB"] = "http://127.0.0.1:1", "http://127.0.0.1:2"
	start := func(host.Env) (host.Service, error) { return host.Service{}, nil }
	_, err := cloud.New(t.Context(), a.world(), "donate", start, func(_ context.Context, f *cloud.Function) error {
		if len(f.AWS.APIOptions) != 0 {
			t.Error("calls are looked at though nobody wants to know")
		}
		db, topic := dynamodb.NewFromConfig(f.AWS).Options().BaseEndpoint, sns.NewFromConfig(f.AWS).Options().BaseEndpoint
		if aws.ToString(db) != "http://127.0.0.1:2" || aws.ToString(topic) != "http://127.0.0.1:1" {
			t.Errorf("DynamoDB is asked at %s, SNS at %s", aws.ToString(db), aws.ToString(topic))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
