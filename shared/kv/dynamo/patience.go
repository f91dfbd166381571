package dynamo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/kv"
)

// A call is tried at most this often: with waits of at most 25 ms, then twice as long each time up to 3.2 s, it gives up
// after 8 s on average. Each wait is drawn at random below its most, so that those who were throttled together do not
// come back together.
const (
	attempts  = 12
	firstWait = 25 * time.Millisecond
	longest   = 3200 * time.Millisecond
	oneCall   = 10 * time.Second // an answer that takes longer is not waited for
)

// errMoved says that what lay under a key was not what the commit had taken for granted, but nothing that its condition
// excludes: it is made anew and tried again.
var errMoved = errors.New("dynamo: the item changed meanwhile")

// errOverwritten says that the answer to an earlier attempt got lost, and that what lies there now is of somebody else: it
// may have been written before that, or not at all. It is no conflict: after one, a caller may count again what was
// counted already.
var errOverwritten = errors.New("dynamo: an answer was lost, and others have written there since")

// errUnclear wraps the last error of a call of which an earlier attempt may have been carried out.
type errUnclear struct{ error }

func (e errUnclear) Unwrap() error { return e.error }

// patiently makes a call until it is answered, as long as trying again can help and ctx allows.
func (db *DB) patiently(ctx context.Context, call func(context.Context) error) error {
	most, unclear := firstWait, false
	for n := 1; ; n++ {
		err := once(ctx, call)
		if ctx.Err() != nil && err != nil {
			return ctx.Err()
		}
		switch {
		case err == nil:
			return nil
		case errors.Is(err, kv.ErrConflict) && unclear:
			return errUnclear{errOverwritten}
		case errors.Is(err, kv.ErrConflict):
			return err
		}
		final := err
		if unclear = unclear || again(err) && !refused(err); unclear {
			final = errUnclear{err}
		}
		if !again(err) {
			return final
		}
		wait := rand.N(most)
		if errors.Is(err, errMoved) {
			wait = 0
		} else {
			most = min(2*most, longest)
		}
		if end, ends := ctx.Deadline(); n == attempts || ends && time.Until(end) < wait {
			return final
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

func once(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, oneCall)
	defer cancel()
	return call(ctx)
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// worth are the SDK's own reasons to try again, and its codes of throttling.
var worth = retry.IsErrorRetryables(retry.DefaultRetryables)

// again says whether a call that failed so may succeed later.
func again(err error) bool {
	if errors.Is(err, errMoved) || busy(err) || errors.Is(err, context.DeadlineExceeded) { // the deadline is once's: patiently has looked at its own
		return true
	}
	return worth.IsErrorRetryable(err) == aws.TrueTernary
}

// refused says that nothing was done: DynamoDB has said so, or was never reached.
func refused(err error) bool {
	var network *net.OpError
	if errors.Is(err, errMoved) || busy(err) || errors.As(err, &network) && network.Op == "dial" {
		return true
	}
	return throttled(err) && code(err) != "TransactionInProgressException"
}

func throttled(err error) bool {
	_, is := retry.DefaultThrottleErrorCodes[code(err)]
	return is
}

// busy says that others are at the same items, or ask too much of the same table.
func busy(err error) bool {
	var canceled *types.TransactionCanceledException
	if errors.As(err, &canceled) {
		for _, r := range canceled.CancellationReasons {
			switch aws.ToString(r.Code) {
			case "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded":
				return true
			}
		}
		return false
	}
	return code(err) == "TransactionConflictException"
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

const notNow = "We cannot keep anything just now. Please try again in a moment"

// writes are the calls that change something; another, whose answer was lost, has done nothing.
var writes = map[string]bool{"commit": true, "confirm messages": true}

// told says what failed, on which table, and what became of the data.
func told(what, table string, err error) error {
	var ours *fault.Error
	if err == nil || errors.Is(err, kv.ErrConflict) || err == context.Canceled || err == context.DeadlineExceeded || errors.As(err, &ours) {
		return err
	}
	fate := "nothing of this was written and nothing that was acknowledged is lost"
	if unclear := (errUnclear{}); errors.As(err, &unclear) && writes[what] {
		fate = "what was written before is safe, but no answer came to this, so it may or may not have been carried out: the same call, made again, finds out"
	}
	why := ""
	switch {
	case code(err) == "ResourceNotFoundException":
		why = "there is no such table: template.yaml makes them, deploy it first, or check prefix, account and region"
	case errors.Is(err, errOverwritten):
		why = "an answer was lost and others have written there since"
	case errors.Is(err, errMoved), strings.HasPrefix(code(err), "TransactionConflict"):
		why = fmt.Sprintf("others kept changing the same items through %d attempts", attempts)
	case busy(err), throttled(err):
		why = fmt.Sprintf("DynamoDB throttled it through %d attempts: ask for less at a time, or raise what the table may take", attempts)
	case again(err):
		why = fmt.Sprintf("DynamoDB did not answer through %d attempts: check the network, the region and AWS_ENDPOINT_URL_DYNAMODB", attempts)
	default:
		return fmt.Errorf("dynamo: %s: %s: %s: %w", table, what, fate, err)
	}
	return &fault.Error{Kind: fault.Unavailable, Text: notNow, Err: fmt.Errorf("dynamo: %s: %s: %s; %s: %w", table, what, why, fate, err)}
}
