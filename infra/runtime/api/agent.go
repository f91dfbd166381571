package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// The states of an extension, by AWS's names.
const (
	agentStarted    state = "Started"
	agentRegistered state = "Registered"
	agentReady      state = "Ready"
	agentRunning    state = "Running"
	agentInitError  state = "InitError"
	agentExitError  state = "ExitError"
	agentExited     state = "Exited"
)

// maxAgents is how many extensions a function may have.
const maxAgents = 10

// agent is an extension: external, a program of its own in /opt/extensions, or internal, a part of the runtime's process.
type agent struct {
	name, id string
	external bool
	state    state
	events   []string
	event    []byte // what it has not fetched yet
	wait     chan struct{}
	inv      *Invocation // that waits for it
}

func (a *agent) wants(event string) bool { return slices.Contains(a.events, event) }

// give leaves an event for the extension. Under mu.
func (a *agent) give(event []byte) {
	a.event = event
	if a.wait != nil {
		close(a.wait)
		a.wait = nil
	}
}

// Expect makes room for an external extension, by the base name of its program; before the program is started.
func (s *Server) Expect(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.agents = append(s.agents, &agent{name: name, id: uuid.NewString(), external: true, state: agentStarted})
}

// Registered is closed when every extension that Expect was told of has registered.
func (s *Server) Registered() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checkRegistered()
	return s.registered
}

func (s *Server) checkRegistered() {
	select {
	case <-s.registered:
		return
	default:
	}
	for _, a := range s.agents {
		if a.external && a.state == agentStarted {
			return
		}
	}
	close(s.registered)
}

// Extension is what a log says of an extension.
type Extension struct {
	Name, State string
	Events      []string
	External    bool
}

// Extensions are those that have registered, in the order in which they did.
func (s *Server) Extensions() []Extension {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Extension
	for _, a := range s.agents {
		if a.state != agentStarted {
			all = append(all, Extension{a.name, string(a.state), slices.Clone(a.events), a.external})
		}
	}
	return all
}

func (s *Server) agent(match func(*agent) bool) *agent {
	if i := slices.IndexFunc(s.agents, match); i >= 0 {
		return s.agents[i]
	}
	return nil
}

func (s *Server) register(w http.ResponseWriter, r *http.Request) {
	name := r.Header.Get("Lambda-Extension-Name")
	if name == "" {
		refuse(w, http.StatusForbidden, "Extension.InvalidExtensionName", "Empty extension name")
		return
	}
	var body struct {
		Events        []string `json:"events"`
		Configuration []string `json:"configurationKeys"`
	}
	if err := decode(r, &body); err != nil {
		refuse(w, http.StatusForbidden, "InvalidRequestFormat", "%s", err)
		return
	}
	if len(body.Configuration) > 0 {
		refuse(w, http.StatusForbidden, "InvalidRequestFormat", "configurationKeys are deprecated; use environment variables instead")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.admit(w, name, body.Events)
	if a == nil {
		return
	}
	a.state, a.events = agentRegistered, body.Events
	s.checkRegistered()
	w.Header().Set("Lambda-Extension-Identifier", a.id)
	about := map[string]string{"functionName": s.about.Function, "functionVersion": s.about.Version, "handler": s.about.Handler}
	for feature := range strings.SplitSeq(r.Header.Get("Lambda-Extension-Accept-Feature"), ",") {
		if strings.TrimSpace(feature) == "accountId" {
			about["accountId"] = s.about.Account
		}
	}
	reply(w, http.StatusOK, about)
}

// admit finds or makes the extension that registers; nil: it has been refused. Under mu.
func (s *Server) admit(w http.ResponseWriter, name string, events []string) *agent {
	a := s.agent(func(a *agent) bool { return a.name == name })
	external := a != nil && a.external
	for _, e := range events {
		if e != "INVOKE" && (e != "SHUTDOWN" || !external) {
			refuse(w, http.StatusForbidden, "Extension.InvalidEventType", "%s: invalid event type", e)
			return nil
		}
	}
	closed := false
	select {
	case <-s.ready:
		closed = true
	default:
	}
	switch {
	case external && a.state != agentStarted:
		refuseAgent(w, a.state, agentRegistered, a.name)
	case external:
		return a
	case closed:
		refuse(w, http.StatusForbidden, "Extension.RegistrationClosed", "Extension registration closed already")
	case a != nil:
		refuse(w, http.StatusForbidden, "Extension.InvalidExtensionState", "Extension with this name already registered")
	case len(s.agents) >= maxAgents:
		refuse(w, http.StatusForbidden, "Extension.TooManyExtensions", "Extension limit (%d) reached", maxAgents)
	default:
		a = &agent{name: name, id: uuid.NewString()}
		s.agents = append(s.agents, a)
		return a
	}
	return nil
}

func refuseAgent(w http.ResponseWriter, from, to state, who string) {
	refuse(w, http.StatusForbidden, "Extension.InvalidExtensionState",
		"State transition from %s to %s failed for extension %s. Error: State transition is not allowed", from, to, who)
}

// identify finds who calls by the identifier that registration gave; nil: refused.
func (s *Server) identify(w http.ResponseWriter, r *http.Request) *agent {
	text := r.Header.Get("Lambda-Extension-Identifier")
	if text == "" {
		refuse(w, http.StatusForbidden, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
		return nil
	}
	id, err := uuid.Parse(text)
	if err != nil {
		refuse(w, http.StatusForbidden, "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.agent(func(a *agent) bool { return a.id == id.String() && a.state != agentStarted })
	if a == nil {
		refuse(w, http.StatusForbidden, "Extension.UnknownExtensionIdentifier", "Unknown extension %s", id)
	}
	return a
}

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
			return
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

// agentFailed is init/error and exit/error: kind is what the function's caller is told.
func (s *Server) agentFailed(kind string, to state, from ...state) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a := s.identify(w, r)
		if a == nil {
			return
		}
		const header = "Lambda-Extension-Function-Error-Type"
		reason := r.Header.Get(header)
		if reason == "" {
			refuse(w, http.StatusForbidden, "Extension.MissingHeader", "%s not found", header)
			return
		}
		s.mu.Lock()
		was := a.state
		if slices.Contains(from, was) {
			a.state = to
		}
		s.mu.Unlock()
		if !slices.Contains(from, was) {
			if to == agentExitError {
				to = agentExited // as AWS says it
			}
			refuseAgent(w, was, to, a.id)
			return
		}
		accepted(w)
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		s.fail(Failure{Extension: a.name, Kind: kind, Text: reason})
	}
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
