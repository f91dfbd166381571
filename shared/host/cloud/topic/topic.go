// Package topic sends a function's messages to the SNS topic that TOPIC names. The services' queues are subscribed to it,
// each to the types of message that event.Receivers gives it.
package topic

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/banyan-migration/banyan/shared/host/cloud"
)

var arn = regexp.MustCompile(`^arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+$`)

// Send is a cloud.Part: it sets Function.Send by the variable TOPIC, the topic's ARN.
func Send(_ context.Context, f *cloud.Function) error {
	name := f.Env.Getenv("TOPIC")
	if name == "" {
		return errors.New("TOPIC is missing: it is the ARN of the topic that carries the services' messages")
	}
	if !arn.MatchString(name) {
		return fmt.Errorf("TOPIC is %q: that is no ARN of an SNS topic, such as arn:aws:sns:eu-west-1:111122223333:banyan-prod", name)
	}
	t := &topic{arn: name, client: sns.NewFromConfig(f.AWS, func(o *sns.Options) {
		o.Retryer = aws.NopRetryer{} // send tries again, and knows what arrived
	})}
	f.Send = t.send
	return nil
}

// topic is where messages go.
type topic struct {
	arn    string
	client *sns.Client
}
