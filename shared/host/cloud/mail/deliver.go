package mail

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/aws/smithy-go"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/kv"
)

// A mail that SES did not take is tried at most this often: with waits of at most 200 ms, then twice as long each time up to
// 3.2 s, each drawn at random below its most.
const (
	attempts  = 6
	firstWait = 200 * time.Millisecond
	longest   = 3200 * time.Millisecond
	oneCall   = 10 * time.Second // an answer that takes longer is not waited for
	settle    = 3 * time.Second  // for keeping what became of it, also when the caller's time is over
)

// deliver sends a mail whose key is claimed, by the revision that the claim has, and keeps what became of it.
func (m *mailer) deliver(ctx context.Context, key string, mine claim, rev kv.Condition, message []byte) (string, error) {
	id, fate, err := m.patiently(ctx, message)
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), settle)
	defer cancel()
	switch fate {
	case sent:
		mine.Sent = id
		if err := m.claims.Store.Commit(after, m.put(key, mine, kv.Always)); err != nil {
			return "", unknown(key, fmt.Errorf("SES took it as %s, which could not be kept: %w", id, err))
		}
		return id, nil
	case unclear:
		return "", unknown(key, err)
	}
	mine.Free = true
	if lost := m.claims.Store.Commit(after, m.put(key, mine, rev)); lost != nil && !errors.Is(lost, kv.ErrConflict) {
		return "", unknown(key, errors.Join(err, fmt.Errorf("it was not sent, and its claim is still there: %w", lost)))
	}
	return "", refusal(key, err)
}

// fate is what became of a call.
type fate int

const (
	unclear fate = iota // SES may have it
	sent
	not // SES has refused it, or was not reached
)

// patiently asks SES until it takes the mail, as long as it says that it did not and trying again can help.
func (m *mailer) patiently(ctx context.Context, message []byte) (id string, became fate, err error) {
	most := firstWait
	for n := 1; ; n++ {
		id, became, err = m.once(ctx, message)
		if became != not || !passes(err) {
			return id, became, err
		}
		wait := rand.N(most)
		most = min(2*most, longest)
		if end, ends := ctx.Deadline(); n == attempts || ends && time.Until(end) < wait {
			return "", not, err
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return "", not, ctx.Err()
		}
	}
}

// once makes one call.
func (m *mailer) once(ctx context.Context, message []byte) (string, fate, error) {
	asked := &atomic.Bool{}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, witnessed{}, asked), oneCall)
	defer cancel()
	out, err := m.client.SendEmail(ctx, &sesv2.SendEmailInput{Content: &types.EmailContent{Raw: &types.RawMessage{Data: message}}})
	if err == nil {
		return aws.ToString(out.MessageId), sent, nil
	}
	err = masked{err}
	var dial *net.OpError
	if !asked.Load() || refused(err) || errors.As(err, &dial) && dial.Op == "dial" {
		return "", not, err
	}
	return "", unclear, err
}

// refused says that SES has answered that it does not take the mail. An answer of 500 and more is none.
func refused(err error) bool {
	var answer interface{ HTTPStatusCode() int }
	var api smithy.APIError
	return errors.As(err, &api) && errors.As(err, &answer) && answer.HTTPStatusCode() >= 400 && answer.HTTPStatusCode() < 500
}

// passes says that what SES has refused, or was not reached with, it may take later: too many a second, and no connection.
// A day's quota does not pass soon enough.
func passes(err error) bool {
	var many *types.TooManyRequestsException
	var dial *net.OpError
	var api smithy.APIError
	return errors.As(err, &many) || errors.As(err, &dial) || errors.As(err, &api) && (api.ErrorCode() == "ThrottlingException" || api.ErrorCode() == "Throttling")
}

// refusal says why a mail was not sent: for now, or as it is.
func refusal(key string, err error) error {
	var limit *types.LimitExceededException
	var paused *types.SendingPausedException
	var many *types.TooManyRequestsException
	wrapped := fmt.Errorf("mail: %s: it was not sent, and will be when it is asked for again: %w", key, err)
	if passes(err) || errors.As(err, &limit) || errors.As(err, &paused) || errors.As(err, &many) {
		return &fault.Error{Kind: fault.Unavailable, Text: notNow, Err: wrapped}
	}
	return wrapped
}

// masked is an error of SES without the addresses that it quotes: they are people's.
type masked struct{ error }

var address = regexp.MustCompile(`[^\s<>"',;:()]+@[^\s<>"',;:()]+`)

func (m masked) Error() string { return address.ReplaceAllString(m.error.Error(), "(address)") }

func (m masked) Unwrap() error { return m.error }

// witness notes that a request went out: of one that never did, nothing can have come.
type witness struct{ aws.HTTPClient }

type witnessed struct{}

func (w witness) Do(r *http.Request) (*http.Response, error) {
	if asked, is := r.Context().Value(witnessed{}).(*atomic.Bool); is {
		asked.Store(true)
	}
	return w.HTTPClient.Do(r)
}
