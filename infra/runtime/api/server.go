// Package api is what the processes in one Lambda environment speak HTTP with: the Runtime API of 2018-06-01, the
// Extensions API of 2020-01-01, the Telemetry API of 2022-07-01 and the Logs API of 2020-08-15. It takes what is legal HTTP
// however odd, and answers with AWS's own statuses, types and texts.
package api

import (
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
)

// state is where the runtime or an extension stands, by the names that AWS puts into its messages.
type state string

const (
	started       state = "Started"
	initError     state = "InitError"
	ready         state = "Ready"
	responding    state = "InvocationResponse"
	errorResponse state = "InvocationErrorResponse"
	responseSent  state = "RuntimeResponseSentState"
)

// About is what an environment knows of its function.
type About struct {
	Function, Version, Handler, Account string
}

// Failure is an init that the runtime or an extension has given up, or an extension that has: the environment is at its end.
type Failure struct {
	Extension  string    // empty: the runtime
	Kind, Text string    // of an extension's failure
	Response   *Response // of the runtime's: what it posted
}

// Server is the HTTP of one environment. Safe for concurrent use.
type Server struct {
	about     About
	listener  net.Listener
	http      *http.Server
	telemetry telemetry

	mu         sync.Mutex
	state      state
	current    *Invocation        // from Invoke until the runtime asks for the next one
	waiters    []chan *Invocation // runtimes that wait in next
	asked      bool               // the runtime has asked once
	agents     []*agent
	registered chan struct{}
	ready      chan struct{}
	failed     chan Failure
}

// Listen opens the HTTP of a new environment on a free port of the loopback interface.
func Listen(about About) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{about: about, listener: listener, state: started, registered: make(chan struct{}), ready: make(chan struct{}),
		failed: make(chan Failure, 1)}
	s.http = &http.Server{
		Handler:        s.routes(),
		MaxHeaderBytes: 4 << 20, // an X-Ray cause of just under 1 MiB comes in a header
		ErrorLog:       log.New(io.Discard, "", 0),
	}
	go s.http.Serve(listener) // ends with Close
	return s, nil
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	const runtime, extension = "/2018-06-01/runtime", "/2020-01-01/extension"
	mux.HandleFunc("GET "+runtime+"/invocation/next", s.next)
	mux.HandleFunc("POST "+runtime+"/invocation/{id}/response", s.respond)
	mux.HandleFunc("POST "+runtime+"/invocation/{id}/error", s.respondError)
	mux.HandleFunc("POST "+runtime+"/init/error", s.initError)
	mux.HandleFunc("GET /2018-06-01/ping", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "pong") })
	mux.HandleFunc("POST "+extension+"/register", s.register)
	mux.HandleFunc("GET "+extension+"/event/next", s.agentNext)
	mux.HandleFunc("POST "+extension+"/init/error", s.agentFailed("Extension.InitError", agentInitError, agentRegistered))
	mux.HandleFunc("POST "+extension+"/exit/error",
		s.agentFailed("Extension.ExitError", agentExitError, agentRegistered, agentReady, agentRunning))
	mux.HandleFunc("PUT /2022-07-01/telemetry", s.subscribe(telemetryAPI))
	mux.HandleFunc("PUT /2020-08-15/logs", s.subscribe(logsAPI))
	return mux
}

// decode reads a small JSON body.
func decode(r *http.Request, into any) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

// Address is host:port, as AWS_LAMBDA_RUNTIME_API has it.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Ready is closed when the runtime and every extension have asked for their first event.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Failed tells of the first failure that ends the environment.
func (s *Server) Failed() <-chan Failure { return s.failed }

// Invoke hands an event to the runtime and to the extensions that want it. The environment is ready and has no other
// invocation that is not Done.
func (s *Server) Invoke(inv *Invocation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = inv
	inv.waits = 1
	s.invokeAgents(inv)
	if len(s.waiters) > 0 {
		s.waiters[0] <- inv // has room for one
		s.waiters = s.waiters[1:]
	}
}

// Close ends every connection and subscription at once.
func (s *Server) Close() {
	s.http.Close()
	s.telemetry.close()
}

func (s *Server) fail(f Failure) {
	select {
	case s.failed <- f:
	default: // the first one counts
	}
}

// checkReady is called under mu, whenever somebody has asked for a first event.
func (s *Server) checkReady() {
	select {
	case <-s.ready:
		return
	default:
	}
	for _, a := range s.agents {
		if a.state == agentStarted || a.state == agentRegistered {
			return
		}
	}
	if s.asked {
		s.telemetry.seal()
		close(s.ready)
	}
}

// settle is called under mu when one of those that an invocation waits for has asked for its next event.
func (s *Server) settle(inv *Invocation) {
	inv.waits--
	if inv.waits == 0 {
		close(inv.done)
	}
}
