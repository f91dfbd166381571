package front

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// response is what a function answers in format 2.0. Header values may be numbers or booleans, as API Gateway allows.
type response struct {
	StatusCode      *json.Number    `json:"statusCode"`
	Headers         map[string]any  `json:"headers"`
	Cookies         []string        `json:"cookies"`
	Body            json.RawMessage `json:"body"`
	IsBase64Encoded bool            `json:"isBase64Encoded"`
}

// answer is a response taken apart.
type answer struct {
	status  int
	headers map[string]string
	cookies []string
	body    []byte
}

// parse reads a function's answer; false: API Gateway would make 500 of it. JSON without a statusCode is the body itself.
func parse(payload []byte) (answer, bool) {
	if !json.Valid(payload) {
		return answer{}, false
	}
	whole := answer{status: 200, headers: map[string]string{"content-type": "application/json"}, body: payload}
	var object map[string]json.RawMessage
	if json.Unmarshal(payload, &object) != nil || object["statusCode"] == nil {
		return whole, true
	}
	var r response
	if json.Unmarshal(payload, &r) != nil || r.StatusCode == nil {
		return answer{}, false
	}
	status, err := strconv.Atoi(r.StatusCode.String())
	if err != nil || status < 200 || status > 599 {
		return answer{}, false
	}
	a := answer{status: status, headers: map[string]string{"content-type": "text/plain; charset=utf-8"}, cookies: r.Cookies}
	for name, value := range r.Headers {
		text, ok := plain(value)
		if !ok {
			return answer{}, false
		}
		a.headers[strings.ToLower(name)] = text
	}
	var ok bool
	a.body, ok = body(r)
	return a, ok
}

func plain(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}

func body(r response) ([]byte, bool) {
	raw := bytes.TrimSpace(r.Body)
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return nil, true
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return nil, false
	}
	if !r.IsBase64Encoded {
		return []byte(text), true
	}
	plain, err := base64.StdEncoding.DecodeString(text)
	return plain, err == nil
}

// hop are headers that belong to a connection, and not to what travels over it.
var hop = map[string]bool{"connection": true, "content-length": true, "keep-alive": true, "proxy-authenticate": true,
	"transfer-encoding": true, "upgrade": true, "te": true, "trailer": true}

// respond writes a function's answer; false: nothing was written. With cors, the function's own CORS headers stay behind.
func respond(w http.ResponseWriter, method string, payload []byte, cors bool) bool {
	a, ok := parse(payload)
	if !ok {
		return false
	}
	h := w.Header()
	for name, value := range a.headers {
		if !hop[name] && !(cors && strings.HasPrefix(name, "access-control-")) {
			h.Set(name, value)
		}
	}
	for _, c := range a.cookies {
		h.Add("Set-Cookie", c)
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	if a.status == http.StatusNoContent || a.status == http.StatusNotModified {
		h.Del("Content-Length")
		w.WriteHeader(a.status)
		return true
	}
	w.WriteHeader(a.status)
	if method != http.MethodHead {
		w.Write(a.body)
	}
	return true
}
