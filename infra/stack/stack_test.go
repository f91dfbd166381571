package stack

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// excuses are the wildcards that stand.
var excuses = []excuse{
	{"**Role", "xray:**", "*", "X-Ray names no resources"},
	{"**Role", "secretsmanager:GetSecretValue", "arn:**:secret:banyan/**-??????", "Secrets Manager ends a secret's ARN with six characters of its own"},
	{"**Key", "kms:**", "*", "a key's policy speaks of that key alone"},
	{"**/HookRole", "codedeploy:PutLifecycleEventHookExecutionStatus", "arn:**:deploymentgroup:<AWS::StackName>-ServerlessDeploymentApplication-*/<AWS::StackName>-**DeploymentGroup-*", "CloudFormation ends both names with characters of its own"},
	{"CodeDeployServiceRole", "**", "**", "SAM makes the role with AWS's own policy for CodeDeploy; only CodeDeploy can take it on, and it calls no function but CodeDeployHook_*"},
	{"gateway/Starts", "ecr:GetAuthorizationToken", "*", "a registry's token names no resource"},
	{"network/ToDynamo", "dynamodb:*", "arn:**:table/banyan-**", "an endpoint's policy grants nothing: it narrows what roles may through it"},
	{"content/PagesPolicy", "s3:GetObject", "<content/Pages.Arn>/*", "the objects of this bucket"},
	{"pipeline/**", "s3:**", "<pipeline/Artifacts.Arn>/*", "the objects of this bucket"},
	{"pipeline/Builds", "ecr:GetAuthorizationToken", "*", "a registry's token names no resource"},
	{"pipeline/Runs", "codebuild:**", "arn:**:project/banyan-deploy-*", "the projects of the stages"},
	{"pipeline/**/Asks", "ssm:GetParameters", "arn:**:parameter/banyan/**/*", "the stage's own"},
	{"pipeline/**/Asks", "cloudformation:**", "arn:**:stack/**/*", "AWS ends a stack's ARN with an id of its own"},
	{"pipeline/**/Asks", "cloudformation:GetTemplateSummary", "*", "of a template that is no stack yet"},
	{"pipeline/**/Asks", "s3:**", "arn:**:aws-sam-cli-managed-default-**", "sam names its bucket itself"},
	{"pipeline/**/Makes", "**", "**", "CloudFormation's own role, a stage's: it makes and removes all that the templates have"},
}

var checks = map[string]check{
	"wildcards": func(e *estate, _ string) []string { found, _ := e.wildcards(excuses); return found },
	"aliases":   aliases, "alarms": alarms, "lost": lost, "exported": exported, "layers": layers, "secrets": secrets,
	"retained": retained, "shifted": shifted, "closed": closed, "told": told,
}

func TestEachEnvironment(t *testing.T) {
	t.Parallel()
	tr := startTranslator(t)
	files := sources(t)
	for stage := range shifts {
		e, err := tr.estate(files, stage)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(e.live()); n < 3 {
			t.Fatalf("%d live functions: the test looks in the wrong place", n)
		}
		for name, check := range checks {
			for _, wrong := range check(e, stage) {
				t.Errorf("%s, %s: %s", stage, name, wrong)
			}
		}
		_, used := e.wildcards(excuses)
		for _, x := range excuses {
			if !slices.Contains(used, x) {
				t.Errorf("%s: nothing needs the excuse for %s on %s by %s (%s): strike it out", stage, x.action, x.resource, x.who, x.why)
			}
		}
	}
}

// eleventh is an alarm more than a function with a queue and a schedule has.
const eleventh = "\n  More: {Type: AWS::CloudWatch::Alarm, Properties: {AlarmName: !Sub 'banyan-${Stage}-${Service}-more', MetricName: Errors}}"

// TestEachCheckCanFail breaks the templates, one way after the other: what was found before is not enough.
func TestEachCheckCanFail(t *testing.T) {
	t.Parallel()
	tr := startTranslator(t)
	whole := sources(t)
	for name, c := range map[string]struct {
		check, file, old, new string
		want                  string
	}{
		"all of DynamoDB":          {"wildcards", "infra/store.yaml", "dynamodb:GetItem,", "dynamodb:*,", "DonateRole may dynamodb:*"},
		"every table":              {"wildcards", "infra/store.yaml", "dynamodb:DeleteItem], Resource: !GetAtt Table.Arn", "dynamodb:DeleteItem], Resource: '*'", "dynamodb:DeleteItem on *"},
		"every queue":              {"wildcards", "infra/store.yaml", "Effect: Deny, Action: [sqs:ReceiveMessage, ", "Effect: Deny, Action: [", "sqs:ReceiveMessage on *"},
		"every log":                {"wildcards", "infra/store.yaml", "NotResource: !GetAtt Log.Arn", "NotResource: !Sub '${Log.Arn}*'", "logs:PutLogEvents on *"},
		"a template too wide":      {"wildcards", main, "{SNSPublishMessagePolicy: {TopicName: !GetAtt Topic.TopicName}}", "{LambdaInvokePolicy: {FunctionName: banyan}}", "lambda:InvokeFunction"},
		"an unknown policy":        {"wildcards", main, "Policies: [!GetAtt PostcodeStore.Outputs.Policy]", "Policies: ['arn:aws:iam::aws:policy/AdministratorAccess']", "AdministratorAccess"},
		"a queue for all":          {"wildcards", "infra/store.yaml", "Principal: {Service: sns.amazonaws.com}", "Principal: '*'", "Fill"},
		"a Layer for all":          {"wildcards", main, "Principal: !Ref 'AWS::AccountId'}", "Principal: '*'}", "DataLayerUse lets everybody"},
		"no alias":                 {"aliases", main, "\n  DonateStore:\n", "\n  Sneaks: {Type: AWS::Lambda::Function, Properties: {FunctionName: sneaks, Code: {S3Bucket: b}}}\n  DonateStore:\n", "Sneaks has no alias"},
		"no hook":                  {"aliases", main, ", PostTraffic: !GetAtt DonateAlarms.Outputs.After", "", "Donate: its AfterAllowTrafficHook"},
		"blind to answers of 500":  {"aliases", main, "!GetAtt DonateAlarms.Outputs.NewFailed, ", "", "newest version alone, in Banyan"},
		"a hook that may not":      {"aliases", "infra/alarms.yaml", "FunctionName: !Sub CodeDeployHook_banyan-${Stage}-${Service}-before", "FunctionName: !Sub banyan-${Stage}-${Service}-before", "BeforeAllowTrafficHook"},
		"no alarms at deployments": {"aliases", main, "{Alarms: [!GetAtt DonateAlarms.Outputs.Errors, !GetAtt DonateAlarms.Outputs.NewErrors, !GetAtt DonateAlarms.Outputs.NewFailed, !GetAtt DonateAlarms.Outputs.NewSlow], ", "{", "Donate: no alarm"},
		"only the diluted alarm":   {"aliases", main, "!GetAtt DonateAlarms.Outputs.NewErrors, !GetAtt DonateAlarms.Outputs.NewFailed, ", "", "newest version alone"},
		"an eleventh alarm":        {"alarms", "infra/alarms.yaml", "\n  Dead:\n", eleventh + "\n  Dead:\n", "11 alarms: at most"},
		"no alarm on throttles":    {"alarms", "infra/alarms.yaml", "MetricName: Throttles", "MetricName: Invocations", "no alarm on AWS/Lambda Throttles"},
		"an alarm nobody hears":    {"alarms", "infra/alarms.yaml", "      AlarmActions: [!Ref Alarms]\n", "", "nobody hears"},
		"no dead letters":          {"lost", "infra/store.yaml", "      RedrivePolicy: {deadLetterTargetArn: !GetAtt DeadLetters.Arn, maxReceiveCount: 10}\n", "", "DonateQueue"},
		"a deaf subscription":      {"lost", "infra/store.yaml", "      RedrivePolicy: {deadLetterTargetArn: !GetAtt DeadLetters.Arn}\n", "", "Hear"},
		"a lost tick":              {"lost", main, ", DeadLetterConfig: {Arn: !GetAtt DonateStore.Outputs.Missed}", "", "DonateTick"},
		"a failed tick":            {"lost", main, ", DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt DonateStore.Outputs.Missed}}", "", "Donate has no place"},
		"an export twice":          {"exported", main, "Export: {Name: !Sub 'banyan-${Stage}-Alarms'}", "Export: {Name: !Sub 'banyan-${Stage}-Api'}", "-Api is exported by"},
		"six layers":               {"layers", main, "    Layers: [!Ref DataLayer]", "    Layers: [!Ref DataLayer, a, b, c, d, e]", "6 layers"},
		"layers that go":           {"layers", main, "RetentionPolicy: Retain", "RetentionPolicy: Delete", "roll-back"},
		"a secret in plain":        {"secrets", main, "STRIPE_KEY: !Sub 'secretsmanager:banyan/${Stage}/payments#stripe_key'", "STRIPE_KEY: sk_live_x", "Payments: STRIPE_KEY"},
		"a secret resolved":        {"secrets", main, "BANYAN_KEY: !Sub 'secretsmanager:banyan/${Stage}/key'", "BANYAN_KEY: !Sub '{{resolve:secretsmanager:banyan/${Stage}/key}}'", "BANYAN_KEY"},
		"no key":                   {"secrets", main, "    KmsKeyArn: !GetAtt Key.Arn\n", "", "no key of ours"},
		"a log for ever":           {"retained", "infra/store.yaml", "      RetentionInDays: !FindInMap [Environments, !Ref Stage, Days]\n", "", "Log is kept"},
		"no log":                   {"retained", "infra/store.yaml", "LogGroupName: !Sub /aws/lambda/banyan-${Stage}-${Service}\n", "LogGroupName: !Sub /aws/banyan-${Stage}-${Service}\n", "no log of its own"},
		"no way back":              {"retained", "infra/store.yaml", "{PointInTimeRecoveryEnabled: true}", "{PointInTimeRecoveryEnabled: false}", "set back"},
		"a table that can go":      {"retained", "infra/store.yaml", "    prod: {Days: 365, Protected: 'true'}", "    prod: {Days: 365, Protected: 'false'}", "can be deleted"},
		"the wrong shift":          {"shifted", main, "prod: {Shift: Canary10Percent5Minutes", "prod: {Shift: AllAtOnce", "prod is Canary10Percent5Minutes"},
		"a function without":       {"shifted", main, "DeploymentPreference: {Alarms: [!GetAtt DonateAlarms", "DeploymentPreference: {Enabled: false, Alarms: [!GetAtt DonateAlarms", "2 deployment groups for 3"},
		"a hook without code":      {"shifted", "infra/alarms.yaml", "Code: hooks/code", "Code: hooks/nowhere", "nowhere"},
		"an open endpoint":         {"closed", main, "DisableExecuteApiEndpoint: !If [Closed, true, false]", "DisableExecuteApiEndpoint: false", "own endpoint"},
		"refunds for all":          {"closed", main, "Path: '/payments/{id}/refunds', Auth: {Authorizer: Operators}", "Path: '/payments/{id}/refunds'", "refunds asks"},
		"a throttle less":          {"closed", main, "ThrottlingRateLimit: !FindInMap [Environments, !Ref Stage, Rate], ", "", "no throttle"},
		"addresses in the log":     {"closed", main, `"route":"$context.routeKey"`, `"route":"$context.routeKey","ip":"$context.identity.sourceIp"`, "nothing of who asks"},
		"quotes in quotes":         {"closed", main, `"$context.error.message"`, `"$context.error.messageString"`, "no JSON"},
		"no tag":                   {"told", main, "      Tags: {service: donate}\n", "", "Donate has no tag service"},
	} {
		files := map[string]string{}
		for p, text := range whole {
			files[p] = text
		}
		if !strings.Contains(files[c.file], c.old) {
			t.Errorf("%s: %s has no %q to break", name, c.file, c.old)
			continue
		}
		files[c.file] = strings.ReplaceAll(files[c.file], c.old, c.new)
		e, err := tr.estate(files, "prod")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		wrong := checks[c.check](e, "prod")
		if !slices.ContainsFunc(wrong, func(w string) bool { return strings.Contains(w, c.want) }) {
			t.Errorf("%s: found %q, want one that says %q", name, wrong, c.want)
		}
	}
}

// TestWithoutCodeDeploy: the default makes none of its resources, as emulators know none, and hooks and alarms all the same.
func TestWithoutCodeDeploy(t *testing.T) {
	t.Parallel()
	e, err := startTranslator(t).estate(sources(t), "test", "Canary=false")
	if err != nil {
		t.Fatal(err)
	}
	for id, r := range e.resources {
		if strings.HasPrefix(r.kind, "AWS::CodeDeploy::") {
			t.Errorf("%s is a %s", id, r.kind)
		}
	}
	if wrong := alarms(e, "test"); len(wrong) > 0 {
		t.Error(wrong)
	}
}

// TestRulesRefuse parameters that would deploy, and help nobody.
func TestRulesRefuse(t *testing.T) {
	t.Parallel()
	tr := startTranslator(t)
	for _, c := range []struct {
		stage, given, want string
	}{
		{"prod", "DomainName=", "prod needs DomainName"},
		{"prod", "Certificate=arn:aws:acm:eu-west-1:111122223333:certificate/none", "prod needs Certificate"},
		{"test", "TestMethod=pm_card_visa", "TestMethod needs StripeTestUrl"},
		{"test", "DomainName=", ""},
	} {
		_, err := tr.estate(sources(t), c.stage, c.given)
		if got := fmt.Sprint(err); c.want == "" && err != nil || !strings.Contains(got, c.want) {
			t.Errorf("%s with %s: %s, want %q", c.stage, c.given, got, c.want)
		}
	}
}

// TestChargesInvokeDonateAlone: a hook that pays a test gift may call the alias that takes it, others may not.
func TestChargesInvokeDonateAlone(t *testing.T) {
	t.Parallel()
	tr := startTranslator(t)
	may := func(parameters ...string) (all []string) {
		e, err := tr.estate(sources(t), "test", parameters...)
		if err != nil {
			t.Fatal(err)
		}
		for _, role := range e.of("AWS::IAM::Role") {
			s, err := e.statements(role)
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range s {
				for _, r := range one.Resources {
					if strings.HasSuffix(role.id, "/HookRole") && strings.HasSuffix(r.String(), "-donate:live") && !strings.HasPrefix(role.id, "Donate") {
						all = append(all, fmt.Sprint(role.id, one.Actions))
					}
				}
			}
		}
		return all
	}
	if got := may(); len(got) > 0 {
		t.Errorf("without TestMethod: %v", got)
	}
	if got, want := may("TestMethod=pm_card_visa", "StripeTestUrl=https://api.stripe.com"), "PaymentsAlarms/HookRole[lambda:InvokeFunction]"; len(got) != 1 || got[0] != want {
		t.Errorf("%v, want %s alone", got, want)
	}
}

// TestReleaseHashPublishesVersions: of each function, as a changed Layer alone would not.
func TestReleaseHashPublishesVersions(t *testing.T) {
	t.Parallel()
	tr := startTranslator(t)
	versions := func(hash string) []string {
		e, err := tr.estate(sources(t), "test", "ReleaseHash="+strings.Repeat(hash, 64))
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, v := range e.of("AWS::Lambda::Version") {
			ids = append(ids, v.id)
		}
		return ids
	}
	a, b := versions("a"), versions("b")
	if len(a) < 3 || slices.ContainsFunc(a, func(id string) bool { return slices.Contains(b, id) }) || !slices.Equal(a, versions("a")) {
		t.Error(fmt.Sprint(a, b))
	}
}
