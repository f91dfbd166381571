package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

func escape(s string) string { return url.QueryEscape(s) }

type payment struct {
	State    string `json:"state"`
	Amount   amount `json:"amount"`
	Attempts []struct {
		Acquirer string `json:"acquirer"`
		State    string `json:"state"`
	} `json:"attempts"`
}

// payments: a payment that nobody made is not there, and nobody without a key is told even that; where the stage has an
// acquirer's test address, a test gift is charged there.
func payments(ctx context.Context, t *trial) error {
	key, err := t.secret(ctx, "CLIENT_KEY")
	if err != nil {
		return err
	}
	want := 404
	if key == "" {
		want = 401
	}
	const what = "GET /payments/{id} of no payment"
	var refusal struct {
		Message string `json:"message"`
	}
	if err := t.ask(ctx, t.version, what, request{method: "GET", target: "/payments/00000000-0000-0000-0000-000000000000", bearer: key}, want, &refusal); err != nil {
		return err
	}
	if refusal.Message == "" || refusal.Message == "success" {
		return fmt.Errorf("%s: answered %d with the message %q, want a sentence that says no", what, want, refusal.Message)
	}
	if t.getenv("DONATE") == "" {
		t.log.Info("no charge was asked for: DONATE and TEST_METHOD are not set")
		return nil
	}
	return t.charge(ctx)
}

// charge sends the message that collects a gift, as the queue would bring it, and asks what became of it.
func (t *trial) charge(ctx context.Context) error {
	g, err := t.give(ctx, t.getenv("DONATE"))
	if err != nil {
		return fmt.Errorf("donate: %w", err)
	}
	const queue = "a message payments.requested"
	t.at = queue
	about := map[string]string{"service": "donate", "id": g.ID}
	body, err := json.Marshal(map[string]any{
		"id": t.once, "type": "payments.requested", "at": t.now().UTC().Format(time.RFC3339), "mark": "test", "for": about,
		"data": map[string]any{"sequence": 1, "amount": ten, "method": t.getenv("TEST_METHOD")},
	})
	if err != nil {
		return err
	}
	raw, err := t.invoke(ctx, t.version, events.SQSEvent{Records: []events.SQSMessage{{
		MessageId: t.once, Body: string(body), EventSource: "aws:sqs", EventSourceARN: "arn:aws:sqs:" + t.aws.Region + ":000000000000:" + agent,
		Attributes: map[string]string{"ApproximateReceiveCount": "1"},
	}}})
	if err != nil {
		return fmt.Errorf("%s: %w", queue, err)
	}
	var failed events.SQSEventResponse
	if err := json.Unmarshal(raw, &failed); err != nil || len(failed.BatchItemFailures) > 0 {
		return errors.Join(fmt.Errorf("%s: the version could not take it; its own log says why", queue), err)
	}
	const what = "POST /payments for the test gift"
	p, err := answer[payment](ctx, t, t.version, what, request{method: "POST", target: "/payments", body: map[string]any{"for": about}}, 201)
	if err != nil {
		return err
	}
	return expect(what, field{"state", p.State, "settled"}, field{"amount", p.Amount, ten}, field{"attempts", len(p.Attempts) > 0, true})
}
