package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/banyan-migration/banyan/infra/awsapi"
	"github.com/banyan-migration/banyan/infra/runtime"
)

// Queue polls an SQS queue for a function, as an event source mapping does: what an invocation has done is deleted, what it
// has not comes back when its visibility timeout is over, and reaches the dead letters by the queue's own policy. Messages may
// come twice, late, and not in their order.
type Queue struct {
	Invoker  runtime.Invoker
	Function string
	AWS      awsapi.Client
	Endpoint string // of SQS: http://127.0.0.1:4566
	URL      string // the queue's
	ARN      string // the queue's
	Batch    int    // messages an invocation, 1 to 10; zero: 10
	// Partial is ReportBatchItemFailures: the answer names the messages that failed, the others are deleted.
	Partial bool
	Pollers int // invocations at once; zero: 5
	// Wait is how long a poll waits for messages, whole seconds up to 20; zero: 20 s.
	Wait time.Duration
	// Failed hears of polls, invocations and deletions that failed; nil: nobody. Polling goes on, after a pause that doubles from
	// 100 ms to 20 s.
	Failed func(error)
}

// Run polls until ctx ends, and lets invocations under way come to their end.
func (q *Queue) Run(ctx context.Context) {
	var pollers sync.WaitGroup
	n := q.Pollers
	if n == 0 {
		n = 5
	}
	for range n {
		pollers.Go(func() { q.poll(ctx) })
	}
	pollers.Wait()
}

const (
	shortPause = 100 * time.Millisecond
	longPause  = 20 * time.Second
)

func (q *Queue) poll(ctx context.Context) {
	pause := shortPause
	for ctx.Err() == nil {
		err := q.once(ctx)
		if err == nil {
			pause = shortPause
			continue
		}
		if ctx.Err() != nil {
			return
		}
		if q.Failed != nil {
			q.Failed(fmt.Errorf("queue %s: %w", q.ARN, err))
		}
		if !sleep(ctx, pause) {
			return
		}
		pause = min(2*pause, longPause)
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// once takes a batch, if there is one, to the function. What ends it early leaves the batch to the visibility timeout.
func (q *Queue) once(ctx context.Context) error {
	messages, err := q.receive(ctx)
	if err != nil || len(messages) == 0 {
		return err
	}
	return q.take(context.WithoutCancel(ctx), messages) // what is taken is brought to its end
}

// largest is the most that an invocation takes, in bytes: a batch ends there.
const largest = 6 * 1024 * 1024

// take brings messages to the function, in as many batches as their size makes of them.
func (q *Queue) take(ctx context.Context, messages []message) error {
	event, err := q.event(messages)
	if err != nil {
		return err
	}
	if half := len(messages) / 2; len(event) > largest && half > 0 {
		return errors.Join(q.take(ctx, messages[:half]), q.take(ctx, messages[half:]))
	}
	answer, err := q.invoke(ctx, event)
	if err != nil {
		return err
	}
	done, err := q.done(messages, answer)
	return errors.Join(err, q.remove(ctx, done))
}

// invoke invokes, and tries again for a while where there is no room: sending the batch back would count as a try.
func (q *Queue) invoke(ctx context.Context, event []byte) (runtime.Answer, error) {
	for pause, spent := shortPause, time.Duration(0); ; pause = min(2*pause, 2*time.Second) {
		answer, err := q.Invoker.Invoke(ctx, runtime.Call{Function: q.Function, Payload: event})
		if err != nil || answer.Status == http.StatusOK {
			return answer, err
		}
		if answer.Status != http.StatusTooManyRequests || spent > 10*time.Second {
			return answer, refusal(answer)
		}
		sleep(ctx, pause)
		spent += pause
	}
}

// refusal is an answer of Lambda itself, as an error.
func refusal(a runtime.Answer) error {
	return fmt.Errorf("invocation refused: %d %s", a.Status, a.Exception)
}

// done are the messages that need not come again.
func (q *Queue) done(messages []message, answer runtime.Answer) ([]message, error) {
	if answer.Error != "" {
		return nil, fmt.Errorf("function failed on a batch of %d, request %s: it comes again", len(messages), answer.Request)
	}
	if !q.Partial {
		return messages, nil
	}
	failed, ok := failures(answer.Payload)
	if !ok {
		return nil, fmt.Errorf("request %s answered batchItemFailures that cannot be read: the whole batch of %d comes again", answer.Request, len(messages))
	}
	var good []message
	for _, m := range messages {
		if !failed[m.ID] {
			good = append(good, m)
		}
		delete(failed, m.ID)
	}
	if len(failed) > 0 {
		return nil, fmt.Errorf("request %s names %d failures that are not in its batch: the whole batch of %d comes again", answer.Request, len(failed), len(messages))
	}
	return good, nil
}

// failures reads the answer of a function that reports failures one by one. Nothing, null and an empty list are success; an
// item without its identifier fails the batch.
func failures(payload []byte) (map[string]bool, bool) {
	var answer struct {
		Failures []struct {
			ID *string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if len(payload) == 0 {
		return nil, true
	}
	if !json.Valid(payload) {
		return nil, false
	}
	if payload[0] != '{' { // a string, a number, null: no failures are reported
		return nil, true
	}
	if json.Unmarshal(payload, &answer) != nil {
		return nil, false
	}
	failed := map[string]bool{}
	for _, f := range answer.Failures {
		if f.ID == nil || *f.ID == "" {
			return nil, false
		}
		failed[*f.ID] = true
	}
	return failed, true
}
