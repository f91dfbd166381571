package api

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
)

// next waits, without limit, for an event. A runtime that asks again before it has answered gets the same event again, as
// from AWS: its connection may have broken.
func (s *Server) next(w http.ResponseWriter, r *http.Request) {
	inv, wait, ok := s.ask(w)
	if !ok {
		return
	}
	if inv == nil {
		select {
		case inv = <-wait:
		case <-r.Context().Done():
			s.leave(wait)
			panic(http.ErrAbortHandler) // who asked has gone: no answer is better than an empty event
		}
	}
	h := w.Header()
	for name, value := range map[string]string{
		"Lambda-Runtime-Aws-Request-Id":       inv.ID,
		"Lambda-Runtime-Trace-Id":             inv.Trace,
		"Lambda-Runtime-Client-Context":       inv.ClientContext,
		"Lambda-Runtime-Cognito-Identity":     inv.Cognito,
		"Lambda-Runtime-Invoked-Function-Arn": inv.ARN,
		"Lambda-Runtime-Deadline-Ms":          strconv.FormatInt(inv.Deadline.UnixMilli(), 10),
	} {
		if value != "" {
			h.Set(name, value)
		}
	}
	h.Set("Content-Type", "application/json")
	if inv.ContentType != "" {
		h.Set("Content-Type", inv.ContentType)
	}
	h.Set("Content-Length", strconv.Itoa(len(inv.Payload)))
	w.WriteHeader(http.StatusOK)
	w.Write(inv.Payload)
}

// ask moves the runtime to Ready: it gets the event that is there, or the channel on which one will come.
func (s *Server) ask(w http.ResponseWriter) (*Invocation, chan *Invocation, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.state {
	case started, responseSent:
		if s.state == responseSent {
			close(s.current.asked)
			s.settle(s.current)
			s.current = nil
		}
		s.state, s.asked = ready, true
		s.checkReady()
	case ready:
		if s.current != nil {
			return s.current, nil, true
		}
	default:
		refuseState(w, s.state, ready)
		return nil, nil, false
	}
	wait := make(chan *Invocation, 1)
	s.waiters = append(s.waiters, wait)
	return nil, wait, true
}

func (s *Server) leave(wait chan *Invocation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.waiters, wait); i >= 0 {
		s.waiters = slices.Delete(s.waiters, i, i+1)
	}
}

// begin checks the id and moves the runtime from Ready to where it answers; nil: it has been refused.
func (s *Server) begin(w http.ResponseWriter, r *http.Request, to state) *Invocation {
	inv, from := s.move(r.PathValue("id"), to)
	switch {
	case inv == nil:
		drain(r.Body)
		refuseID(w)
	case from != ready:
		drain(r.Body)
		refuseState(w, from, to)
		return nil
	}
	return inv
}

// move moves the runtime from Ready, and says where it stood; nil: another invocation is under way, or none.
func (s *Server) move(id string, to state) (inv *Invocation, from state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil || id != s.current.ID {
		return nil, s.state
	}
	from = s.state
	if from == ready {
		s.state = to
	}
	return s.current, from
}

// sent ends what begin began. The caller of the function has its answer before the runtime has its own.
func (s *Server) sent(inv *Invocation, resp Response) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = responseSent
	inv.Settle(resp)
}

func (s *Server) respond(w http.ResponseWriter, r *http.Request) {
	inv := s.begin(w, r, responding)
	if inv == nil {
		return
	}
	streamed := false
	switch mode := r.Header.Get("Lambda-Runtime-Function-Response-Mode"); mode {
	case "":
	case "streaming":
		streamed = true
	default:
		drain(r.Body)
		s.sent(inv, failure("Runtime.InvalidResponseModeHeader", "RequestId: "+inv.ID+" Error: Invalid function response mode"))
		refuse(w, http.StatusBadRequest, "InvalidFunctionResponseMode", "Invalid function response mode")
		return
	}
	resp, problem := receive(inv, r, streamed)
	s.sent(inv, resp)
	switch problem {
	case tooLarge:
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "Exceeded maximum allowed payload size (%d bytes).", MaxPayload)
	case truncated:
		refuse(w, http.StatusBadRequest, "TruncatedHTTPRequest", "HTTP request detected as truncated")
	default:
		accepted(w)
	}
}

func (s *Server) respondError(w http.ResponseWriter, r *http.Request) {
	inv := s.begin(w, r, errorResponse)
	if inv == nil {
		return
	}
	s.sent(inv, receiveError(r))
	accepted(w)
}

func (s *Server) initError(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	from := s.state
	if from == started {
		s.state = initError
	}
	s.mu.Unlock()
	if from != started {
		drain(r.Body)
		refuseState(w, from, initError)
		return
	}
	resp := receiveError(r)
	accepted(w)
	if f, ok := w.(http.Flusher); ok {
		f.Flush() // before the environment is taken down for it
	}
	s.fail(Failure{Response: &resp})
}

// receiveError reads an error that a runtime reports. Runtimes that send no type have it in the body.
func receiveError(r *http.Request) Response {
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxPayload+1))
	if err != nil {
		return failure("Runtime.TruncatedResponse", "Error: "+err.Error())
	}
	if len(body) > MaxPayload {
		drain(r.Body)
		return failure("Function.ResponseSizeTooLarge", sizeText)
	}
	resp := Response{Payload: body, ContentType: r.Header.Get("Content-Type"), Size: int64(len(body)),
		ErrorType: r.Header.Get("Lambda-Runtime-Function-Error-Type"), Cause: r.Header.Get("Lambda-Runtime-Function-XRay-Error-Cause")}
	if resp.ContentType == "application/vnd.aws.lambda.error.cause+json" {
		withCause(&resp)
	}
	if resp.ErrorType == "" {
		var said errorBody
		if json.Unmarshal(body, &said) == nil {
			resp.ErrorType = said.Type
		}
	}
	if resp.ErrorType == "" {
		resp.ErrorType = "Runtime.Unknown"
	}
	return resp
}

// withCause takes apart the body that carries an error and its cause for X-Ray in one.
func withCause(resp *Response) {
	var both struct {
		errorBody
		Trace []string        `json:"stackTrace,omitempty"`
		Cause json.RawMessage `json:"errorCause"`
	}
	resp.ContentType = "application/json"
	if json.Unmarshal(resp.Payload, &both) != nil {
		resp.Payload, resp.ContentType = []byte(`"Invalid error body"`), "application/octet-stream"
		return
	}
	resp.Cause = string(both.Cause)
	both.Cause = nil
	plain := struct {
		errorBody
		Trace []string `json:"stackTrace,omitempty"`
	}{both.errorBody, both.Trace}
	if text, err := json.Marshal(plain); err == nil {
		resp.Payload = text
	}
}
