package api

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// refusal is an error as the Runtime API itself answers it, the message before the type.
type refusal struct {
	Message string `json:"errorMessage"`
	Type    string `json:"errorType"`
}

func reply(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil { // our own types
		panic(err)
	}
	text = append(text, '\n')
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(text) // who is not there any more has no use for the error
}

func accepted(w http.ResponseWriter) {
	reply(w, http.StatusAccepted, struct {
		Status string `json:"status"`
	}{"OK"})
}

func refuse(w http.ResponseWriter, status int, kind, format string, args ...any) {
	reply(w, status, refusal{fmt.Sprintf(format, args...), kind})
}

func refuseID(w http.ResponseWriter) {
	refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
}

func refuseState(w http.ResponseWriter, from, to state) {
	refuse(w, http.StatusForbidden, "InvalidStateTransition",
		"State transition from %s to %s failed for runtime. Error: State transition is not allowed", from, to)
}
