package api

import (
	"encoding/json"
	"io"
	"sync"
	"time"
)

// MaxPayload is how many bytes a buffered response may have: 6 MiB and what the envelope takes.
const MaxPayload = 6*1024*1024 + 100

// Invocation is one event on its way through an environment. Its exported fields are set before Server.Invoke and not
// changed afterwards.
type Invocation struct {
	ID, ARN, Trace string
	ClientContext  string // JSON; empty: none
	Cognito        string // JSON of the two ids; empty: none
	ContentType    string // empty: application/json
	Deadline       time.Time
	Payload        []byte
	// Stream takes a streamed response while it comes; nil: it is gathered, up to MaxPayload.
	Stream io.Writer

	answered chan struct{}
	asked    chan struct{}
	done     chan struct{}
	once     sync.Once
	response Response
	waits    int // how many have yet to ask for their next event: the runtime and extensions; under Server.mu
}

// Response is what a runtime answered.
type Response struct {
	Payload     []byte // of a streamed response: nil, or what its trailer says of its failure
	ContentType string
	ErrorType   string // empty: success
	Cause       string // the X-Ray error cause, as the header had it
	Streamed    bool
	Size        int64 // bytes produced
}

// NewInvocation makes an invocation; the caller fills in its fields.
func NewInvocation() *Invocation {
	return &Invocation{answered: make(chan struct{}), asked: make(chan struct{}), done: make(chan struct{})}
}

// Answered is closed when the runtime has answered; the response may be had from then on.
func (i *Invocation) Answered() <-chan struct{} { return i.answered }

// Asked is closed when the runtime has asked for its next event. Extensions may wait to be told of that.
func (i *Invocation) Asked() <-chan struct{} { return i.asked }

// Done is closed when the runtime and every extension that takes INVOKE have asked for their next event.
func (i *Invocation) Done() <-chan struct{} { return i.done }

// Response is what was answered. Only after Answered is closed.
func (i *Invocation) Response() Response { return i.response }

// Fail answers in the runtime's place, where that cannot: it is dead or late. False: there was an answer before.
func (i *Invocation) Fail(kind, message string) bool { return i.Settle(failure(kind, message)) }

// Settle answers with what was posted elsewhere, an init's error. False: there was an answer before.
func (i *Invocation) Settle(r Response) (first bool) {
	i.once.Do(func() {
		i.response, first = r, true
		close(i.answered)
	})
	return first
}

// failure is an error as AWS writes it, the type before the message.
func failure(kind, message string) Response {
	text, err := json.Marshal(errorBody{Type: kind, Message: message})
	if err != nil { // two strings
		panic(err)
	}
	return Response{Payload: text, ContentType: "application/json", ErrorType: kind, Size: int64(len(text))}
}

// errorBody is an error as a caller of a function sees it.
type errorBody struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}
