package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// subscription is one extension's wish to be told. Events are gathered until there are enough of them or the oldest has
// waited long enough, and sent in one request.
type subscription struct {
	name    string
	dialect dialect
	schema  string
	types   []string
	items   int
	bytes   int
	wait    time.Duration
	uri     string // or
	tcp     string

	mu      sync.Mutex
	once    sync.Once
	buffer  []json.RawMessage
	size    int
	since   time.Time // of the oldest
	sending bool
	dropped int
	wake    chan struct{}
	ended   chan struct{}
}

func (sub *subscription) setUp() {
	sub.once.Do(func() { sub.wake, sub.ended = make(chan struct{}, 1), make(chan struct{}) })
}

// maxHeld is how much a subscription keeps for a destination that takes nothing: what comes then is dropped, and counted.
const maxHeld = 16 << 20

func (sub *subscription) take(e entry) {
	kind, _, platform := strings.Cut(e.Type, ".")
	if !slices.Contains(sub.types, kind) {
		return
	}
	if platform && !sub.knows(e.Type) {
		return
	}
	sub.setUp()
	text, n := size(e)
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if sub.size+n > maxHeld {
		sub.dropped++
		return
	}
	if len(sub.buffer) == 0 {
		sub.since = time.Now()
	}
	sub.buffer = append(sub.buffer, text)
	sub.size += n
	sub.stir()
}

// knows says whether the subscription's dialect has an event.
func (sub *subscription) knows(kind string) bool {
	switch kind {
	case "platform.end", "platform.fault", "platform.logsSubscription":
		return sub.dialect == logsAPI
	case "platform.start", "platform.report", "platform.extension", "platform.logsDropped":
		return true
	case "platform.runtimeDone":
		return sub.schema != logsAPI.from
	}
	return sub.dialect == telemetryAPI
}

func (sub *subscription) stir() {
	select {
	case sub.wake <- struct{}{}:
	default:
	}
}

func (sub *subscription) quiet() bool {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	return len(sub.buffer) == 0 && !sub.sending
}

func (sub *subscription) close() {
	sub.setUp()
	sub.mu.Lock()
	defer sub.mu.Unlock()
	select {
	case <-sub.ended:
	default:
		close(sub.ended)
	}
}

// run sends what is due until the subscription is closed.
func (sub *subscription) run() {
	sub.setUp()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		batch, wait := sub.due(time.Now())
		if batch != nil {
			sub.send(batch)
			continue
		}
		timer.Reset(wait)
		select {
		case <-sub.wake:
		case <-timer.C:
		case <-sub.ended:
			return
		}
	}
}

// due takes the batch that is to be sent now, or says how long that takes yet.
func (sub *subscription) due(now time.Time) ([]json.RawMessage, time.Duration) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if len(sub.buffer) == 0 {
		return nil, time.Hour
	}
	if wait := sub.wait - now.Sub(sub.since); wait > 0 && len(sub.buffer) < sub.items && sub.size < sub.bytes {
		return nil, wait
	}
	return sub.grab(now), 0
}

// grab takes one batch from the buffer. Under mu.
func (sub *subscription) grab(now time.Time) []json.RawMessage {
	n, bytes := 0, 0
	for n < len(sub.buffer) && n < sub.items && (n == 0 || bytes+len(sub.buffer[n]) <= sub.bytes) {
		bytes += len(sub.buffer[n])
		n++
	}
	batch := slices.Clone(sub.buffer[:n])
	sub.buffer = slices.Delete(sub.buffer, 0, n)
	sub.size -= bytes
	sub.since, sub.sending = now, true
	if sub.dropped > 0 {
		text, _ := size(entry{now.UTC().Format("2006-01-02T15:04:05.000Z"), "platform.logsDropped",
			map[string]any{"droppedRecords": sub.dropped, "reason": "Consumer seems to have fallen behind as it has not acknowledged receipt of logs."}})
		batch, sub.dropped = append(batch, text), 0
	}
	return batch
}

// send tries three times; then the batch counts as dropped.
func (sub *subscription) send(batch []json.RawMessage) {
	sent := false
	for range 3 {
		if sent = sub.post(batch) == nil; sent {
			break
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-sub.ended:
		}
	}
	sub.mu.Lock()
	defer sub.mu.Unlock()
	sub.sending = false
	if !sent {
		sub.dropped += len(batch)
	}
}

var poster = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute}}

func (sub *subscription) post(batch []json.RawMessage) error {
	if sub.tcp != "" {
		return sub.write(batch)
	}
	body, err := json.Marshal(batch)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, sub.uri, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := poster.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// write sends a batch over TCP, a line an event.
func (sub *subscription) write(batch []json.RawMessage) error {
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(context.Background(), "tcp", sub.tcp)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	var lines []byte
	for _, e := range batch {
		lines = append(append(lines, e...), '\n')
	}
	_, err = conn.Write(lines)
	return err
}

// flush makes everything due at once, and waits until it is sent.
func (sub *subscription) flush(deadline time.Time) {
	sub.setUp()
	for !sub.quiet() && time.Now().Before(deadline) {
		sub.mu.Lock()
		sub.since = time.Time{}
		sub.mu.Unlock()
		sub.stir()
		select {
		case <-time.After(2 * time.Millisecond):
		case <-sub.ended:
			return
		}
	}
}
