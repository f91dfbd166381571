package permissions

import (
	"fmt"
	"strings"
)

// Need is one IAM action on one resource, which a call takes.
type Need struct {
	Action   string // "dynamodb:UpdateItem"
	Resource string // the last part of its ARN, such as "table/banyan-dev-donate"; empty where the log does not name it
}

func (n Need) String() string {
	if n.Resource == "" {
		return n.Action
	}
	return n.Action + " on " + n.Resource
}

// rule is what an operation takes: actions, and how its resource stands in an ARN (%s is its name).
type rule struct {
	actions  []string
	resource string
}

func on(resource string, actions ...string) rule { return rule{actions, resource} }

const (
	table     = "table/%s"
	secret    = "secret:%s"
	parameter = "parameter%s" // a parameter's name begins with a slash
	machine   = "stateMachine:%s"
)

// actions is the map from operations, as the SDK names them, to IAM's actions, by AWS's service authorization reference. An
// operation that is not here is not permitted by a guess: Needs refuses it.
//
// Where a name differs: a batch takes the action of one; a transaction has none of its own (see Needs); SES v2's SendEmail
// of a raw message, and we send no other, takes SendRawEmail; GetObject of a key that is not there answers 403 instead of
// 404 unless the role may list the bucket. Secrets and parameters under a key of ours take kms:Decrypt besides, which the
// store asks for: see ByAWS.
var actions = map[string]map[string]rule{
	"DynamoDB": {
		"GetItem": on(table, "dynamodb:GetItem"), "BatchGetItem": on(table, "dynamodb:BatchGetItem"), "Query": on(table, "dynamodb:Query"), "Scan": on(table, "dynamodb:Scan"),
		"PutItem": on(table, "dynamodb:PutItem"), "UpdateItem": on(table, "dynamodb:UpdateItem"), "DeleteItem": on(table, "dynamodb:DeleteItem"), "BatchWriteItem": on(table, "dynamodb:BatchWriteItem"),
		"DescribeTable": on(table, "dynamodb:DescribeTable"), "CreateTable": on(table, "dynamodb:CreateTable"), "UpdateTimeToLive": on(table, "dynamodb:UpdateTimeToLive"),
	},
	"SNS": {"Publish": on("%s", "sns:Publish"), "PublishBatch": on("%s", "sns:Publish")},
	"SQS": {
		"SendMessage": on("%s", "sqs:SendMessage"), "SendMessageBatch": on("%s", "sqs:SendMessage"), "ReceiveMessage": on("%s", "sqs:ReceiveMessage"),
		"DeleteMessage": on("%s", "sqs:DeleteMessage"), "DeleteMessageBatch": on("%s", "sqs:DeleteMessage"),
		"ChangeMessageVisibility": on("%s", "sqs:ChangeMessageVisibility"), "ChangeMessageVisibilityBatch": on("%s", "sqs:ChangeMessageVisibility"),
		"GetQueueAttributes": on("%s", "sqs:GetQueueAttributes"), "GetQueueUrl": on("%s", "sqs:GetQueueUrl"),
	},
	"SESv2": {"SendEmail": on("", "ses:SendRawEmail")},
	"S3": {
		"PutObject": on("%s/*", "s3:PutObject"), "GetObject": on("%s/*", "s3:GetObject"), "HeadObject": on("%s/*", "s3:GetObject"), "DeleteObject": on("%s/*", "s3:DeleteObject"),
		"ListObjectsV2": on("%s", "s3:ListBucket"),
	},
	"SFN":             {"StartExecution": on(machine, "states:StartExecution"), "DescribeExecution": on("", "states:DescribeExecution")},
	"SSM":             {"GetParameter": on(parameter, "ssm:GetParameter"), "GetParameters": on(parameter, "ssm:GetParameters"), "GetParametersByPath": on(parameter, "ssm:GetParametersByPath")},
	"Secrets Manager": {"GetSecretValue": on(secret, "secretsmanager:GetSecretValue")},
	"KMS":             {"Decrypt": on("", "kms:Decrypt"), "Encrypt": on("", "kms:Encrypt"), "GenerateDataKey": on("", "kms:GenerateDataKey")},
	"Lambda":          {"Invoke": on("function:%s", "lambda:InvokeFunction")},
	"CodeDeploy":      {"PutLifecycleEventHookExecutionStatus": on("", "codedeploy:PutLifecycleEventHookExecutionStatus")},
}

// parts are the actions that a transaction takes, by the kinds of write in it: it has no action of its own.
var parts = map[string]string{"Put": "dynamodb:PutItem", "Update": "dynamodb:UpdateItem", "Delete": "dynamodb:DeleteItem", "ConditionCheck": "dynamodb:ConditionCheckItem", "Get": "dynamodb:GetItem"}

// Needs are the actions that a call takes, on each of its resources. The error names an operation that the map does not
// have, or a transaction whose parts the log does not tell.
func Needs(c Call) ([]Need, error) {
	r, known := actions[c.Service][c.Operation]
	if c.Service == "DynamoDB" && strings.HasPrefix(c.Operation, "Transact") {
		r, known = rule{resource: table}, true
		for part := range strings.SplitSeq(c.Items, ",") {
			action, is := parts[part]
			if !is {
				return nil, fmt.Errorf("permissions: %s: a transaction takes the actions of its parts, and %q is none", c, part)
			}
			r.actions = append(r.actions, action)
		}
	}
	if !known {
		return nil, fmt.Errorf("permissions: %s: the map does not say which actions this takes: add it to infra/permissions/action.go, by AWS's service authorization reference", c)
	}
	var all []Need
	for name := range strings.SplitSeq(c.Resource, ",") {
		for _, action := range r.actions {
			all = append(all, Need{action, r.of(name, c.Index)})
		}
	}
	return all, nil
}

// of is a resource as its ARN ends; empty if the log does not name it.
func (r rule) of(name, index string) string {
	if name == "" || r.resource == "" {
		return ""
	}
	resource := strings.Replace(r.resource, "%s", name, 1)
	if index != "" {
		resource += "/index/" + index
	}
	return resource
}
