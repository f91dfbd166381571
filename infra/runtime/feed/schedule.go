// Package feed brings functions what waits for them: messages of SQS queues, and the clock.
package feed

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/banyan-migration/banyan/infra/runtime"
)

// Schedule invokes a function every so often, asynchronously, as an EventBridge rule with a rate does.
type Schedule struct {
	Invoker  runtime.Invoker
	Function string
	Every    time.Duration
	ARN      string          // the rule's
	Region   string          // empty: eu-west-1
	Account  string          // empty: 123456789012
	Input    json.RawMessage // a constant event in place of EventBridge's own; nil: none
	// Failed hears of invocations that were not taken; nil: nobody. The next one comes in its time all the same.
	Failed func(error)
}

// scheduled is the event of a rule.
type scheduled struct {
	Version    string   `json:"version"`
	ID         string   `json:"id"`
	DetailType string   `json:"detail-type"`
	Source     string   `json:"source"`
	Account    string   `json:"account"`
	Time       string   `json:"time"`
	Region     string   `json:"region"`
	Resources  []string `json:"resources"`
	Detail     struct{} `json:"detail"`
}

// Run invokes, the first time after Every, until ctx ends.
func (s *Schedule) Run(ctx context.Context) {
	tick := time.NewTicker(s.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case at := <-tick.C:
			answer, err := s.Invoker.Invoke(ctx, runtime.Call{Function: s.Function, Payload: s.event(at), Event: true})
			if err == nil && answer.Status != 202 {
				err = refusal(answer)
			}
			if err != nil && s.Failed != nil && ctx.Err() == nil {
				s.Failed(err)
			}
		}
	}
}

func (s *Schedule) event(at time.Time) []byte {
	if s.Input != nil {
		return s.Input
	}
	text, err := json.Marshal(scheduled{Version: "0", ID: uuid.NewString(), DetailType: "Scheduled Event", Source: "aws.events",
		Account: or(s.Account, "123456789012"), Time: at.UTC().Format(time.RFC3339), Region: or(s.Region, "eu-west-1"),
		Resources: []string{s.ARN}})
	if err != nil { // strings
		panic(err)
	}
	return text
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
