package api

import (
	"net/http"
	"slices"

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
