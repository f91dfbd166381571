package api

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// agentNext waits, without limit, for an extension's next event.
func (s *Server) agentNext(w http.ResponseWriter, r *http.Request) {
	a := s.identify(w, r)
	if a == nil {
		return
	}
	s.mu.Lock()
	switch a.state {
	case agentRegistered, agentRunning, agentReady:
	default:
		from := a.state
		s.mu.Unlock()
		refuseAgent(w, from, agentReady, a.id)
		return
	}
	if a.state == agentRunning && a.inv != nil {
		s.settle(a.inv)
		a.inv = nil
	}
	a.state = agentReady
	s.checkReady()
	for a.event == nil {
		if a.wait == nil {
			a.wait = make(chan struct{})
		}
		wait := a.wait
		s.mu.Unlock()
		select {
		case <-wait:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
		s.mu.Lock()
	}
	event := a.event
	a.event, a.state = nil, agentRunning
	s.mu.Unlock()
	w.Header().Set("Lambda-Extension-Event-Identifier", uuid.NewString())
	w.Header().Set("Content-Type", "application/json")
	w.Write(event)
}

// Shutdown tells every extension that wants to know that the environment ends at the deadline, for a reason: spindown,
// timeout or failure. What comes after it is for them alone.
func (s *Server) Shutdown(reason string, deadline time.Time) {
	event, err := json.Marshal(struct {
		Type     string `json:"eventType"`
		Reason   string `json:"shutdownReason"`
		Deadline int64  `json:"deadlineMs"`
	}{"SHUTDOWN", reason, deadline.UnixMilli()})
	if err != nil { // strings and a number
		panic(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.agents {
		if a.wants("SHUTDOWN") {
			a.give(event)
		}
	}
}

// invokeAgents hands an event to the extensions that want it. Under mu.
func (s *Server) invokeAgents(inv *Invocation) {
	type tracing struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	}
	var event []byte
	for _, a := range s.agents {
		if !a.wants("INVOKE") || (a.state != agentReady && a.state != agentRunning) {
			continue
		}
		if event == nil {
			event, _ = json.Marshal(struct { // strings and a number
				Type     string  `json:"eventType"`
				Deadline int64   `json:"deadlineMs"`
				Request  string  `json:"requestId"`
				ARN      string  `json:"invokedFunctionArn"`
				Tracing  tracing `json:"tracing"`
			}{"INVOKE", inv.Deadline.UnixMilli(), inv.ID, inv.ARN, tracing{"X-Amzn-Trace-Id", inv.Trace}})
		}
		inv.waits++
		a.inv = inv
		a.give(event)
	}
}
