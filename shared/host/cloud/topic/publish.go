package topic

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/smithy-go"
)

// answer is what one call came to.
type answer struct {
	arrived []string
	refused error    // those that SNS will never take, by name
	left    []parcel // neither
	cause   error    // why some are left
	again   bool     // trying those again can help
	fault   bool     // one of them, nobody knows which, is why SNS refused them all
}

// publish makes one call.
func (t *topic) publish(ctx context.Context, batch []parcel) answer {
	in := &sns.PublishBatchInput{TopicArn: &t.arn}
	for i, p := range batch {
		p.entry.Id = aws.String(strconv.Itoa(i))
		in.PublishBatchRequestEntries = append(in.PublishBatchRequestEntries, p.entry)
	}
	ctx, cancel := context.WithTimeout(ctx, oneCall)
	defer cancel()
	out, err := t.client.PublishBatch(ctx, in)
	if err != nil {
		return answer{left: batch, cause: err, again: passes(err), fault: content[code(err)]}
	}
	a := answer{again: true}
	settled := make([]bool, len(batch))
	for _, done := range out.Successful {
		if i, ok := place(done.Id, settled); ok {
			a.arrived = append(a.arrived, batch[i].id)
		}
	}
	for _, bad := range out.Failed {
		why := fmt.Errorf("%s: %s", aws.ToString(bad.Code), aws.ToString(bad.Message))
		if !bad.SenderFault {
			a.cause = why
		} else if i, ok := place(bad.Id, settled); ok {
			a.refused = errors.Join(a.refused, fmt.Errorf("topic: SNS refuses the message %s: it stays with its record, undelivered: %w", batch[i].id, why))
		}
	}
	for i, p := range batch {
		if !settled[i] {
			a.left = append(a.left, p)
		}
	}
	if a.cause == nil && len(a.left) > 0 {
		a.cause = errors.New("SNS said nothing of some messages")
	}
	return a
}

// place finds an entry of a batch by its id, once.
func place(id *string, settled []bool) (int, bool) {
	i, err := strconv.Atoi(aws.ToString(id))
	if err != nil || i < 0 || i >= len(settled) || settled[i] {
		return 0, false
	}
	settled[i] = true
	return i, true
}

// worth are the SDK's own reasons to try again; SNS has names of its own for "not now".
var (
	worth  = retry.IsErrorRetryables(retry.DefaultRetryables)
	notNow = map[string]bool{"Throttled": true, "KMSThrottling": true, "InternalError": true, "InternalFailure": true, "ConcurrentAccess": true}
	// content are the codes of a batch that holds something that SNS does not take.
	content = map[string]bool{"InvalidParameter": true, "ParameterValueInvalid": true, "BatchRequestTooLong": true, "ValidationError": true, "ValidationException": true}
)

func passes(err error) bool {
	return notNow[code(err)] || errors.Is(err, context.DeadlineExceeded) || worth.IsErrorRetryable(err) == aws.TrueTernary
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
