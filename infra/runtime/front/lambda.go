// Package front is what stands before functions: Lambda's own Invoke API over HTTP, and an API Gateway HTTP API that turns
// requests into events of format 2.0 and answers into responses.
package front

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"

	"github.com/banyan-migration/banyan/infra/runtime"
)

// Player is what Lambda stands before: a runtime.Player.
type Player interface {
	runtime.Invoker
	// Stream invokes and writes a streamed response while it comes; begin is called once, before its first byte.
	Stream(ctx context.Context, call runtime.Call, begin func(version, request string), to io.Writer) (runtime.Answer, error)
}

var _ Player = (*runtime.Player)(nil)

// maxBody is what is read of a request at most: one byte more than the largest payload, so that the player sees that it is
// too large.
const maxBody = 6*1024*1024 + 1

// Lambda is the Invoke API: POST /2015-03-31/functions/NAME/invocations, and the streaming one of 2021-11-15. Signatures are
// not looked at.
func Lambda(p Player) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", func(w http.ResponseWriter, r *http.Request) { invoke(p, w, r) })
	mux.HandleFunc("POST /2021-11-15/functions/{name}/response-streaming-invocations",
		func(w http.ResponseWriter, r *http.Request) { stream(p, w, r) })
	return mux
}

// read makes a call of a request; false: it has been refused.
func read(w http.ResponseWriter, r *http.Request) (runtime.Call, bool) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestContentException", "The request body could not be read: "+err.Error())
		return runtime.Call{}, false
	}
	call := runtime.Call{Function: r.PathValue("name"), Payload: body, ClientContext: r.Header.Get("X-Amz-Client-Context"),
		Trace: r.Header.Get("X-Amzn-Trace-Id"), Tail: r.Header.Get("X-Amz-Log-Type") == "Tail"}
	if q := r.URL.Query().Get("Qualifier"); q != "" {
		call.Function += ":" + q
	}
	if len(call.ClientContext) > 3583 {
		refuse(w, http.StatusBadRequest, "InvalidParameterValueException", "Client context must be no more than 3583 bytes of base64.")
		return call, false
	}
	return call, true
}

func invoke(p Player, w http.ResponseWriter, r *http.Request) {
	call, ok := read(w, r)
	if !ok {
		return
	}
	switch kind := r.Header.Get("X-Amz-Invocation-Type"); kind {
	case "", "RequestResponse":
	case "Event":
		call.Event = true
	case "DryRun":
		call.Dry = true
	default:
		refuse(w, http.StatusBadRequest, "InvalidParameterValueException",
			"Value '"+kind+"' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: [Event, RequestResponse, DryRun]")
		return
	}
	a, err := p.Invoke(r.Context(), call)
	if err != nil {
		unavailable(w, err)
		return
	}
	h := w.Header()
	head(h, a)
	if call.Tail && !call.Event && a.Status == http.StatusOK {
		h.Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString(a.LogTail))
	}
	w.WriteHeader(a.Status)
	w.Write(a.Payload) // who has gone has no use for the error
}

// head sets what every answer carries.
func head(h http.Header, a runtime.Answer) {
	h.Set("Content-Type", "application/json")
	for name, value := range map[string]string{
		"X-Amzn-Requestid":       a.Request,
		"X-Amz-Function-Error":   a.Error,
		"X-Amz-Executed-Version": a.Version,
		"X-Amzn-Errortype":       a.Exception,
	} {
		if value != "" {
			h.Set(name, value)
		}
	}
}

func unavailable(w http.ResponseWriter, err error) {
	refuse(w, http.StatusInternalServerError, "ServiceException", "The invocation could not be played: "+err.Error())
}

func refuse(w http.ResponseWriter, status int, exception, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", exception)
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(struct {
		Type    string `json:"Type"`
		Message string `json:"message"`
	}{"User", message})
}
