package permissions

import (
	"fmt"
	"strings"
)

// managed are the policies of AWS's own that SAM attaches to roles, by the last part of their ARNs, as AWS publishes them.
var managed = map[string][]string{
	"AWSLambdaBasicExecutionRole":    {"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"},
	"AWSLambdaSQSQueueExecutionRole": {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"},
	"AWSXRayDaemonWriteAccess":       {"xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:GetSamplingStatisticSummaries"},
	"AWSXrayWriteOnlyAccess":         {"xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:GetSamplingStatisticSummaries"},
}

// Managed is a policy of AWS's own by its ARN, as a role names it. All of them are on every resource.
func Managed(arn string) (Policy, error) {
	name := arn[strings.LastIndex(arn, "/")+1:]
	granted, known := managed[name]
	if !known {
		return Policy{}, fmt.Errorf("permissions: what the managed policy %s grants is not written down: add it to infra/permissions/managed.go", arn)
	}
	return Policy{Name: name, Statement: []Statement{{Actions: granted, Resources: []Pattern{{"*"}}}}}, nil
}
