package move

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
)

// Machine is a backfill as a Step Functions state machine, in Amazon States Language: a distributed map over the plan's
// partitions, whose tasks are those of Tasks; ${MoveFunctionArn} is the function that offers them, called with {task,
// input}. Its run on AWS is on paper: no AWS was at hand. What is tested is that the definition, played over a store in
// memory with tasks that fail, that come twice and that run at once, leaves what Backfill leaves.
//
//go:embed machine.json
var Machine []byte

// ticket is what a task is told.
type ticket struct {
	Form      string   `json:"form"`
	Plan      int64    `json:"plan,omitempty"`
	Partition int      `json:"partition"`
	All       []ticket `json:"partitions,omitempty"` // of plan's answer: what the map goes over
}

// Tasks are the steps of Machine by name: plan, partition and finish. open gives the job of a form, in each invocation anew.
// Each may come twice, also at once: a partition that another works on is waited for, one that is done is left alone. A
// partition is some thousand rows at least and an eightieth of all at most, so that a Lambda's quarter of an hour is
// enough for a site of some twenty million.
func Tasks(open func(ctx context.Context, form string) (Job, error)) func(ctx context.Context, name string, in []byte) ([]byte, error) {
	return func(ctx context.Context, name string, in []byte) ([]byte, error) {
		var e ticket
		if err := json.Unmarshal(in, &e); err != nil {
			return nil, fmt.Errorf("move: task %s: %w", name, err)
		}
		j, err := open(ctx, e.Form)
		if err != nil {
			return nil, fmt.Errorf("move: task %s of %s: %w", name, e.Form, err)
		}
		if !j.decided() {
			return nil, fmt.Errorf("move: %s waits for its service, %s: there is nothing to move it into", e.Form, j.Form.Service)
		}
		m, err := j.mover(ctx)
		if err != nil {
			return nil, fmt.Errorf("move: task %s of %s: %w", name, e.Form, err)
		}
		var out any
		switch name {
		case "plan":
			out, err = m.tickets(ctx, e)
		case "partition":
			err = m.ticket(ctx, e)
			out = e
		case "finish":
			out, err = m.conclude(ctx, e)
		default:
			err = errors.New("there is no such task: plan, partition or finish")
		}
		if err != nil {
			return nil, fmt.Errorf("move: task %s of %s: %w", name, e.Form, err)
		}
		return json.Marshal(out)
	}
}

func (m *mover) tickets(ctx context.Context, e ticket) (ticket, error) {
	p, err := m.plan(ctx)
	e.Plan = p.Number
	for no := range p.Partitions {
		e.All = append(e.All, ticket{Form: e.Form, Plan: p.Number, Partition: no})
	}
	return e, err
}

// ticket moves one partition, or waits until whoever works on it has, or is gone.
func (m *mover) ticket(ctx context.Context, e ticket) error {
	p := plan{Number: e.Plan}
	if err := m.load(ctx); err != nil {
		return err
	}
	quiet := silence{}
	for {
		part, err := m.partition(ctx, p, e.Partition)
		if err != nil || part.Done {
			return err
		}
		h, err := m.free(ctx, p, part, quiet)
		if err == nil && h != nil {
			err = h.run(ctx)
		}
		if err != nil && !errors.Is(err, errLost) {
			return err
		}
		if err := pause(ctx, lease/20); err != nil {
			return err
		}
	}
}

func (m *mover) conclude(ctx context.Context, e ticket) (Result, error) {
	var p plan
	rev, err := m.get(ctx, m.planKey(), &p)
	if err != nil {
		return newResult(), err
	}
	if p.rev = rev; p.Number != e.Plan {
		return newResult(), fmt.Errorf("the backfill %d is not there, but %d: another has begun", e.Plan, p.Number)
	}
	for no := range p.Partitions {
		if part, err := m.partition(ctx, p, no); err != nil || !part.Done {
			return newResult(), errors.Join(err, fmt.Errorf("the partition %d is not done", no))
		}
	}
	return m.finish(ctx, p)
}
