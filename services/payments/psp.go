package payments

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/banyan-migration/banyan/shared/money"
)

// state is what is known of one attempt (PAY-25).
type state string

const (
	created      state = "created"         // a refund that waits for its second operator; an attempt is submitted at once
	submitted    state = "submitted"       // kept before the call (PAY-29); the call may be under way
	unknown      state = "unknown"         // sent, and no answer that says what became of it: asked about, never sent elsewhere
	needsAction  state = "requires_action" // the donor must go to result.Next
	processing   state = "processing"
	declined     state = "declined"
	canceled     state = "canceled"
	failedUnsent state = "failed_not_sent" // provably nothing was sent
	succeeded    state = "succeeded"
)

// rank orders what may be learnt after what: news of a lower or the same rank is old news and changes nothing, so that
// webhooks may come late, doubled and before their elders. A success is believed after anything (PAY-27).
var rank = map[state]int{created: 0, submitted: 1, unknown: 2, needsAction: 3, processing: 4, declined: 5, canceled: 5, failedUnsent: 5, succeeded: 6}

// ended says that an attempt is no longer open. A late success may still come.
func (s state) ended() bool { return rank[s] >= rank[declined] }

// order is one attempt as an acquirer needs it: no name, no address, nothing of the donor.
type order struct {
	Key     string // the attempt's id: idempotency key and transactionReference
	Payment string
	Gift    string
	Amount  money.Amount
	Method  string    // a token; empty: the donor pays on the acquirer's page
	At      time.Time // when the attempt was made: a key is good for a day (PAY-2)
	Ref     string    // the acquirer's id of the charge, once known
	Page    string    // the acquirer's id of its page, once known
	Return  string    // where the donor goes from the acquirer's page
}

// result is what an acquirer says of an attempt or a refund.
type result struct {
	State  state
	Ref    string
	Page   string
	Next   string       // where the donor must go
	Amount money.Amount // what was taken, when it was
	Code   string       // why not, for us
	Err    error        // for the log
	Down   bool         // the acquirer itself failed: the breaker counts it (PAY-28)
}

// acquirer takes money. Its methods have no error: not to know is a state. They may be called from many goroutines.
type acquirer interface {
	// Charge sends an order, or opens a page for it. Sent again with the same key it charges no second time where
	// the acquirer keeps keys; Ask knows where it does not.
	Charge(ctx context.Context, o order) result
	// Ask says what became of an order that may have been sent. It never leads to a second charge.
	Ask(ctx context.Context, o order) result
	// Refund gives back part of a charge, or says what became of that: the same refund asked for twice is one.
	Refund(ctx context.Context, r refundOrder) result
}

// refundOrder is one refund as an acquirer needs it.
type refundOrder struct {
	Key     string // the refund's id
	Payment string
	Charge  string // the acquirer's id of the charge
	Order   string // the attempt's id
	Ref     string // the acquirer's id of the refund, once known
	Amount  money.Amount
	At      time.Time // when the refund was made
	Asked   bool      // it may have been sent before
}

// patience is how long an acquirer may take (10 s, as every outgoing call of the wrapper).
const patience = 10 * time.Second

// watch limits a call and tells whether anything of it can have been sent: nothing can before there is a connection,
// which is after DNS, dialling and TLS (PAY-26).
func watch(ctx context.Context) (watched context.Context, sent *atomic.Bool, stop context.CancelFunc) {
	sent = new(atomic.Bool)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }})
	ctx, stop = context.WithTimeout(ctx, patience)
	return ctx, sent, stop
}

// lost is the result of a call that brought no answer.
func lost(sent *atomic.Bool, err error) result {
	if sent.Load() {
		return result{State: unknown, Err: err, Down: true}
	}
	return result{State: failedUnsent, Err: err, Down: true, Code: "not_sent"}
}
