package api

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// dialect is one of the two APIs that tell extensions what happens: the newer has more events, and its own words.
type dialect struct{ name, from string }

var (
	telemetryAPI = dialect{"Telemetry", "2022-07-01"}
	logsAPI      = dialect{"Logs", "2020-08-15"}
)

// schemas are the versions of events that a subscription may ask for.
var schemas = map[string][]string{
	telemetryAPI.name: {"2022-07-01", "2022-12-13", "2025-01-29"},
	logsAPI.name:      {"2020-08-15", "2021-03-18"},
}

// Record is what an event says, as JSON writes it.
type Record any

// entry is one event as a subscriber gets it.
type entry struct {
	Time   string `json:"time"`
	Type   string `json:"type"`
	Record Record `json:"record"`
}

// maxBacklog is how many events of an init are kept for those who have yet to subscribe.
const maxBacklog = 1000

// telemetry is who is told what happens in an environment. Its zero value is ready.
type telemetry struct {
	mu      sync.Mutex
	sealed  bool // init is over: nobody may subscribe any more
	closed  bool
	backlog []entry
	to      []*subscription
}

// Emit tells subscribers of an event: platform.start, …, function, extension. Cheap where there are none.
func (s *Server) Emit(kind string, record Record) {
	t := &s.telemetry
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sealed && len(t.to) == 0 {
		return
	}
	e := entry{time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), kind, record}
	if !t.sealed && len(t.backlog) < maxBacklog {
		t.backlog = append(t.backlog, e)
	}
	for _, sub := range t.to {
		sub.take(e)
	}
}

// Listening says whether anybody has subscribed.
func (s *Server) Listening() bool {
	s.telemetry.mu.Lock()
	defer s.telemetry.mu.Unlock()
	return len(s.telemetry.to) > 0
}

// Quiet says whether subscribers have been sent all there is.
func (s *Server) Quiet() bool {
	s.telemetry.mu.Lock()
	defer s.telemetry.mu.Unlock()
	for _, sub := range s.telemetry.to {
		if !sub.quiet() {
			return false
		}
	}
	return true
}

// Flush sends what is buffered, without waiting for more; it returns when that has been taken, or at the deadline.
func (s *Server) Flush(deadline time.Time) {
	s.telemetry.mu.Lock()
	subs := slices.Clone(s.telemetry.to)
	s.telemetry.mu.Unlock()
	for _, sub := range subs {
		sub.flush(deadline)
	}
}

func (t *telemetry) seal() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sealed, t.backlog = true, nil
}

func (t *telemetry) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed, t.sealed, t.backlog = true, true, nil
	for _, sub := range t.to {
		sub.close()
	}
	t.to = nil
}

// wish is the body of a subscription.
type wish struct {
	Schema    string   `json:"schemaVersion"`
	Types     []string `json:"types"`
	Buffering *struct {
		Items   *int `json:"maxItems"`
		Bytes   *int `json:"maxBytes"`
		Timeout *int `json:"timeoutMs"`
	} `json:"buffering"`
	Destination struct {
		Protocol string `json:"protocol"`
		URI      string `json:"URI"`
		Port     int    `json:"port"`
	} `json:"destination"`
}

// subscribe answers a subscription. The same extension may ask again before init is over: the last wish counts.
func (s *Server) subscribe(d dialect) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a := s.identify(w, r)
		if a == nil {
			return
		}
		var body wish
		if err := decode(r, &body); err != nil {
			refuse(w, http.StatusBadRequest, "ValidationError", "%s", err)
			return
		}
		sub, why := newSubscription(a.name, d, body)
		if why != "" {
			refuse(w, http.StatusBadRequest, "ValidationError", "%s", why)
			return
		}
		if !s.telemetry.add(sub) {
			refuse(w, http.StatusForbidden, d.name+".SubscriptionClosed", "%s API subscription is closed already", d.name)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Write([]byte(`"OK"`))
		said := map[string]any{"name": a.name, "state": "Subscribed", "types": body.Types}
		if d == logsAPI {
			s.Emit("platform.logsSubscription", said)
		} else {
			s.Emit("platform.telemetrySubscription", said)
		}
	}
}

func (t *telemetry) add(sub *subscription) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sealed {
		return false
	}
	t.to = slices.DeleteFunc(t.to, func(old *subscription) bool {
		same := old.name == sub.name && old.dialect == sub.dialect
		if same {
			old.close()
		}
		return same
	})
	t.to = append(t.to, sub)
	for _, e := range t.backlog {
		sub.take(e)
	}
	go sub.run()
	return true
}

// newSubscription checks a wish, and says what is wrong with it.
func newSubscription(name string, d dialect, body wish) (*subscription, string) {
	sub := &subscription{name: name, dialect: d, items: 10000, bytes: 262144, wait: time.Second}
	if body.Schema == "" {
		body.Schema = d.from
	}
	if !slices.Contains(schemas[d.name], body.Schema) {
		return nil, "schemaVersion " + strconv.Quote(body.Schema) + " is not supported"
	}
	sub.schema = body.Schema
	if len(body.Types) == 0 {
		return nil, "types must not be empty"
	}
	for _, kind := range body.Types {
		if kind != "platform" && kind != "function" && kind != "extension" {
			return nil, "type " + strconv.Quote(kind) + " is not one of platform, function, extension"
		}
	}
	sub.types = body.Types
	if b := body.Buffering; b != nil {
		for _, limit := range []struct {
			name   string
			wished *int
			lo, hi int
			set    func(int)
		}{
			{"maxItems", b.Items, 1000, 10000, func(n int) { sub.items = n }},
			{"maxBytes", b.Bytes, 262144, 1048576, func(n int) { sub.bytes = n }},
			{"timeoutMs", b.Timeout, 25, 30000, func(n int) { sub.wait = time.Duration(n) * time.Millisecond }},
		} {
			if limit.wished == nil {
				continue
			}
			if *limit.wished < limit.lo || *limit.wished > limit.hi {
				return nil, limit.name + " must be from " + strconv.Itoa(limit.lo) + " to " + strconv.Itoa(limit.hi)
			}
			limit.set(*limit.wished)
		}
	}
	return sub, sub.aim(body)
}

// aim finds where events go. The host that AWS calls sandbox is this machine.
func (sub *subscription) aim(body wish) string {
	switch body.Destination.Protocol {
	case "TCP":
		sub.tcp = "127.0.0.1:" + strconv.Itoa(body.Destination.Port)
		if body.Destination.Port < 1 || body.Destination.Port > 65535 {
			return "destination.port must be from 1 to 65535"
		}
	case "HTTP":
		u, err := url.Parse(body.Destination.URI)
		if err != nil || u.Scheme != "http" || u.Port() == "" {
			return "destination.URI must be http://sandbox.localdomain:PORT"
		}
		if host := u.Hostname(); host == "sandbox" || host == "sandbox.localdomain" || host == "sandbox.local" {
			u.Host = "127.0.0.1:" + u.Port()
		}
		sub.uri = u.String()
	default:
		return "destination.protocol must be HTTP or TCP"
	}
	return ""
}

// size is about how many bytes an entry has.
func size(e entry) (json.RawMessage, int) {
	text, err := json.Marshal(e)
	if err != nil { // a line that is no text is written as JSON can
		text = []byte(`{"time":"` + e.Time + `","type":"` + e.Type + `","record":null}`)
	}
	return text, len(text)
}
