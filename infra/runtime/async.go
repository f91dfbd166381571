package runtime

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/banyan-migration/banyan/infra/runtime/api"
)

// tries is how often an asynchronous call is made at most.
const tries = 3

// maxAge is how long a call waits for room; longestThrottle, how long between two looks for it.
const (
	maxAge          = 6 * time.Hour
	longestThrottle = 5 * time.Minute
)

// Loss is an asynchronous call that no try could do.
type Loss struct {
	Call   Call
	Answer Answer // to the last try
	Tries  int
	Record []byte // JSON, as Lambda sends it to an on-failure destination
}

// later makes an asynchronous call: up to three times where the function fails, and as often as it takes where there is no
// room. All tries have the same request id, and the function may see the event more than once.
func (r *run) later() {
	began, pause := time.Now(), time.Second
	for try := 1; ; {
		r.play()
		answer := <-r.answered
		switch {
		case answer.Status == 200 && answer.Error == "":
			return
		case answer.Status == 429 && time.Since(began) < maxAge:
			if !r.rest(pause) {
				r.lost(answer, try-1, "EventAgeExceeded")
				return
			}
			pause = min(2*pause, longestThrottle)
		case try == tries || answer.Status != 200:
			r.lost(answer, try, "RetriesExhausted")
			return
		default:
			if !r.rest(r.player.opt.Pause * time.Duration(try)) {
				r.lost(answer, try, "RetriesExhausted")
				return
			}
			try++
		}
		r.again()
	}
}

// rest waits; false: the player closes.
func (r *run) rest(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.player.ending:
		return false
	}
}

// again makes a fresh run of the same call.
func (r *run) again() {
	old := r.inv
	r.inv = api.NewInvocation()
	r.inv.ID, r.inv.ARN, r.inv.Trace, r.inv.ClientContext, r.inv.Payload = old.ID, old.ARN, old.Trace, old.ClientContext, old.Payload
	r.record, r.log, r.status, r.told, r.early, r.tail = Record{}, nil, "", false, false, nil
	if t, found := r.player.resolve(r.call.Function); found { // an alias may have moved
		r.target = t
	}
}

// lost hands a call that could not be done to the function's OnFailure, or to Options.Lost.
func (r *run) lost(answer Answer, tries int, condition string) {
	loss := Loss{Call: r.call, Answer: answer, Tries: tries, Record: r.destination(answer, tries, condition)}
	if to := r.target.version.OnFailure; to != "" {
		if a, err := r.player.Invoke(context.Background(), Call{Function: to, Payload: loss.Record, Event: true}); err == nil && a.Status == 202 {
			return
		}
	}
	r.player.opt.Log(r.target.function, fmt.Sprintf("RequestId: %s Error: asynchronous call given up after %d tries: %s", r.inv.ID, tries, condition))
	if r.player.opt.Lost != nil {
		r.player.opt.Lost(loss)
	}
}

// destination is the record that Lambda sends to an on-failure destination.
func (r *run) destination(answer Answer, tries int, condition string) []byte {
	type about struct {
		Request   string `json:"requestId"`
		ARN       string `json:"functionArn"`
		Condition string `json:"condition"`
		Tries     int    `json:"approximateInvokeCount"`
	}
	type response struct {
		Status  int    `json:"statusCode"`
		Version string `json:"executedVersion"`
		Error   string `json:"functionError,omitempty"`
	}
	payload := func(p []byte) json.RawMessage {
		if json.Valid(p) {
			return p
		}
		text, _ := json.Marshal(string(p)) // a string
		return text
	}
	text, err := json.Marshal(struct {
		Version   string          `json:"version"`
		Timestamp string          `json:"timestamp"`
		About     about           `json:"requestContext"`
		Request   json.RawMessage `json:"requestPayload"`
		Response  response        `json:"responseContext"`
		Payload   json.RawMessage `json:"responsePayload"`
	}{"1.0", time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), about{r.inv.ID, r.inv.ARN, condition, tries},
		payload(r.inv.Payload), response{answer.Status, r.target.version.number, answer.Error}, payload(answer.Payload)})
	if err != nil { // valid JSON and strings
		panic(err)
	}
	return text
}
