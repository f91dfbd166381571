package cloud

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/google/uuid"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/host"
)

// Main runs a service as a Lambda function and does not return: it starts the service, which is Lambda's init, and then takes
// one event after the other. A service that does not start is told to Lambda with every reason at once, and the process exits with 1.
func Main(name string, start host.New, parts ...Part) {
	w := World{Getenv: os.Getenv, Now: time.Now, NewID: uuid.NewString, Out: os.Stdout}
	h, err := New(context.Background(), w, name, start, parts...)
	if err != nil {
		failInit(w, name, err)
		os.Exit(1)
	}
	lambda.StartWithOptions(handler{h})
}

// handler gives Lambda an error by a type that a state machine can be told to catch: the kind of fault, as "unavailable", or "refused"
// for an event that is none.
type handler struct{ *Host }

func (h handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	answer, err := h.Host.Invoke(ctx, payload)
	if err == nil {
		return answer, nil
	}
	kind := fault.KindOf(err).String()
	if isRefused(err) {
		kind = "refused"
	}
	return nil, messages.InvokeResponse_Error{Type: kind, Message: err.Error()}
}

// World is what a function finds around it: in Lambda the process's own, in a test what the test says.
type World struct {
	Getenv func(string) string
	Now    func() time.Time
	NewID  func() string
	Out    io.Writer // one JSON line each: logs and metrics
}
