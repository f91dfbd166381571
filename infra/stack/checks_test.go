package stack

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// check looks for what must not be, in one environment.
type check func(e *estate, stage string) []string

// live are the functions of the services: those that SAM gives an alias.
func (e *estate) live() (all []resource) {
	for _, f := range e.of("AWS::Lambda::Function") {
		if !strings.HasPrefix(text(f.properties, "FunctionName"), "CodeDeployHook_") {
			all = append(all, f)
		}
	}
	return all
}

// aliases: each live function is called by an alias that CodeDeploy shifts, under alarms, between hooks.
func aliases(e *estate, _ string) (wrong []string) {
	for _, f := range e.live() {
		i := slices.IndexFunc(e.of("AWS::Lambda::Alias"), func(a resource) bool { return text(a.properties, "FunctionName") == "<"+f.id+">" })
		if i < 0 {
			wrong = append(wrong, f.id+" has no alias")
			continue
		}
		alias := e.of("AWS::Lambda::Alias")[i]
		update := at(alias.rest, "UpdatePolicy", "CodeDeployLambdaAliasUpdate")
		for _, when := range []string{"BeforeAllowTrafficHook", "AfterAllowTrafficHook"} {
			hook, is := e.meant(at(update, when))
			if !is || !strings.HasPrefix(text(hook.properties, "FunctionName"), "CodeDeployHook_") {
				wrong = append(wrong, fmt.Sprintf("%s: its %s is no function that CodeDeploy may call: %v", f.id, when, at(update, when)))
			}
		}
		group, _ := e.meant(at(update, "DeploymentGroupName"))
		if at(group.properties, "AlarmConfiguration", "Enabled") != true {
			wrong = append(wrong, f.id+": no alarm rolls its deployment back")
			continue
		}
		newest := map[string]bool{} // by namespace: to Lambda an answer of 500 is no error
		for _, a := range listOf(at(group.properties, "AlarmConfiguration", "Alarms")) {
			alarm, is := e.meant(at(a, "Name"))
			if !is {
				wrong = append(wrong, fmt.Sprintf("%s: its deployment watches %v, which is no alarm", f.id, at(a, "Name")))
			}
			if text(alarm.properties, "MetricName") == "Errors" && dimension(alarm, "ExecutedVersion") == text(alias.properties, "FunctionVersion") {
				newest[text(alarm.properties, "Namespace")] = true
			}
		}
		for _, namespace := range []string{"AWS/Lambda", "Banyan"} {
			if !newest[namespace] {
				wrong = append(wrong, f.id+": its deployment watches no errors of the newest version alone, in "+namespace)
			}
		}
	}
	return wrong
}

func dimension(alarm resource, name string) string {
	for _, d := range listOf(alarm.properties["Dimensions"]) {
		if text(d, "Name") == name {
			return text(d, "Value")
		}
	}
	return ""
}

// alarms: each live function has those that matter, at most ten, and somebody hears of them.
func alarms(e *estate, _ string) (wrong []string) {
	for _, f := range e.live() {
		name := text(f.properties, "FunctionName")
		has := map[string]int{}
		for _, a := range e.of("AWS::CloudWatch::Alarm") {
			if !strings.HasPrefix(text(a.properties, "AlarmName"), name+"-") {
				continue
			}
			what := text(a.properties, "Namespace") + " " + text(a.properties, "MetricName")
			switch {
			case dimension(a, "ExecutedVersion") != "":
				what += " of the newest version"
			case dimension(a, "QueueName") != "":
				what += " of " + dimension(a, "QueueName")
			}
			has[what]++
			has[""]++
			if len(listOf(a.properties["AlarmActions"])) == 0 {
				wrong = append(wrong, a.id+": nobody hears of it")
			}
		}
		want := []string{"AWS/Lambda Errors", "AWS/Lambda Errors of the newest version", "Banyan Errors", "Banyan Errors of the newest version", "AWS/Lambda Duration", "AWS/Lambda Throttles"}
		if len(e.consumers(f)) > 0 {
			want = append(want, "AWS/SQS ApproximateNumberOfMessagesVisible of "+name+"-dead")
		}
		for _, w := range want {
			if has[w] == 0 {
				wrong = append(wrong, f.id+" has no alarm on "+w)
			}
		}
		if has[""] > 10 {
			wrong = append(wrong, fmt.Sprintf("%s has %d alarms: at most 10", f.id, has[""]))
		}
	}
	return wrong
}

// consumers are the event source mappings of a function.
func (e *estate) consumers(f resource) (all []resource) {
	for _, m := range e.of("AWS::Lambda::EventSourceMapping") {
		if strings.HasPrefix(text(m.properties, "FunctionName"), "<"+f.id) {
			all = append(all, m)
		}
	}
	return all
}

// lost: whatever is delivered without somebody waiting for the answer has a place to go when it cannot be.
func lost(e *estate, _ string) (wrong []string) {
	for _, m := range e.of("AWS::Lambda::EventSourceMapping") {
		queue, is := e.meant(m.properties["EventSourceArn"])
		if dead, has := e.meant(at(queue.properties, "RedrivePolicy", "deadLetterTargetArn")); !is || !has || dead.kind != "AWS::SQS::Queue" {
			wrong = append(wrong, fmt.Sprintf("%s: %v has no dead letters", m.id, m.properties["EventSourceArn"]))
		}
	}
	for _, s := range e.of("AWS::SNS::Subscription") {
		if _, has := e.meant(at(s.properties, "RedrivePolicy", "deadLetterTargetArn")); !has && text(s.properties, "Protocol") != "email" {
			wrong = append(wrong, s.id+" has no dead letters")
		}
	}
	for _, rule := range e.of("AWS::Events::Rule") {
		for _, to := range listOf(rule.properties["Targets"]) {
			if _, has := e.meant(at(to, "DeadLetterConfig", "Arn")); !has {
				wrong = append(wrong, rule.id+": what cannot be delivered is lost")
			}
			id := regexp.MustCompile(`^<(\w+?)Alias`).FindStringSubmatch(text(to, "Arn"))
			if id != nil && !slices.ContainsFunc(e.of("AWS::Lambda::EventInvokeConfig"), func(c resource) bool {
				_, has := e.meant(at(c.properties, "DestinationConfig", "OnFailure", "Destination"))
				return has && text(c.properties, "FunctionName") == "<"+id[1]+">"
			}) {
				wrong = append(wrong, rule.id+": "+id[1]+" has no place for calls that fail")
			}
		}
	}
	return wrong
}

// exported: a name is exported once, and whatever is imported is exported.
func exported(e *estate, _ string) (wrong []string) {
	for name, by := range e.exports {
		if len(by) > 1 {
			wrong = append(wrong, fmt.Sprintf("%s is exported by %v", name, by))
		}
	}
	for name, by := range e.imports {
		if len(e.exports[name]) == 0 {
			wrong = append(wrong, fmt.Sprintf("%v imports %s, which nobody exports", by, name))
		}
	}
	return wrong
}

// layers: at most five a function; versions stay for a roll-back, and one account may use them.
func layers(e *estate, _ string) (wrong []string) {
	for _, f := range e.of("AWS::Lambda::Function") {
		if n := len(listOf(f.properties["Layers"])); n > 5 || n == 0 {
			wrong = append(wrong, fmt.Sprintf("%s has %d layers: AWS takes at most five", f.id, n))
		}
	}
	for _, l := range e.of("AWS::Lambda::LayerVersion") {
		if l.rest["DeletionPolicy"] != "Retain" {
			wrong = append(wrong, l.id+" is deleted when a newer one comes: a roll-back would not find it")
		}
	}
	return wrong
}

var secretly = regexp.MustCompile(`KEY|SECRET|PASSWORD|TOKEN|WORLDPAY_USER`)

// secrets: a function's variables refer to them, and lie under a key of ours all the same.
func secrets(e *estate, _ string) (wrong []string) {
	for _, f := range e.of("AWS::Lambda::Function") {
		variables, _ := at(f.properties, "Environment", "Variables").(map[string]any)
		for name, value := range variables {
			v := fmt.Sprint(value)
			if strings.Contains(v, "{{resolve:") || secretly.MatchString(name) && v != "" && !strings.HasPrefix(v, "secretsmanager:") && !strings.HasPrefix(v, "ssm:") {
				wrong = append(wrong, fmt.Sprintf("%s: %s would stand in the function's configuration: give a reference", f.id, name))
			}
		}
		if _, is := e.meant(f.properties["KmsKeyArn"]); !is {
			wrong = append(wrong, f.id+": its environment lies under no key of ours")
		}
	}
	return wrong
}

// retained: logs end, and each function has its own before it writes; tables outlive the stack and can be set back.
func retained(e *estate, stage string) (wrong []string) {
	logs := map[string]bool{}
	for _, l := range e.of("AWS::Logs::LogGroup") {
		logs[text(l.properties, "LogGroupName")] = true
		if text(l.properties, "RetentionInDays") == "" {
			wrong = append(wrong, l.id+" is kept for ever")
		}
	}
	for _, f := range e.of("AWS::Lambda::Function") {
		if !logs["/aws/lambda/"+text(f.properties, "FunctionName")] {
			wrong = append(wrong, f.id+" has no log of its own: Lambda would make one that is kept for ever")
		}
	}
	for _, t := range e.of("AWS::DynamoDB::Table") {
		if at(t.properties, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled") != true {
			wrong = append(wrong, t.id+" cannot be set back to an earlier moment")
		}
		if t.rest["DeletionPolicy"] != "Retain" || stage == "prod" && text(t.properties, "DeletionProtectionEnabled") != "true" {
			wrong = append(wrong, t.id+" can be deleted")
		}
	}
	return wrong
}

// shifts is how traffic goes to a new version.
var shifts = map[string]string{"test": "AllAtOnce", "staging": "Linear10PercentEvery1Minute", "prod": "Canary10Percent5Minutes"}

func shifted(e *estate, stage string) (wrong []string) {
	groups := e.of("AWS::CodeDeploy::DeploymentGroup")
	if len(groups) != len(e.live()) {
		wrong = append(wrong, fmt.Sprintf("%d deployment groups for %d functions: a hook has none, every other has one", len(groups), len(e.live())))
	}
	for _, g := range groups {
		if got := text(g.properties, "DeploymentConfigName"); got != "CodeDeployDefault.Lambda"+shifts[stage] {
			wrong = append(wrong, fmt.Sprintf("%s shifts by %s, and %s is %s", g.id, got, stage, shifts[stage]))
		}
	}
	for _, f := range e.of("AWS::Lambda::Function") {
		code := text(f.properties, "Code")
		if !strings.HasPrefix(code, "map[") {
			if found, err := os.ReadDir(filepath.Join("..", filepath.FromSlash(code))); err != nil || len(found) == 0 {
				wrong = append(wrong, fmt.Sprintf("%s: its code infra/%s is not there, which sam build would not say", f.id, code))
			}
		}
	}
	return wrong
}

var logged = regexp.MustCompile(`\$context\.[A-Za-z.]+`)

// sample is what a variable of an HTTP API's access log may say ("Customizing HTTP API access logs"): a message's messageString
// comes in quotes of its own.
func sample(variable string) string {
	switch variable {
	case "$context.status", "$context.responseLength", "$context.responseLatency":
		return "404"
	case "$context.error.messageString":
		return `"Not Found"`
	}
	return "-"
}

// closed: what the outside may reach, and what is written down of who does.
func closed(e *estate, stage string) (wrong []string) {
	for _, api := range e.of("AWS::ApiGatewayV2::Api") {
		body := api.properties["Body"]
		for _, server := range listOf(at(body, "servers")) {
			if shut := at(server, "x-amazon-apigateway-endpoint-configuration", "disableExecuteApiEndpoint"); (shut == true) != (stage == "prod") {
				wrong = append(wrong, fmt.Sprintf("%s: its own endpoint is closed: %v", api.id, shut))
			}
		}
		paths, _ := at(body, "paths").(map[string]any)
		for path, methods := range paths {
			for method, operation := range methods.(map[string]any) {
				desk := method == "put" && strings.HasSuffix(path, "/state") || strings.HasSuffix(path, "/refunds") || strings.HasSuffix(path, "/payouts")
				if asked := len(listOf(at(operation, "security"))) > 0; asked != desk {
					wrong = append(wrong, fmt.Sprintf("%s %s asks for an operator's token: %v", strings.ToUpper(method), path, asked))
				}
			}
		}
	}
	for _, s := range e.of("AWS::ApiGatewayV2::Stage") {
		if text(s.properties, "DefaultRouteSettings", "ThrottlingRateLimit") == "" {
			wrong = append(wrong, s.id+" has no throttle")
		}
		format := text(s.properties, "AccessLogSettings", "Format")
		if !strings.Contains(format, "$context.routeKey") || regexp.MustCompile(`identity|\$context\.path|userAgent|rawPath|claims`).MatchString(format) {
			wrong = append(wrong, s.id+": its access log says "+format+": the route, and nothing of who asks")
		}
		if line := logged.ReplaceAllStringFunc(format, sample); !json.Valid([]byte(line)) {
			wrong = append(wrong, s.id+": its access log is no JSON where a request is refused: "+line)
		}
	}
	return wrong
}

// told: what something costs can be told by service.
func told(e *estate, _ string) (wrong []string) {
	for _, kind := range []string{"AWS::Lambda::Function", "AWS::DynamoDB::Table", "AWS::SQS::Queue"} {
		for _, r := range e.of(kind) {
			tags := fmt.Sprint(r.properties["Tags"])
			for _, key := range []string{"project", "stage", "service"} {
				if !strings.Contains(tags, "Key:"+key+" ") {
					wrong = append(wrong, r.id+" has no tag "+key)
				}
			}
		}
	}
	return wrong
}
