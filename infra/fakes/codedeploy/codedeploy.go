// Package codedeploy plays the one call that a deployment hook makes of AWS CodeDeploy: it is told what became of the
// execution of a hook, once, and tells whoever waits for it.
package codedeploy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
)

// The statuses that a hook may report.
const (
	Succeeded = "Succeeded"
	Failed    = "Failed"
)

// Server is the API. The zero Server knows no execution; safe for concurrent use.
type Server struct {
	mu      sync.Mutex
	waiting map[execution]chan string
	last    int
}

type execution struct{ deployment, hook string }

// Expect begins the execution of a hook and returns its id; its status comes on the channel, at most once.
func (s *Server) Expect(deployment string) (id string, status <-chan string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting == nil {
		s.waiting = map[execution]chan string{}
	}
	s.last++
	id = fmt.Sprintf("eyJlbmNyeXB0ZWREYXRhIjoi%08d", s.last) // opaque, and long, as AWS's are
	told := make(chan string, 1)
	s.waiting[execution{deployment, id}] = told
	return id, told
}

// report is the call's body.
type report struct {
	Deployment string `json:"deploymentId"`
	Hook       string `json:"lifecycleEventHookExecutionId"`
	Status     string `json:"status"`
}

const target = "CodeDeploy_20141006.PutLifecycleEventHookExecutionStatus"

// ServeHTTP answers as AWS does: JSON 1.1, an error's name in __type.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	var in report
	if got := r.Header.Get("X-Amz-Target"); got != target {
		refuse(w, "InvalidOperationException", "this CodeDeploy knows "+target+" alone, and was asked for "+got)
		return
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&in); err != nil {
		refuse(w, "SerializationException", err.Error())
		return
	}
	if code, text := s.take(in); code != "" {
		refuse(w, code, text)
		return
	}
	json.NewEncoder(w).Encode(map[string]string{"lifecycleEventHookExecutionId": in.Hook})
}

// take keeps a status, or says which error there is.
func (s *Server) take(in report) (code, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	told, known := s.waiting[execution{in.Deployment, in.Hook}]
	switch {
	case in.Status != Succeeded && in.Status != Failed:
		return "InvalidLifecycleEventHookExecutionStatusException", "the status is " + Succeeded + " or " + Failed
	case !known:
		return "InvalidLifecycleEventHookExecutionIdException", "no execution has this id in this deployment"
	case len(told) > 0 || told == nil:
		return "LifecycleEventAlreadyCompletedException", "this execution has its status already"
	}
	told <- in.Status
	s.waiting[execution{in.Deployment, in.Hook}] = nil
	return "", ""
}

func refuse(w http.ResponseWriter, code, text string) {
	w.WriteHeader(http.StatusBadRequest)
	json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": text})
}
