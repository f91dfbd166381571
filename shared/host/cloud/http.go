package cloud

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

func (h *Host) http(ctx context.Context, e events.APIGatewayV2HTTPRequest) ([]byte, error) {
	body := e.Body
	if e.IsBase64Encoded {
		raw, err := base64.StdEncoding.DecodeString(body)
		if err != nil {
			return nil, err
		}
		body = string(raw)
	}
	target := e.RawPath
	if e.RawQueryString != "" {
		target += "?" + e.RawQueryString
	}
	r, err := http.NewRequestWithContext(ctx, e.RequestContext.HTTP.Method, target, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, value := range e.Headers {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.front.ServeHTTP(w, r)
	answer := events.APIGatewayV2HTTPResponse{StatusCode: w.Code, Headers: map[string]string{}, Body: w.Body.String()}
	for name, values := range w.Header() {
		answer.Headers[name] = strings.Join(values, ",")
	}
	return json.Marshal(answer)
}
