package cloud

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"github.com/banyan-migration/banyan/shared/web"
)

// answer is an http.ResponseWriter that keeps what is written: an event is answered whole.
type answer struct {
	header http.Header
	sent   http.Header // as they were when the status was written; what a handler adds later is too late
	status int
	body   bytes.Buffer
}

func newAnswer() *answer { return &answer{header: http.Header{}} }

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK { // what is below informs and answers nothing
		a.status, a.sent = status, a.header.Clone()
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

// finish does what net/http's server does with an answer: a status if the handler gave none, a content type if it has a body, no
// body where none may be.
func (a *answer) finish(method string) {
	a.WriteHeader(http.StatusOK)
	a.header = a.sent
	if _, set := a.header["Content-Type"]; !set && a.body.Len() > 0 {
		a.header.Set("Content-Type", http.DetectContentType(a.body.Bytes()))
	}
	if method == http.MethodHead || a.status == http.StatusNoContent || a.status == http.StatusNotModified {
		a.body.Reset()
	}
}

// text is the body as JSON can hold it.
func (a *answer) text() (body string, encoded bool) {
	if raw := a.body.Bytes(); !utf8.Valid(raw) {
		return base64.StdEncoding.EncodeToString(raw), true
	}
	return a.body.String(), false
}

// answerV2 is an answer in format 2.0.
func answerV2(a *answer) ([]byte, error) {
	e := events.APIGatewayV2HTTPResponse{StatusCode: a.status, Headers: a.joined(), Cookies: a.header["Set-Cookie"]}
	e.Body, e.IsBase64Encoded = a.text()
	return plainJSON(e)
}

// joined are the headers, each once; those that came twice, cookies apart, are joined by commas.
func (a *answer) joined() map[string]string {
	headers := make(map[string]string, len(a.header))
	for name, values := range a.header {
		if name != "Set-Cookie" && len(values) > 0 {
			headers[name] = strings.Join(values, ", ")
		}
	}
	return headers
}

// plainJSON is JSON without <, > and & written as six letters each: an answer's size is limited.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// largest is the most that Lambda takes as an answer, in bytes.
const largest = 6_291_556

// fit writes an answer; one that Lambda would not take becomes an answer of ours, since the caller would learn nothing of Lambda's.
func (h *Host) fit(inv *invocation, r *http.Request, a *answer, form func(*answer) ([]byte, error)) ([]byte, error) {
	raw, err := form(a)
	if err != nil || len(raw) <= largest {
		return raw, err
	}
	inv.count(func(t *tally) { t.errors++ })
	h.log.ErrorContext(inv.ctx, "answer too large", "bytes", len(raw), "limit", largest, "status", a.status)
	own := newAnswer()
	web.Fail(own, r, errors.New("cloud: an answer of "+strconv.Itoa(len(raw))+" bytes is more than Lambda takes"))
	own.finish(r.Method)
	if raw, err = form(own); err != nil {
		return nil, fmt.Errorf("cloud: %w", err)
	}
	return raw, nil
}
