package cloud

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/aws/aws-lambda-go/events"
)

// Invoke takes one event as Lambda gives it.
func (h *Host) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var e events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, err
	}
	if e.RequestContext.HTTP.Method == "" {
		return nil, errors.New("the event is none that this function takes")
	}
	return h.http(ctx, e)
}
