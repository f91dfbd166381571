// Package messages plays SNS and SQS as one program: topics with filtered subscriptions, queues with their time-outs and dead
// letters, in the protocols that AWS's own clients speak. What it has answered for is on the disk, and faults come on demand.
package messages

import (
	"cmp"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/banyan-migration/banyan/infra/fakes/journal"
)

// Account and Region are whose everything here is.
const (
	Account = "111122223333"
	Region  = "eu-west-1"
)

// Fault is what befalls a request in place of its answer.
type Fault struct {
	Code   string // the error's name, such as ThrottledException; nothing is carried out
	Status int    // with Code: the answer's; 0: 400
	Lost   bool   // it is carried out, and the connection breaks before the answer
	Part   bool   // the last entry of a batch fails
}

// Server is SNS and SQS. The zero Server is ready, empty, and keeps nothing; safe for concurrent use. Set its fields before
// the first request.
type Server struct {
	// Faults is asked for each request by its operation, such as Publish; nil, or a nil answer: none.
	Faults func(operation string) *Fault
	Now    func() time.Time // nil: the clock; it says what is old, while long polls wait by the machine's

	mu            sync.Mutex
	queues        map[string]*queue // by name
	topics        map[string]*topic // by ARN
	subscriptions map[string]*subscription
	order         uint64 // of what was put into queues
	file          *journal.Journal
}

// Open is a server with what an earlier one left in the file, which takes what comes too. Close it. Who had received
// messages of the earlier one has gone with it: they can be received at once.
func Open(file string) (*Server, error) {
	s := &Server{}
	var err error
	s.file, err = journal.Keep(file, s.apply, s.whole)
	return s, err
}

// Close ends it when everything is kept.
func (s *Server) Close() error { return s.file.Close() }

// Lasts returns the disk's error when nothing more can be kept, and nil when the server is closed.
func (s *Server) Lasts() error { return s.file.Lasts() }

func (s *Server) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// failure is an error as AWS answers it.
type failure struct {
	Code    string
	Message string
	Status  int
	Query   string // its name in the older protocol
}

func (f *failure) Error() string { return f.Code + ": " + f.Message }

func wrong(code, message string) *failure { return &failure{Code: code, Message: message, Status: 400} }

// request is one, in whichever protocol it came.
type request struct {
	ctx  context.Context
	host string
	part bool // the last entry of a batch is to fail
}

const largest = 4 << 20 // bytes of a request: what may be refused for its size must be read

// ServeHTTP answers one request: SQS where X-Amz-Target says so, else SNS.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largest))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	in := request{ctx: r.Context(), host: r.Host}
	if operation, is := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS."); is {
		s.serve(w, in, operation, func(in request) (any, error) { return s.queueing(in, operation, body) }, answerJSON)
		return
	}
	form, err := formOf(body)
	operation := form.Get("Action")
	s.serve(w, in, operation, func(in request) (any, error) {
		if err != nil {
			return nil, wrong("InvalidParameter", "the request is no form")
		}
		return s.notifying(in, operation, form)
	}, answerXML)
}

func (s *Server) serve(w http.ResponseWriter, in request, operation string, do func(request) (any, error), say func(http.ResponseWriter, string, any, *failure)) {
	fault := &Fault{}
	if s.Faults != nil {
		fault = cmp.Or(s.Faults(operation), fault)
	}
	var answer any
	var err error
	if fault.Code != "" {
		err = &failure{Code: fault.Code, Message: "a fault was asked for", Status: cmp.Or(fault.Status, 400)}
	} else {
		in.part = fault.Part
		answer, err = do(in)
	}
	if kept := s.file.Wait(); kept != nil {
		err = &failure{Code: "InternalError", Message: kept.Error(), Status: 500}
	}
	if fault.Lost || in.ctx.Err() != nil {
		panic(http.ErrAbortHandler)
	}
	var f *failure
	if err != nil && !errors.As(err, &f) {
		f = &failure{Code: "InternalError", Message: err.Error(), Status: 500}
	}
	say(w, operation, answer, f)
}

// Do makes a Server the HTTP client of an SDK: it answers without a network.
func (s *Server) Do(r *http.Request) (answer *http.Response, err error) {
	defer func() {
		if broken := recover(); broken == http.ErrAbortHandler {
			answer, err = nil, cmp.Or(r.Context().Err(), io.ErrUnexpectedEOF)
		} else if broken != nil {
			panic(broken)
		}
	}()
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result(), nil
}

func answerJSON(w http.ResponseWriter, _ string, answer any, f *failure) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	if f != nil {
		if f.Query != "" {
			w.Header().Set("X-Amzn-Query-Error", f.Query+";Sender")
		}
		w.WriteHeader(f.Status)
		answer = map[string]string{"__type": "com.amazonaws.sqs#" + f.Code, "message": f.Message}
	}
	_ = json.NewEncoder(w).Encode(answer) // a caller that has gone misses it
}

const namespace = "http://sns.amazonaws.com/doc/2010-03-31/"

func answerXML(w http.ResponseWriter, operation string, answer any, f *failure) {
	w.Header().Set("Content-Type", "text/xml")
	id := uuid.NewString()
	if f != nil {
		who := "Sender"
		if f.Status >= 500 {
			who = "Receiver"
		}
		w.WriteHeader(f.Status)
		_ = xml.NewEncoder(w).Encode(struct {
			XMLName   xml.Name `xml:"ErrorResponse"`
			Namespace string   `xml:"xmlns,attr"`
			Type      string   `xml:"Error>Type"`
			Code      string   `xml:"Error>Code"`
			Message   string   `xml:"Error>Message"`
			RequestID string   `xml:"RequestId"`
		}{Namespace: namespace, Type: who, Code: f.Code, Message: f.Message, RequestID: id})
		return
	}
	_ = xml.NewEncoder(w).Encode(struct {
		XMLName   xml.Name
		Namespace string `xml:"xmlns,attr"`
		Result    any    `xml:",omitempty"`
		RequestID string `xml:"ResponseMetadata>RequestId"`
	}{XMLName: xml.Name{Local: operation + "Response"}, Namespace: namespace, Result: answer, RequestID: id})
}
