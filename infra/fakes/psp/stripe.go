package psp

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// stripeVersion is the API version of the webhooks' objects, as a merchant's endpoint is pinned to one.
const stripeVersion = "2025-08-27.basil"

// call is one request to Stripe's API.
type call struct {
	p    *PSP
	r    *http.Request
	form url.Values
}

// answer is what an acquirer says.
type answer struct {
	status int
	body   any
}

func (p *PSP) stripeRoutes(m *http.ServeMux) {
	for pattern, do := range map[string]func(*call, *tx) (answer, error){
		"POST /v1/payment_intents":               (*call).create,
		"GET /v1/payment_intents":                (*call).list,
		"GET /v1/payment_intents/search":         (*call).search,
		"GET /v1/payment_intents/{id}":           (*call).retrieve,
		"POST /v1/payment_intents/{id}/confirm":  (*call).confirm,
		"POST /v1/payment_intents/{id}/cancel":   (*call).cancel,
		"POST /v1/refunds":                       (*call).refund,
		"GET /v1/refunds/{id}":                   (*call).retrieveRefund,
		"POST /v1/checkout/sessions":             (*call).createSession,
		"GET /v1/checkout/sessions/{id}":         (*call).retrieveSession,
		"POST /v1/checkout/sessions/{id}/expire": (*call).expireSession,
		"GET /v1/events/{id}":                    (*call).retrieveEvent,
	} {
		m.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { p.stripe(w, r, do) })
	}
	m.HandleFunc("/v1/", func(w http.ResponseWriter, r *http.Request) {
		write(w, bad(404, "", "Unrecognized request URL ("+r.Method+": "+r.URL.Path+"). This stand-in speaks payment_intents, refunds, checkout/sessions and events."))
	})
}

// stripe answers one call: the key, the fault that is due, the work, once.
func (p *PSP) stripe(w http.ResponseWriter, r *http.Request, do func(*call, *tx) (answer, error)) {
	raw, err := body(r)
	if err != nil {
		return // the caller has gone
	}
	key, _, _ := r.BasicAuth()
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		key = bearer
	}
	if subtle.ConstantTimeCompare([]byte(key), []byte(p.o.Secrets.StripeKey)) != 1 {
		write(w, answer{401, failure("invalid_request_error", "", "Invalid API Key provided.", nil)})
		return
	}
	form, err := url.ParseQuery(string(raw))
	if err != nil {
		write(w, bad(400, "", "The body is not application/x-www-form-urlencoded: "+err.Error()))
		return
	}
	for k, v := range r.URL.Query() {
		form[k] = v
	}
	p.serve(w, r, Stripe, func(r *http.Request) (answer, error) { return p.once(&call{p, r, form}, do) })
}

// once obeys Idempotency-Key as Stripe does (PAY-1, PAY-3): the first answer of a call that began is kept a day and said
// again, a 500 too; the same key with other parameters is an error; two at once are 409.
func (p *PSP) once(c *call, do func(*call, *tx) (answer, error)) (answer, error) {
	key := c.r.Header.Get("Idempotency-Key")
	switch {
	case len(key) > 255:
		return bad(400, "", "Idempotency-Key must be at most 255 characters."), nil
	case key == "" || c.r.Method == http.MethodGet:
		var out answer
		err := p.store.do(func(t *tx) (err error) { out, err = do(c, t); return err })
		return out, err
	}
	asked := sha256.Sum256([]byte(c.r.Method + " " + c.r.URL.Path + "?" + c.form.Encode()))
	var out answer
	err := p.store.do(func(t *tx) error {
		kept, at, found, err := t.answer(key)
		if err != nil {
			return err
		}
		if found && p.o.Now().Sub(at) < 24*time.Hour {
			if out = kept.answer; kept.asked != hex.EncodeToString(asked[:]) {
				out = answer{400, failure("idempotency_error", "", "Keys for idempotent requests can only be used with the same parameters they were first used with.", nil)}
			}
			return nil
		}
		if out, err = do(c, t); err != nil || out.status == 400 || out.status == 404 {
			return err // Stripe keeps no answer of what it never began
		}
		if fault := faultOf(c.r); fault.Kind == After {
			out = broken()
		}
		return t.keepAnswer(key, hex.EncodeToString(asked[:]), out, p.o.Now())
	})
	return out, err
}

// kept is an answer as stored.
type kept struct {
	answer
	asked string
}

func (t *tx) answer(key string) (k kept, at time.Time, found bool, err error) {
	rows, err := t.query(`SELECT asked, status, body, at FROM answer WHERE key = ?`, key)
	if err != nil {
		return k, at, false, err
	}
	defer rows.Close()
	if !rows.Next() {
		return k, at, false, rows.Err()
	}
	var text string
	var unix int64
	err = rows.Scan(&k.asked, &k.status, &text, &unix)
	k.body = json.RawMessage(text)
	return k, time.Unix(unix, 0), true, err
}

func (t *tx) keepAnswer(key, asked string, a answer, now time.Time) error {
	text, err := json.Marshal(a.body)
	if err != nil {
		return err
	}
	return t.exec(`INSERT OR REPLACE INTO answer (key, asked, status, body, at) VALUES (?,?,?,?,?)`, key, asked, a.status, string(text), now.Unix())
}

func failure(kind, code, message string, more map[string]any) any {
	e := map[string]any{"type": kind, "message": message}
	if code != "" {
		e["code"] = code
	}
	for k, v := range more {
		e[k] = v
	}
	return map[string]any{"error": e}
}

func bad(status int, param, message string) answer {
	more := map[string]any{}
	if param != "" {
		more["param"] = param
	}
	code := ""
	if status == 404 {
		code = "resource_missing"
	}
	return answer{status, failure("invalid_request_error", code, message, more)}
}

func broken() answer {
	return answer{500, failure("api_error", "", "An unknown error occurred", nil)}
}

// metadata reads metadata[key]=value under a prefix.
func metadata(f url.Values, prefix string) map[string]string {
	m := map[string]string{}
	for k, v := range f {
		if name, ok := strings.CutPrefix(k, prefix+"["); ok && strings.HasSuffix(name, "]") {
			m[strings.TrimSuffix(name, "]")] = v[0]
		}
	}
	return m
}

// positive reads an amount in minor units.
func positive(f url.Values, name string) (int64, bool) {
	n, err := strconv.ParseInt(f.Get(name), 10, 64)
	return n, err == nil && n > 0 && n <= 99_999_999 // Stripe's largest charge has eight digits
}
