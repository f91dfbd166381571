package worlds

import (
	"net/http"
	"slices"
	"strings"
)

// retained is what a deletion leaves on purpose, by the beginning of its name.
var retained = []struct {
	what, why string
	nested    bool // by a nested stack: ministack deletes it all the same, AWS does not. infra/stack looks at its DeletionPolicy
}{
	{"table banyan-test-", "gifts, payments and the ledger outlive a stack", true},
	{"layer banyan-test-", "a roll-back needs the older version", false},
	{"user pool banyan-test-operators", "operators would have to be invited again", true},
	{"stack aws-sam-cli-managed-default", "sam's own, with the bucket for what it uploads", false},
}

// checkThere says that what is listed of an account lists every kind of thing that the stack has: a list that overlooked one
// would find nothing left of it.
func (s *stack) checkThere() {
	s.t.Helper()
	there := s.left()
	for _, kind := range []string{"table", "queue", "function", "layer", "event source mapping", "log", "rule", "api", "user pool", "secret", "key", "topic", "alarm", "role", "policy", "stack"} {
		if !slices.ContainsFunc(there, func(thing string) bool { return strings.HasPrefix(thing, kind+" ") }) {
			s.t.Errorf("the deployed stack has no %s, says the list: %q", kind, there)
		}
	}
}

// left is what is in the account, as "kind name".
func (a account) left() []string {
	a.t.Helper()
	var all []string
	add := func(kind string, names ...string) {
		for _, name := range names {
			all = append(all, kind+" "+name)
		}
	}
	var tables struct{ TableNames []string }
	a.ask("dynamodb", "DynamoDB_20120810.ListTables", struct{}{}, &tables)
	add("table", tables.TableNames...)
	var queues struct{ QueueUrls []string }
	a.ask("sqs", "AmazonSQS.ListQueues", struct{}{}, &queues)
	for _, q := range queues.QueueUrls {
		add("queue", q[strings.LastIndex(q, "/")+1:])
	}
	var functions struct {
		Functions []struct{ FunctionName string }
	}
	a.rest("lambda", http.MethodGet, "/2015-03-31/functions", nil, &functions)
	for _, f := range functions.Functions {
		add("function", f.FunctionName)
	}
	var layers struct{ Layers []struct{ LayerName string } }
	a.rest("lambda", http.MethodGet, "/2018-10-31/layers", nil, &layers)
	for _, l := range layers.Layers {
		add("layer", l.LayerName)
	}
	var mappings struct{ EventSourceMappings []struct{ UUID string } }
	a.rest("lambda", http.MethodGet, "/2015-03-31/event-source-mappings", nil, &mappings)
	for _, m := range mappings.EventSourceMappings {
		add("event source mapping", m.UUID)
	}
	var logs struct {
		LogGroups []struct{ LogGroupName string }
	}
	a.ask("logs", "Logs_20140328.DescribeLogGroups", struct{}{}, &logs)
	for _, l := range logs.LogGroups {
		add("log", l.LogGroupName)
	}
	var rules struct{ Rules []struct{ Name string } }
	a.ask("events", "AWSEvents.ListRules", struct{}{}, &rules)
	for _, r := range rules.Rules {
		add("rule", r.Name)
	}
	var apis struct{ Items []struct{ Name string } }
	a.rest("apigateway", http.MethodGet, "/v2/apis", nil, &apis)
	for _, api := range apis.Items {
		add("api", api.Name)
	}
	var pools struct{ UserPools []struct{ Name string } }
	a.ask("cognito-idp", "AWSCognitoIdentityProviderService.ListUserPools", map[string]int{"MaxResults": 60}, &pools)
	for _, p := range pools.UserPools {
		add("user pool", p.Name)
	}
	var secrets struct{ SecretList []struct{ Name string } }
	a.ask("secretsmanager", "secretsmanager.ListSecrets", struct{}{}, &secrets)
	for _, s := range secrets.SecretList {
		add("secret", s.Name)
	}
	all = append(all, a.keys()...)
	var topics struct {
		ARNs []string `xml:"ListTopicsResult>Topics>member>TopicArn"`
	}
	a.query("sns", "2010-03-31", "ListTopics", nil, &topics)
	for _, t := range topics.ARNs {
		add("topic", t[strings.LastIndex(t, ":")+1:])
	}
	var alarms struct {
		Names []string `xml:"DescribeAlarmsResult>MetricAlarms>member>AlarmName"`
	}
	a.query("monitoring", "2010-08-01", "DescribeAlarms", nil, &alarms)
	add("alarm", alarms.Names...)
	var roles struct {
		Names []string `xml:"ListRolesResult>Roles>member>RoleName"`
	}
	a.query("iam", "2010-05-08", "ListRoles", nil, &roles)
	add("role", roles.Names...)
	var policies struct {
		Names []string `xml:"ListPoliciesResult>Policies>member>PolicyName"`
	}
	a.query("iam", "2010-05-08", "ListPolicies", map[string]string{"Scope": "Local"}, &policies)
	add("policy", policies.Names...)
	var stacks struct {
		Stacks []struct {
			Name   string `xml:"StackName"`
			Status string `xml:"StackStatus"`
		} `xml:"DescribeStacksResult>Stacks>member"`
	}
	a.query("cloudformation", "2010-05-15", "DescribeStacks", nil, &stacks)
	for _, s := range stacks.Stacks {
		if s.Status != "DELETE_COMPLETE" {
			add("stack", s.Name)
		}
	}
	slices.Sort(all)
	return all
}

// keys are the KMS keys that nobody has scheduled to be deleted.
func (a account) keys() (all []string) {
	a.t.Helper()
	var keys struct {
		Keys []struct {
			KeyID string `json:"KeyId"`
		}
	}
	a.ask("kms", "TrentService.ListKeys", struct{}{}, &keys)
	for _, k := range keys.Keys {
		var about struct {
			KeyMetadata struct{ KeyState, Description, KeyManager string }
		}
		a.ask("kms", "TrentService.DescribeKey", map[string]string{"KeyId": k.KeyID}, &about)
		if m := about.KeyMetadata; m.KeyManager == "CUSTOMER" && m.KeyState == "Enabled" {
			all = append(all, "key "+m.Description)
		}
	}
	return all
}

// checkLeft compares what is left with what should be, in both directions.
func (s *stack) checkLeft(before []string) {
	s.t.Helper()
	kept := make([]int, len(retained))
	for _, thing := range s.left() {
		at := -1
		for i, r := range retained {
			if strings.HasPrefix(thing, r.what) {
				at = i
			}
		}
		switch {
		case at >= 0:
			kept[at]++
		case !slices.Contains(before, thing): // not ministack's own
			s.t.Errorf("the deleted stack leaves %s, which is not retained on purpose", thing)
		}
	}
	for i, r := range retained {
		switch {
		case kept[i] == 0 && !r.nested:
			s.t.Errorf("%s… should be retained, and is gone: %s", r.what, r.why)
		case kept[i] > 0 && r.nested:
			s.t.Errorf("ministack no longer deletes what a nested stack retains (%s…): prove it here", r.what)
		}
		if r.nested {
			s.t.Logf("ministack deletes what a nested stack retains, AWS does not: %s…, since %s", r.what, r.why)
		} else {
			s.t.Logf("left on purpose: %d × %s…, since %s", kept[i], r.what, r.why)
		}
	}
}
