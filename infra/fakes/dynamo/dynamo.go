// Package dynamo plays as much of DynamoDB's API as shared/kv/dynamo uses, strictly: conditions with the item that failed
// them, transactions with their reasons and tokens, an index that may lag, the limits; with the units that AWS would bill;
// and faults on demand, which a real emulator cannot be asked for. What it has answered for is on the disk, where it has a file.
package dynamo

import (
	"bytes"
	"encoding/json"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"

	"github.com/banyan-migration/banyan/infra/fakes/journal"
)

// Fault is what befalls a request in place of its answer.
type Fault struct {
	Code    string   // the error's name, such as ThrottlingException; nothing is carried out
	Reasons []string // with the code TransactionCanceledException: what is said of each item
	Status  int      // of an answer that is no error of DynamoDB's, such as 503; nothing is carried out
	Lost    bool     // it is carried out, and the connection breaks before the answer
	Part    bool     // a batch is answered but for its last key; a batch of one not at all
}

// Server is the API. The zero Server is ready, empty, and keeps nothing; safe for concurrent use.
type Server struct {
	// Faults is asked for each request by its operation, such as UpdateItem; nil, or a nil answer: none.
	Faults func(operation string) *Fault
	// Forgets makes it know no token of a transaction, as moto does not.
	Forgets bool

	mu     sync.Mutex
	tables map[string]*table
	tokens map[string]transaction
	asked  map[string]int
	billed Bill
	file   *journal.Journal
}

// Open is a server with what an earlier one left in the file, which takes what comes too. Close it. Items whose time to live
// was over at the start are gone.
func Open(file string) (*Server, error) {
	s := &Server{}
	s.begin()
	var err error
	s.file, err = journal.Keep(file, s.apply, s.whole)
	return s, err
}

// Close ends it when everything is kept.
func (s *Server) Close() error { return s.file.Close() }

// Lasts returns the disk's error when nothing more can be kept, and nil when the server is closed.
func (s *Server) Lasts() error { return s.file.Lasts() }

func (s *Server) begin() {
	if s.asked == nil {
		s.asked, s.tables, s.tokens, s.billed = map[string]int{}, map[string]*table{}, map[string]transaction{}, Bill{}
	}
}

// Asked is how many requests of an operation have come, carried out or not.
func (s *Server) Asked(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[operation]
}

// Lag lets indexes, and reads that do not ask for consistency, answer as of now until it is called again with false:
// AWS's may lag so.
func (s *Server) Lag(lag bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tables {
		if t.old = nil; lag {
			t.old = t.clone()
		}
	}
}

// failure is an error as DynamoDB answers it.
type failure struct {
	Code    string   `json:"__type"`
	Message string   `json:"message"`
	Item    item     `json:"Item,omitempty"`
	Reasons []reason `json:"CancellationReasons,omitempty"`
}

type reason struct {
	Code    string
	Message string `json:",omitempty"`
	Item    item   `json:",omitempty"`
}

func (f *failure) Error() string { return f.Code + ": " + f.Message }

func invalid(message string) *failure { return &failure{Code: "ValidationException", Message: message} }

// operations are what the API can do, by the name in X-Amz-Target.
var operations = map[string]func(*Server, request) (any, error){
	"CreateTable": (*Server).createTable, "DescribeTable": (*Server).describeTable, "UpdateTimeToLive": (*Server).updateTimeToLive,
	"GetItem": (*Server).getItem, "BatchGetItem": (*Server).batchGetItem, "Query": (*Server).query,
	"UpdateItem": (*Server).write, "DeleteItem": (*Server).write, "TransactWriteItems": (*Server).transactWriteItems,
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	var fault *Fault
	if s.Faults != nil {
		fault = s.Faults(name)
	}
	if fault == nil {
		fault = &Fault{}
	}
	answer, err := s.answer(name, body, fault)
	if kept := s.file.Wait(); kept != nil {
		err = &failure{Code: "InternalServerError", Message: kept.Error()}
		fault.Status = http.StatusInternalServerError
	}
	if fault.Lost {
		panic(http.ErrAbortHandler)
	}
	status := http.StatusOK
	if f, is := err.(*failure); is {
		status, answer = http.StatusBadRequest, f
	}
	if fault.Status != 0 {
		status, answer = fault.Status, struct{}{}
	}
	out, err := json.Marshal(answer)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(out)), 10))
	w.WriteHeader(status)
	_, _ = w.Write(out) // a caller that has gone misses it
}

// Do makes a Server the HTTP client of an SDK: it answers without a network.
func (s *Server) Do(r *http.Request) (answer *http.Response, err error) {
	defer func() {
		if broken := recover(); broken == http.ErrAbortHandler {
			answer, err = nil, io.ErrUnexpectedEOF
		} else if broken != nil {
			panic(broken)
		}
	}()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result(), nil
}

func (s *Server) answer(name string, body []byte, fault *Fault) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begin()
	s.asked[name]++
	operation := operations[name]
	switch {
	case fault.Status != 0:
		return nil, nil
	case fault.Code != "":
		f := &failure{Code: fault.Code, Message: "a fault was asked for"}
		for _, code := range fault.Reasons {
			f.Reasons = append(f.Reasons, reason{Code: code})
		}
		return nil, f
	case operation == nil:
		return nil, &failure{Code: "UnknownOperationException", Message: name}
	}
	in := request{part: fault.Part, operation: name}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, &failure{Code: "SerializationException", Message: err.Error()}
	}
	for _, expression := range []string{"ConditionExpression", "UpdateExpression", "FilterExpression", "ProjectionExpression", "KeyConditionExpression"} {
		if bytes.Contains(body, []byte(`"`+expression+`":""`)) {
			return nil, invalid("Invalid " + expression + ": The expression can not be empty;")
		}
	}
	if in.ClientRequestToken != "" {
		var all any
		if err := json.Unmarshal(body, &all); err != nil {
			return nil, &failure{Code: "SerializationException", Message: err.Error()}
		}
		in.asked, _ = json.Marshal(all)
	}
	return operation(s, in)
}

// request has the fields of every operation.
type request struct {
	TableName                 string
	Key                       item
	ExclusiveStartKey         item
	IndexName                 string
	Limit                     int
	ConsistentRead            bool
	KeyConditionExpression    string
	FilterExpression          string
	ProjectionExpression      string
	ConditionExpression       string
	UpdateExpression          string
	ExpressionAttributeValues item
	RequestItems              map[string]struct {
		Keys                 []item
		ProjectionExpression string
		ConsistentRead       bool
	}
	TransactItems                       []struct{ Update, Delete *request }
	ClientRequestToken                  string
	KeySchema                           []keyElement
	GlobalSecondaryIndexes              []indexed
	TimeToLiveSpecification             struct{ AttributeName string }
	ReturnValuesOnConditionCheckFailure string
	ReturnConsumedCapacity              string

	part      bool   // the answer is to be one in part
	operation string // by which it is billed
	asked     []byte // the request, its fields in one order
}

type keyElement struct{ AttributeName, KeyType string }

type indexed struct {
	IndexName  string
	KeySchema  []keyElement
	Projection struct{ ProjectionType string }
}
