// Package machine lets a function start state machines in Step Functions, whose names begin with what MACHINES says.
package machine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/host/cloud"
)

// Step Functions' limits: of an execution's name in characters, of its input in bytes.
const (
	longestName  = 80
	largestInput = 256 << 10
)

var (
	begun  = regexp.MustCompile(`^arn:[a-z-]+:states:[a-z0-9-]+:\d{12}:stateMachine:[A-Za-z0-9_-]+-$`)
	named  = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	hashed = regexp.MustCompile(`-[0-9a-f]{32}$`)
)

// Start is a cloud.Part: it sets Env.Start by the variable MACHINES, the ARN of the service's state machines as far as they
// have it in common; a machine's own name follows. They are standard ones: an express machine starts as often as it is asked.
func Start(_ context.Context, f *cloud.Function) error {
	prefix := f.Env.Getenv("MACHINES")
	if prefix == "" {
		return errors.New("MACHINES is missing: it is how the ARNs of the service's state machines begin, such as arn:aws:states:eu-west-1:111122223333:stateMachine:banyan-prod-")
	}
	if !begun.MatchString(prefix) {
		return fmt.Errorf("MACHINES is %q: that is not how ARNs of state machines begin, such as arn:aws:states:eu-west-1:111122223333:stateMachine:banyan-prod-", prefix)
	}
	f.Env.Start = (&machines{prefix, sfn.NewFromConfig(f.AWS)}).start
	return nil
}

// machines are the state machines of a service.
type machines struct {
	prefix string
	client *sfn.Client
}

// start starts a machine once an id, within the 90 days for which Step Functions remembers ids. Started again with the same
// input is no error, also when it has ended meanwhile; with another input it is a fault.Conflict. An error that is none may
// mean that it was started: the same call again finds out.
func (m *machines) start(ctx context.Context, machine, id string, input any) error {
	if !named.MatchString(machine) || id == "" {
		return fmt.Errorf("machine: %q with the id %q: a state machine has a name of letters, digits, - and _, and a start has an id", machine, id)
	}
	raw, err := json.Marshal(input)
	if err != nil {
		return fmt.Errorf("machine: %s: its input cannot be written: %w", machine, err)
	}
	if len(raw) > largestInput {
		return &fault.Error{Kind: fault.TooLarge, Text: "This is more than we can work on at once",
			Err: fmt.Errorf("machine: %s %s: an input of %d bytes: Step Functions takes %d. Nothing was started; keep it as a blob and hand over its name", machine, id, len(raw), largestInput)}
	}
	arn, name := m.prefix+machine, nameOf(id)
	_, err = m.client.StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: &arn, Name: &name, Input: aws.String(string(raw))})
	var there *types.ExecutionAlreadyExists
	if errors.As(err, &there) {
		return m.same(ctx, machine, id, strings.Replace(arn, ":stateMachine:", ":execution:", 1)+":"+name, raw)
	}
	return told("start", machine, id, err)
}

// same looks whether an execution was started with an input.
func (m *machines) same(ctx context.Context, machine, id, execution string, input []byte) error {
	out, err := m.client.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: &execution})
	if err != nil {
		return told("look what was started of", machine, id, err)
	}
	if equal([]byte(aws.ToString(out.Input)), input) {
		return nil
	}
	return &fault.Error{Kind: fault.Conflict, Text: "This was asked for already, with something else in it",
		Err: fmt.Errorf("machine: %s %s was started with another input; that one goes on, and nothing else was started", machine, id)}
}

// equal compares JSON by what it says, numbers by their digits: an amount may be longer than a float64 is exact.
func equal(a, b []byte) bool {
	x, errX := sorted(a)
	y, errY := sorted(b)
	if errX != nil || errY != nil {
		return bytes.Equal(a, b)
	}
	return bytes.Equal(x, y)
}

// sorted is JSON with its names in order and no space.
func sorted(raw []byte) ([]byte, error) {
	if !json.Valid(raw) { // a decoder would not look at what follows the first value
		return nil, errors.New("machine: no JSON")
	}
	in := json.NewDecoder(bytes.NewReader(raw))
	in.UseNumber()
	var v any
	if err := in.Decode(&v); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// nameOf is the execution's name for an id: the id where Step Functions takes it, else what it takes of it, and a hash of
// the whole, so that two ids are never one execution. An id that ends as if it were such a name is hashed too.
func nameOf(id string) string {
	if named.MatchString(id) && len(id) <= longestName && !hashed.MatchString(id) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	hash := "-" + hex.EncodeToString(sum[:16])
	kept := strings.Map(func(r rune) rune {
		if r < 0x80 && named.MatchString(string(r)) {
			return r
		}
		return '_'
	}, id)
	return kept[:min(len(kept), longestName-len(hash))] + hash
}

func told(what, machine, id string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("machine: %s %s %s: %w", what, machine, id, err)
	}
	var none *types.StateMachineDoesNotExist
	if errors.As(err, &none) {
		return fmt.Errorf("machine: %s: there is no such state machine: template.yaml makes them, deploy it first, or check MACHINES; nothing was started: %w", machine, err)
	}
	return &fault.Error{Kind: fault.Unavailable, Text: "We cannot begin with this just now. Please try again in a moment", Err: fmt.Errorf("machine: %s %s %s: the same call, made again, finds out what became of it: %w", what, machine, id, err)}
}
