package rehearsal

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// traffic is what a service is asked.
type traffic struct {
	what  string
	event func(n int) []byte
}

func trafficOf(service string) traffic {
	switch service {
	case "postcode":
		typed := []string{"SE1 7TP", "se17tp", "SE1 8XX", "nonsense"}
		return traffic{"lookups of postcodes, some of them nonsense", func(n int) []byte {
			return get("/postcode/lookup?query=" + url.QueryEscape(typed[n%len(typed)]))
		}}
	case "donate":
		return traffic{"gifts, each a new one", func(n int) []byte {
			body := fmt.Sprintf(`{"amount":"%d.00","first_name":"Ann","last_name":"Lee","email":"ann@example.org","payment":{"method":"test"}}`, 5+n%50)
			return request("POST", "/donations", body, map[string]string{"idempotency-key": fmt.Sprintf("rehearsal-%d", n)})
		}}
	case "payments":
		return traffic{"messages that ask for a gift to be charged", func(n int) []byte { return charge(n) }}
	}
	return traffic{"questions for its health", func(int) []byte { return get("/" + service + "/health") }}
}

func get(target string) []byte { return request("GET", target, "", nil) }

// request is an event of an HTTP API, payload format 2.0.
func request(method, target, body string, more map[string]string) []byte {
	path, query, _ := strings.Cut(target, "?")
	headers := map[string]string{"accept": "application/json", "user-agent": "banyan-rehearsal", "x-forwarded-for": "192.0.2.1", "x-forwarded-proto": "https"}
	if body != "" {
		headers["content-type"] = "application/json"
	}
	for name, v := range more {
		headers[name] = v
	}
	return written(events.APIGatewayV2HTTPRequest{Version: "2.0", RouteKey: "$default", RawPath: path, RawQueryString: query, Headers: headers, Body: body,
		RequestContext: events.APIGatewayV2HTTPRequestContext{RouteKey: "$default", Stage: "$default", RequestID: "rehearsal", TimeEpoch: time.Now().UnixMilli(),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: method, Path: path, Protocol: "HTTP/1.1", SourceIP: "192.0.2.1", UserAgent: "banyan-rehearsal"}}})
}

// charge is a batch of one message from payments' queue.
func charge(n int) []byte {
	id := fmt.Sprintf("rehearsal-%d", n)
	body := written(map[string]any{"id": id, "type": "payments.requested", "at": time.Now().UTC(), "for": map[string]string{"service": "donate", "id": id},
		"data": map[string]any{"sequence": 1, "amount": map[string]any{"minor": 500 + n%5000, "currency": "GBP"}, "method": "test"}})
	return written(events.SQSEvent{Records: []events.SQSMessage{{MessageId: id, Body: string(body), EventSource: "aws:sqs",
		EventSourceARN: "arn:aws:sqs:eu-west-1:111122223333:rehearsal", Attributes: map[string]string{"ApproximateReceiveCount": "1"}}}})
}

func written(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("rehearsal: " + err.Error()) // maps and structs of texts
	}
	return raw
}
