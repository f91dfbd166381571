package shadow

import (
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/banyan-migration/banyan/gateway/diff"
)

// ackHeader is shared/host's: the side that sends it has kept nothing of the request that it names (H-10).
const ackHeader = "X-Banyan-Shadow-Ack"

// proofAge is how long a side that did not acknowledge a shadow is not asked again.
const proofAge = 10 * time.Minute

// proof is what a side has shown of what it does with shadows. Until it has acknowledged one, no write goes to it.
type proof struct {
	mu     sync.Mutex
	state  proofState
	at     time.Time
	reason string
	told   bool
}

type proofState uint8

const (
	unknown proofState = iota
	shown
	refused
)

// stands says what is known; due, that it is time to ask.
func (p *proof) stands(now time.Time) (ok, due bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state == shown, p.state == unknown || p.state == refused && now.Sub(p.at) > proofAge
}

// show notes that a shadow was acknowledged.
func (p *proof) show() {
	p.mu.Lock()
	p.state, p.reason, p.told = shown, "", false
	p.mu.Unlock()
}

// refuse notes that one was not, and says whether nobody has been told yet.
func (p *proof) refuse(now time.Time, reason string) (news bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	news = !p.told
	p.state, p.at, p.reason, p.told = refused, now, reason, true
	return news
}

func (p *proof) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.state {
	case shown:
		return "sent"
	case refused:
		return "not sent: " + p.reason
	}
	return "unproven"
}

// acknowledges says whether an answer names the request as a shadow of which nothing was kept.
func acknowledges(a diff.Answer, id string) bool {
	for _, h := range a.Header {
		if strings.EqualFold(h[0], ackHeader) && h[1] == id {
			return true
		}
	}
	return false
}

// unshadow takes out of a service's answer what it adds for a shadow alone, so that donors' answers are compared.
func unshadow(a *diff.Answer) {
	for _, h := range a.Header {
		if strings.EqualFold(h[0], ackHeader) {
			var whole map[string]json.RawMessage
			if json.Unmarshal(a.Body, &whole) != nil || whole["shadow"] == nil {
				return
			}
			delete(whole, "shadow")
			a.Body, _ = json.Marshal(whole) // it was made of valid JSON
			return
		}
	}
}
