package permissions

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const log = `START RequestId: 1 Version: 3
{"time":"2026-03-13T12:00:00Z","level":"DEBUG","msg":"aws","service":"donate","version":"7","service":"DynamoDB","operation":"TransactWriteItems","resource":"banyan-dev-donate","items":"Delete,Update","invocation":"1","cold":true}
donate | {"level":"DEBUG","msg":"aws","service":"donate","service":"DynamoDB","operation":"Query","resource":"banyan-dev-donate","index":"unsent"}
{"level":"DEBUG","msg":"aws","service":"SNS","operation":"PublishBatch","resource":"banyan-dev"}
{"level":"DEBUG","msg":"aws","service":"SNS","operation":"PublishBatch","resource":"banyan-dev"}
{"level":"INFO","msg":"a text with \"msg\":\"aws\" in it","service":"donate"}
{"level":"INFO","msg":"request","route":"POST /donations","nested":{"msg":"aws"}}
{"broken
REPORT RequestId: 1	Duration: 3.01 ms`

func TestCallsOfALogAreReadOnce(t *testing.T) {
	t.Parallel()
	calls, err := Read(strings.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	want := []Call{
		{Service: "SNS", Operation: "PublishBatch", Resource: "banyan-dev"},
		{Function: "donate", Service: "DynamoDB", Operation: "Query", Resource: "banyan-dev-donate", Index: "unsent"},
		{Function: "donate", Service: "DynamoDB", Operation: "TransactWriteItems", Resource: "banyan-dev-donate", Items: "Delete,Update"},
	}
	if !slices.Equal(calls, want) {
		t.Errorf("%v\nwant %v", calls, want)
	}
}

func TestCallThatCannotBeReadIsNotOverlooked(t *testing.T) {
	t.Parallel()
	for _, line := range []string{`{"msg":"aws","service":"SNS"`, `{"msg":"aws","service":"SNS"}`, `{"msg":"aws","operation":"Publish"}`, `{"msg":"aws","service":"SNS",}`} {
		if _, err := Read(strings.NewReader("{}\n" + line)); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: %v, want line 2 refused", line, err)
		}
	}
}

func TestActionsOfCalls(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]Call{
		"dynamodb:UpdateItem on table/t":                                                   {Service: "DynamoDB", Operation: "UpdateItem", Resource: "t"},
		"dynamodb:DeleteItem on table/t, dynamodb:UpdateItem on table/t":                   {Service: "DynamoDB", Operation: "TransactWriteItems", Resource: "t", Items: "Delete,Update"},
		"dynamodb:ConditionCheckItem on table/t, dynamodb:PutItem on table/t":              {Service: "DynamoDB", Operation: "TransactWriteItems", Resource: "t", Items: "ConditionCheck,Put"},
		"dynamodb:Query on table/t/index/unsent":                                           {Service: "DynamoDB", Operation: "Query", Resource: "t", Index: "unsent"},
		"dynamodb:BatchGetItem on table/a, dynamodb:BatchGetItem on table/b":               {Service: "DynamoDB", Operation: "BatchGetItem", Resource: "a,b"},
		"sns:Publish on banyan-dev":                                                        {Service: "SNS", Operation: "PublishBatch", Resource: "banyan-dev"},
		"secretsmanager:GetSecretValue on secret:banyan/dev/key":                           {Service: "Secrets Manager", Operation: "GetSecretValue", Resource: "banyan/dev/key"},
		"ssm:GetParameters on parameter/banyan/a, ssm:GetParameters on parameter/banyan/b": {Service: "SSM", Operation: "GetParameters", Resource: "/banyan/a,/banyan/b"},
		"ses:SendRawEmail":                            {Service: "SESv2", Operation: "SendEmail"},
		"s3:GetObject on blobs/*":                     {Service: "S3", Operation: "GetObject", Resource: "blobs"},
		"states:StartExecution on stateMachine:claim": {Service: "SFN", Operation: "StartExecution", Resource: "claim"},
	} {
		needs, err := Needs(c)
		if got := strings.Trim(strings.ReplaceAll(fmt.Sprintf("%q", needs), `" "`, ", "), `[]"`); err != nil || got != want {
			t.Errorf("%s takes %s, want %s (%v)", c, got, want, err)
		}
	}
	for _, c := range []Call{{Service: "DynamoDB", Operation: "TransactWriteItems", Resource: "t"}, {Service: "DynamoDB", Operation: "DropTable"}, {Service: "Nothing", Operation: "GetItem"}} {
		if needs, err := Needs(c); err == nil {
			t.Errorf("%s takes %v: want a refusal", c, needs)
		}
	}
}

func policy(t *testing.T, document string) Policy {
	t.Helper()
	p, err := Parse("p", []byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// resources are patterns as policies and templates write them, and what each holds.
var resources = []struct {
	json  string
	holds []string
	not   []string
}{
	{`"arn:aws:dynamodb:eu-west-1:1:table/t"`, []string{"table/t", ""}, []string{"table/t2", "table/t/index/unsent", "x"}},
	{`"arn:aws:dynamodb:eu-west-1:1:table/t/index/*"`, []string{"table/t/index/unsent"}, []string{"table/t"}},
	{`"arn:aws:secretsmanager:eu-west-1:1:secret:banyan/dev/key-??????"`, []string{"secret:banyan/dev/key", "secret:banyan/dev/key-aB12cD"}, []string{"secret:banyan/dev/keys", "secret:banyan/prod/key"}},
	{`"arn:aws:s3:::blobs/*"`, []string{"blobs/*"}, []string{"blobs", "other/*"}},
	{`"arn:aws:s3:::blobs/uploads/*"`, []string{"blobs/*"}, []string{"blobs"}},
	{`"arn:aws:s3:::blobs"`, []string{"blobs"}, []string{"blobs/*"}},
	{`"*"`, []string{"table/t", "x", ""}, nil},
	{`["arn:aws:sns:eu-west-1:1:a","arn:aws:sns:eu-west-1:1:b"]`, []string{"a", "b"}, []string{"c"}},
	{`{"Fn::Sub":"arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:banyan-${Stage}"}`, []string{"banyan-dev"}, []string{"other-dev"}},
	{`{"Fn::Sub":["arn:aws:sns:eu-west-1:1:${A}",{"A":"x"}]}`, []string{"x", "y"}, nil},
	{`{"Fn::Sub":"${Table.Arn}/index/unsent"}`, []string{"table/t/index/unsent"}, []string{"table/t"}},
	{`{"Fn::GetAtt":["Table","Arn"]}`, []string{"table/t", "x"}, nil},
	{`{"Fn::Join":["",["arn:aws:sns:eu-west-1:1:",{"Ref":"Name"},"-dev"]]}`, []string{"banyan-dev"}, []string{"banyan-prod"}},
	{`{"Fn::If":["C","arn:aws:sns:eu-west-1:1:a",{"Ref":"AWS::NoValue"}]}`, []string{"a"}, []string{"b"}},
}

func TestResourcesOfPolicies(t *testing.T) {
	t.Parallel()
	for _, r := range resources {
		s := policy(t, `{"Statement":{"Effect":"Allow","Action":"a:B","Resource":`+r.json+`}}`).Statement[0]
		for _, resource := range r.holds {
			if !s.grants(Need{"a:B", resource}) {
				t.Errorf("%s does not hold %q", r.json, resource)
			}
		}
		for _, resource := range r.not {
			if s.grants(Need{"a:B", resource}) {
				t.Errorf("%s holds %q", r.json, resource)
			}
		}
	}
}

func TestPolicyThatWouldHaveToBeGuessedIsRefused(t *testing.T) {
	t.Parallel()
	for _, document := range []string{``, `[]`, `{}`, `{"Statement":[]}`, `{"Statement":[{"Effect":"Allow","NotAction":"a:B","Resource":"*"}]}`, `{"Statement":[{"Effect":"Allow","Action":"a:B","NotResource":"*"}]}`,
		`{"Statement":[{"Effect":"Perhaps","Action":"a:B","Resource":"*"}]}`, `{"Statement":[{"Effect":"Allow","Action":{"Ref":"A"},"Resource":"*"}]}`, `{"Statement":[{"Effect":"Allow","Resource":"*"}]}`, `{"Statement":[{"Effect":"Allow","Action":"a:B"}]}`} {
		if p, err := Parse("p", []byte(document)); err == nil {
			t.Errorf("%s is read as %+v", document, p)
		}
	}
}

const role = `{"Version":"2012-10-17","Statement":[
	{"Effect":"Allow","Action":["dynamodb:UpdateItem","dynamodb:DeleteItem","dynamodb:Scan"],"Resource":"arn:aws:dynamodb:eu-west-1:1:table/banyan-dev-donate"},
	{"Effect":"Allow","Action":"sqs:ReceiveMessage","Resource":"arn:aws:sqs:eu-west-1:1:banyan-dev-donate"},
	{"Effect":"Allow","Action":"kms:*","Resource":"arn:aws:kms:eu-west-1:1:key/1"},
	{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::*"},
	{"Fn::If":["C",{"Effect":"Deny","Action":"s3:GetObject","NotResource":"arn:aws:s3:::blobs/*"},{"Ref":"AWS::NoValue"}]}]}`

func TestRoleIsHeldAgainstItsCallsInBothDirections(t *testing.T) {
	t.Parallel()
	calls, err := Read(strings.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	calls = append(calls, Call{Service: "S3", Operation: "GetObject", Resource: "blobs"}, Call{Service: "S3", Operation: "GetObject", Resource: "others"}, Call{Service: "S3", Operation: "Frobnicate"})
	basic, err := Managed("arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
	if err != nil {
		t.Fatal(err)
	}
	exceptions := append(slices.Clone(ByAWS), Exception{"dynamodb:Scan", "table/banyan-dev-donate", "the restore drill"})
	r := Compare(calls, []Policy{policy(t, role), basic}, exceptions)
	for name, c := range map[string]struct {
		found []Finding
		want  []string
	}{
		"missing": {r.Missing, []string{"dynamodb:Query on table/banyan-dev-donate/index/unsent", "s3:GetObject on others/*", "sns:Publish on banyan-dev"}},
		"unused":  {r.Unused, []string{"kms:* on arn:aws:kms:eu-west-1:1:key/1"}},
		"wide":    {r.Wide, []string{"kms:* on arn:aws:kms:eu-west-1:1:key/1", "s3:GetObject on arn:aws:s3:::*"}},
		"unknown": {r.Unknown, []string{"S3.Frobnicate"}},
		"excused": {r.Excused, []string{"dynamodb:Scan on arn:aws:dynamodb:eu-west-1:1:table/banyan-dev-donate", "logs:CreateLogGroup on *", "logs:CreateLogStream on *", "logs:PutLogEvents on *", "sqs:ReceiveMessage on arn:aws:sqs:eu-west-1:1:banyan-dev-donate"}},
	} {
		var got []string
		for _, f := range c.found {
			got = append(got, f.What)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if r.Fine() || !strings.Contains(r.String(), "used and not granted: s3:GetObject on others/*: S3.GetObject on others: the policy p denies it") {
		t.Errorf("the report says\n%s", r)
	}
	if len(r.Stale) != len(ByAWS)-2 {
		t.Errorf("stale: %v", r.Stale)
	}
	good := policy(t, `{"Statement":[{"Effect":"Allow","Action":"sns:Publish","Resource":"arn:aws:sns:eu-west-1:1:banyan-dev"}]}`)
	if r := Compare([]Call{{Service: "SNS", Operation: "PublishBatch", Resource: "banyan-dev"}}, []Policy{good}, nil); !r.Fine() || r.String() != "" {
		t.Errorf("a role that fits: %s", r)
	}
	if _, err := Managed("arn:aws:iam::aws:policy/AdministratorAccess"); err == nil {
		t.Error("AdministratorAccess is written down")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(log)
	f.Add(`{"msg":"aws","service":"a","service":"b","operation":"c","resource":1}`)
	f.Fuzz(func(t *testing.T, log string) {
		calls, err := Read(strings.NewReader(log))
		for _, c := range calls {
			if err != nil || c.Service == "" || c.Operation == "" {
				t.Errorf("%+v with %v", c, err)
			}
			_, _ = Needs(c) // must not panic
		}
		if n := strings.Count(log, `"msg":"aws"`); len(calls) > n {
			t.Errorf("%d calls of %d lines", len(calls), n)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(role)
	for _, r := range resources {
		f.Add(`{"Statement":{"Effect":"Allow","Action":"a:B","Resource":` + r.json + `}}`)
	}
	f.Fuzz(func(t *testing.T, document string) {
		p, err := Parse("p", []byte(document))
		if err != nil {
			return
		}
		for _, s := range p.Statement {
			if len(s.Actions) == 0 || len(s.Resources) == 0 {
				t.Errorf("%+v grants nothing", s)
			}
		}
		_ = Compare([]Call{{Service: "SNS", Operation: "Publish", Resource: "t"}}, []Policy{p}, ByAWS).String() // must not panic
	})
}

func FuzzLike(f *testing.F) {
	f.Add("a*b?c", "axxbyc")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if !strings.ContainsAny(pattern, "*?"+open) && like(pattern, text) != (pattern == text) {
			t.Errorf("%q like %q", text, pattern)
		}
		if !like(text+"*", text+pattern) || !like("*"+text, pattern+text) {
			t.Errorf("%q is not like itself with a star", text)
		}
	})
}
