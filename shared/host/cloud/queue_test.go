package cloud_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/host/cloud"
	"github.com/banyan-migration/banyan/shared/host/hosttest"
)

// message is one to the service under test, which does what it says.
func message(id, do string) event.Message {
	return event.New(id, event.PaymentsSettled, hosttest.Noon, event.For{Service: "donate", ID: "g-1"}, map[string]string{"Do": do})
}

func body(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// queued is an event of a queue with these bodies; the ids are r-0, r-1 …
func queued(arn string, bodies ...string) events.SQSEvent {
	var e events.SQSEvent
	for i, b := range bodies {
		e.Records = append(e.Records, events.SQSMessage{MessageId: fmt.Sprintf("r-%d", i), Body: b, EventSource: "aws:sqs", EventSourceARN: arn,
			Attributes: map[string]string{"ApproximateReceiveCount": "2"}})
	}
	return e
}

const standard, fifo = "arn:aws:sqs:eu-west-1:111122223333:banyan-dev-donate", "arn:aws:sqs:eu-west-1:111122223333:banyan-dev-donate.fifo"

// handedBack are the ids of what a queue is to bring again.
func handedBack(t *testing.T, h *cloud.Host, e events.SQSEvent) []string {
	t.Helper()
	raw, err := invoke(t, h, e)
	if err != nil {
		t.Fatal(err)
	}
	return idsOf(t, raw)
}

func idsOf(t *testing.T, raw []byte) []string {
	t.Helper()
	var a events.SQSEventResponse
	if err := json.Unmarshal(raw, &a); err != nil || a.BatchItemFailures == nil {
		t.Fatalf("%s: %v", raw, err)
	}
	ids := []string{}
	for _, f := range a.BatchItemFailures {
		ids = append(ids, f.ItemIdentifier)
	}
	return ids
}

func TestPoisonFailsItselfAlone(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	h := a.function(t, newTill().start)
	notification := body(t, map[string]any{"Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:111122223333:banyan-dev", "Message": body(t, message("m-wrapped", ""))})
	unknown := message("m-later", "")
	unknown.Type = "payments.invented"
	bodies := []string{
		body(t, message("m-raw", "")), "no JSON", notification, body(t, message("m-panics", "panic")), body(t, message("m-fails", "fail")),
		`{}`, `[]`, `{"id":"x","type":"payments.settled","at":"2026-03-13T12:00:00Z","for":{"service":"donate"},"data":{},"mark":"free"}`,
		body(t, unknown), `{"TopicArn":"arn:aws:sns:x","Message":"poison"}`,
		strings.Replace(body(t, message("m-new", "")), `{"id"`, `{"colour":"red","id"`, 1),
	}
	got := handedBack(t, h, queued(standard, bodies...))
	if want := []string{"r-1", "r-3", "r-4", "r-5", "r-6", "r-7", "r-9"}; !slices.Equal(got, want) {
		t.Errorf("handed back %v, want %v", got, want)
	}
	var of []string
	for _, m := range a.arrived() {
		of = append(of, m.For.ID)
	}
	slices.Sort(of)
	if want := []string{"of-m-new", "of-m-raw", "of-m-wrapped"}; !slices.Equal(of, want) || len(a.unsent(t)) != 0 {
		t.Errorf("the others caused %v, want %v, and %d wait", of, want, len(a.unsent(t)))
	}
	if m := a.metrics(t); m["Errors"] != 7.0 || m["Messages"] != 3.0 || m["Undelivered"] != 0.0 {
		t.Errorf("metrics %v", m)
	}
	if l := a.lines(t, "message not taken"); len(l) != 7 || !strings.Contains(a.logged(), `"record":"r-4","received":"2","message":"m-fails","type":"payments.settled","error":"the drawer is full"`) {
		t.Errorf("logged %v", l)
	} else if _, is := l[slices.IndexFunc(l, func(l map[string]any) bool { return l["record"] == "r-1" })]["message"]; is {
		t.Error("what is no envelope is logged as if it were one")
	}
}

func TestEverythingTakenHandsNothingBack(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	h := a.function(t, newTill().start)
	var bodies []string
	for i := range 100 {
		bodies = append(bodies, body(t, message(fmt.Sprintf("m-%d", i), "")))
	}
	if got := handedBack(t, h, queued(standard, bodies...)); len(got) != 0 {
		t.Errorf("handed back %v", got)
	}
	if n := len(a.arrived()); n != 100 {
		t.Errorf("%d messages were caused and sent", n)
	}
}

func TestOrderedQueueStopsAtTheFirstFailure(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	h := a.function(t, newTill().start)
	got := handedBack(t, h, queued(fifo, body(t, message("m-0", "")), body(t, message("m-1", "fail")), body(t, message("m-2", "")), body(t, message("m-3", ""))))
	if want := []string{"r-1", "r-2", "r-3"}; !slices.Equal(got, want) {
		t.Errorf("handed back %v, want %v", got, want)
	}
	if n := len(a.arrived()); n != 1 {
		t.Errorf("%d were taken: none may overtake the one that failed", n)
	}
}

func TestMessageForSomebodyElseIsPassedOver(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.env["LOG_LEVEL"] = "debug"
	h := a.function(t, newTill().start)
	m := message("m-1", "fail")
	m.For.Service = "payin"
	if got := handedBack(t, h, queued(standard, body(t, m))); len(got) != 0 {
		t.Errorf("handed back %v", got)
	}
	if l := a.lines(t, "passed over"); len(l) != 1 || l[0]["for"] != "payin" {
		t.Errorf("logged %v", l)
	}
}

func TestTopicsOwnEventIsTakenWholeOrComesAgain(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	h := a.function(t, newTill().start)
	e := events.SNSEvent{Records: []events.SNSEventRecord{{EventSource: "aws:sns", SNS: events.SNSEntity{MessageID: "n-1", Message: body(t, message("m-1", ""))}}}}
	if raw, err := invoke(t, h, e); err != nil || raw != nil || len(a.arrived()) != 1 {
		t.Errorf("%s, %v, %d", raw, err, len(a.arrived()))
	}
	e.Records[0].SNS.Message = body(t, message("m-2", "fail"))
	if _, err := invoke(t, h, e); err == nil || !strings.Contains(err.Error(), "1 of 1 messages were not taken") {
		t.Errorf("%v", err)
	}
	if l := a.lines(t, "message not taken"); len(l) != 1 || l[0]["record"] != "n-1" || l[0]["message"] != "m-2" || l[0]["type"] != event.PaymentsSettled {
		t.Errorf("logged %v", l)
	}
}

func TestBucketsNewObjectIsAMessage(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	s := newTill()
	h, err := cloud.New(t.Context(), a.world(), "images", s.start, a.parts)
	if err != nil {
		t.Fatal(err)
	}
	raw := []byte(`{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","eventTime":"2026-03-13T12:00:00Z",
		"s3":{"bucket":{"name":"banyan-dev-images"},"object":{"key":"uploads/a+b%C3%A9.jpg","size":1024,"sequencer":"01"}}}]}`)
	for range 2 { // the same is told twice
		if answer, err := invoke(t, h, raw); err != nil || answer != nil {
			t.Fatalf("%s, %v", answer, err)
		}
	}
	sent := a.arrived()
	if len(sent) != 2 || sent[0].For.ID != sent[1].For.ID || !strings.HasPrefix(sent[0].For.ID, "of-s3-") {
		t.Errorf("%+v", sent)
	}
	if _, err := invoke(t, h, []byte(strings.Replace(string(raw), "ObjectCreated:Put", "ObjectRemoved:Delete", 1))); err == nil || !strings.Contains(err.Error(), "only ObjectCreated") {
		t.Errorf("%v", err)
	}
}

func TestServiceThatTakesNothingSaysSo(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	h, err := cloud.New(t.Context(), a.world(), "postcode", func(host.Env) (host.Service, error) { return host.Service{}, nil })
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []any{queued(standard, "{}"), []byte(`{"detail-type":"Scheduled Event"}`), []byte(`{"task":"x","input":1}`),
		[]byte(`{"Records":[{"eventSource":"aws:sns","Sns":{}}]}`)} {
		if _, err := invoke(t, h, e); err == nil || !strings.Contains(err.Error(), "postcode takes no") {
			t.Errorf("%v", err)
		}
	}
	if a := ask(t, h, get("GET", "/echo")); a.StatusCode != 404 {
		t.Errorf("%+v", a)
	}
}
