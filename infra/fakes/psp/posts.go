package psp

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// event is a webhook: kept in the commit that caused it, and posted until somebody takes it.
type event struct {
	n    int64
	PSP  string
	ID   string
	Body string
	at   time.Time
}

// Webhooks says how the events to come are delivered.
type Webhooks struct {
	Delay  time.Duration `json:"delay_ns,omitempty"` // beside the acquirer's own; late
	Copies int           `json:"copies,omitempty"`   // how often each is posted; 0 and 1: once, until taken
	Jumble bool          `json:"jumble,omitempty"`   // up to a second more for each, so that order is lost
	Hold   bool          `json:"hold,omitempty"`     // none at all until Deliver, or a Webhooks without Hold
}

// senders is how many webhooks are on their way at once.
const senders = 32

// posts sends the webhooks.
type posts struct {
	p     *PSP
	slots chan struct{}
	group sync.WaitGroup

	mu      sync.Mutex // guards what follows
	how     Webhooks
	hooks   Hooks
	waiting []event // held, or without an address
}

func newPosts(p *PSP) *posts {
	s := &posts{p: p, slots: make(chan struct{}, senders), hooks: p.o.Hooks}
	p.store.emitted = s.add
	return s
}

// resume queues what the file says was never taken.
func (s *posts) resume() error {
	var left []event
	err := s.p.store.do(func(t *tx) error {
		rows, err := t.query(`SELECT n, psp, id, body, at FROM event WHERE taken = 0 ORDER BY n`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var e event
			var at int64
			if err := rows.Scan(&e.n, &e.PSP, &e.ID, &e.Body, &at); err != nil {
				return err
			}
			e.at = time.UnixMilli(at)
			left = append(left, e)
		}
		return rows.Err()
	})
	s.add(left)
	return err
}

// emit keeps a webhook with the change that it tells of.
func (t *tx) emit(psp, id, body string, at time.Time) error {
	e := event{n: number(id), PSP: psp, ID: id, Body: body, at: at}
	t.events = append(t.events, e)
	return t.exec(`INSERT INTO event (n, psp, id, body, at) VALUES (?,?,?,?,?)`, e.n, psp, id, body, at.UnixMilli())
}

// add sends events, or keeps them until they may go.
func (s *posts) add(events []event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range events {
		if s.how.Hold || s.address(e) == "" {
			s.waiting = append(s.waiting, e)
			continue
		}
		for range max(1, s.how.Copies) {
			wait := s.p.o.Settle + s.how.Delay
			if s.how.Jumble {
				wait += rand.N(time.Second)
			}
			s.group.Go(func() { s.send(e, wait) })
		}
	}
}

func (s *posts) address(e event) string {
	if e.PSP == Stripe {
		return s.hooks.Stripe
	}
	return s.hooks.Worldpay
}

func (s *posts) notify(h Hooks) {
	s.mu.Lock()
	s.hooks = h
	left := s.waiting
	s.waiting = nil
	s.mu.Unlock()
	s.add(left)
}

func (s *posts) wait() { s.group.Wait() }

// send posts one event until it is taken: at first soon, later every minute.
func (s *posts) send(e event, wait time.Duration) {
	for next := time.Second; s.p.pause(s.p.ctx, wait); next = min(2*next, time.Minute) {
		s.slots <- struct{}{}
		status, err := s.post(s.p.ctx, e)
		<-s.slots
		if err == nil && status/100 == 2 {
			s.p.store.later(func(t *tx) error { return t.exec(`UPDATE event SET taken = 1 WHERE n = ?`, e.n) })
			return
		}
		wait = next
	}
}

// post sends one event once and returns what the merchant answered.
func (s *posts) post(ctx context.Context, e event) (int, error) {
	s.mu.Lock()
	url := s.address(e)
	s.mu.Unlock()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader([]byte(e.Body)))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	if e.PSP == Stripe {
		req.Header.Set("Stripe-Signature", sign(s.p.o.Secrets.StripeWebhook, s.p.o.Now(), e.Body))
	}
	res, err := s.p.o.Client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, maxBody))
	return res.StatusCode, err
}

// sign is Stripe's header (PAY-5), with a second scheme that a receiver must ignore.
func sign(secret string, at time.Time, body string) string {
	t := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(t + "." + body))
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil)) + ",v0=ignored"
}

// SetWebhooks changes how events are delivered from now on; without Hold, those held are sent.
func (p *PSP) SetWebhooks(how Webhooks) {
	p.posts.mu.Lock()
	p.posts.how = how
	p.posts.mu.Unlock()
	p.posts.notify(p.posts.addresses())
}

func (s *posts) addresses() Hooks {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hooks
}

// Event is a webhook that waits.
type Event struct{ PSP, ID, Type, Body string }

// Held lists the webhooks that wait because of Hold or for an address, oldest first.
func (p *PSP) Held() []Event {
	p.posts.mu.Lock()
	defer p.posts.mu.Unlock()
	out := make([]Event, 0, len(p.posts.waiting))
	for _, e := range p.posts.waiting {
		var d struct {
			Type         string
			EventDetails struct{ Type string }
		}
		json.Unmarshal([]byte(e.Body), &d) // ours: it can be read
		out = append(out, Event{e.PSP, e.ID, d.Type + d.EventDetails.Type, e.Body})
	}
	return out
}

// Deliver posts a held event now, once, and returns the merchant's status. It stays held, so that it can be delivered
// again or after its younger ones.
func (p *PSP) Deliver(ctx context.Context, id string) (int, error) {
	p.posts.mu.Lock()
	i := slices.IndexFunc(p.posts.waiting, func(e event) bool { return e.ID == id })
	if i < 0 {
		p.posts.mu.Unlock()
		return 0, fmt.Errorf("psp: no webhook %q is held", id)
	}
	e := p.posts.waiting[i]
	address := p.posts.address(e)
	p.posts.mu.Unlock()
	if address == "" {
		return 0, errors.New("psp: no address to deliver to: Notify gives one")
	}
	return p.posts.post(ctx, e)
}

// tellStripe emits a Stripe event about an object.
func (p *PSP) tellStripe(t *tx, kind string, object any) error {
	id := t.id("evt")
	b, err := json.Marshal(map[string]any{"id": id, "object": "event", "api_version": stripeVersion, "created": p.unix(), "livemode": false,
		"type": kind, "pending_webhooks": 1, "data": map[string]any{"object": object}})
	if err != nil {
		return err
	}
	return t.emit(Stripe, id, string(b), p.o.Now())
}

func (c *call) retrieveEvent(t *tx) (answer, error) {
	var raw json.RawMessage
	found, err := t.read(&raw, `SELECT body FROM event WHERE n = ? AND psp = ?`, number(c.r.PathValue("id")), Stripe)
	if err != nil || !found {
		return bad(404, "id", "No such event: '"+c.r.PathValue("id")+"'"), err
	}
	return answer{200, raw}, nil
}
