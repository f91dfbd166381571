package api

import (
	"net/http"
	"strings"

	"github.com/google/uuid"
)

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
