package cloud

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/web"
)

// invocation is one event's life: it begins with Invoke and ends when Invoke returns, whatever may still run then.
type invocation struct {
	ctx     context.Context // ends a margin before Lambda kills, and with the invocation
	id      string          // Lambda's request id
	trace   string          // W3C traceparent; "" where nobody traces
	cold    bool
	began   time.Time
	grace   time.Duration // how long after ctx work may take to come back
	event   string        // its kind, as "http"
	awaited bool          // somebody waits for the answer
	release string        // the stage variable; "" unless an API's stage has it

	mu     sync.Mutex
	caused []kv.Unsent // by this invocation's commits, not yet sent
	tally  tally
}

// tally is what an invocation's metrics count.
type tally struct{ errors, late, messages, undelivered int }

type invocationKey struct{}

// invocationOf is the invocation that a context belongs to; nil for none.
func invocationOf(ctx context.Context) *invocation {
	inv, _ := ctx.Value(invocationKey{}).(*invocation)
	return inv
}

// begin starts an invocation within Lambda's context. end must be called: it closes the fence behind it.
func (h *Host) begin(lambda context.Context) (inv *invocation, end context.CancelFunc) {
	inv = &invocation{event: "unknown", began: h.now(), cold: !h.warm.Swap(true)}
	if lc, ok := lambdacontext.FromContext(lambda); ok {
		inv.id = lc.AwsRequestID
	}
	if inv.id == "" {
		inv.id = h.newID()
	}
	xray, _ := lambda.Value("x-amzn-trace-id").(string) // where aws-lambda-go puts it
	inv.trace = traceOf(xray)
	caller := web.Caller{Request: inv.id, Trace: inv.trace, Log: h.log}
	ctx := web.With(context.WithValue(lambda, invocationKey{}, inv), caller)
	if deadline, ok := lambda.Deadline(); ok {
		margin := marginOf(time.Until(deadline))
		inv.grace = margin / 2
		inv.ctx, end = context.WithDeadline(ctx, deadline.Add(-margin))
		return inv, end
	}
	inv.grace = longestMargin / 2
	inv.ctx, end = context.WithCancel(ctx)
	return inv, end
}

// cause takes the messages of a commit. Those of a commit that outlived its invocation stay in the store for the sweep.
func (inv *invocation) cause(caused []kv.Unsent) {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	inv.caused = append(inv.caused, caused...)
}

// takeCaused is what is to be sent, each once.
func (inv *invocation) takeCaused() []kv.Unsent {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	caused := inv.caused
	inv.caused = nil
	return caused
}

// count changes the tally.
func (inv *invocation) count(change func(*tally)) {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	change(&inv.tally)
}
