package payments

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/money"
)

// payment is one collection of one gift: (service, id, sequence), charged at most once. Attempts, refunds, disputes and
// the acquirers' events that changed it lie in the one record, so that one condition on one item keeps them true:
// at most one attempt is open (PAY-24), an event acts once (PAY-7).
type payment struct {
	ID       string       `json:"id"`
	For      event.For    `json:"for"`
	Sequence int          `json:"sequence"`
	Amount   money.Amount `json:"amount"`
	Book     string       `json:"book"` // of the ledger: live or test
	Method   string       `json:"method,omitempty"`
	At       time.Time    `json:"at"`
	Attempts []attempt    `json:"attempts"`
	Since    int          `json:"since,omitempty"`   // the first attempt of the donor's latest wish
	Waiting  bool         `json:"waiting,omitempty"` // for an acquirer that is well enough to try (PAY-28)
	Refunds  []refund     `json:"refunds,omitempty"`
	Disputes []dispute    `json:"disputes,omitempty"`
	Seen     []string     `json:"seen,omitempty"` // acquirers' events that changed something
	Trace    string       `json:"trace,omitempty"`
	Due      time.Time    `json:"due,omitzero"`    // when the sweeper looks at it next; zero: never
	Asked    int          `json:"asked,omitempty"` // how often in vain

	listed time.Time // Due as stored
}

// attempt is one try of one acquirer.
type attempt struct {
	ID        string       `json:"id"` // the payment's, a dash and a number
	PSP       string       `json:"psp"`
	State     state        `json:"state"`
	At        time.Time    `json:"at"`
	Ref       string       `json:"ref,omitempty"`  // the acquirer's id of the charge
	Page      string       `json:"page,omitempty"` // the acquirer's id of its page
	Next      string       `json:"next,omitempty"` // where the donor must go
	Hosted    bool         `json:"hosted,omitempty"`
	Code      string       `json:"code,omitempty"`
	Taken     money.Amount `json:"taken,omitzero"`
	Duplicate bool         `json:"duplicate,omitempty"` // money taken a second time: flagged and sent back (PAY-27)
}

// space makes payments' ids from what they are for.
var space = uuid.MustParse("6f0d1a52-5c0b-4d7e-9a53-0b1a2d9e7c44")

// idOf is the payment of a gift's collection: "once" is then a condition on one item.
func idOf(about event.For, sequence int) string {
	return uuid.NewSHA1(space, []byte(about.Service+"\x00"+about.ID+"\x00"+strconv.Itoa(sequence))).String()
}

// The states of a payment, made from its attempts.
const (
	pending = "pending"
	settled = "settled"
	refused = "refused"
)

// state is what became of the payment: settled once any attempt has taken the money, pending while one is open.
func (p *payment) state() string {
	if slices.ContainsFunc(p.Attempts, func(a attempt) bool { return a.State == succeeded }) {
		return settled
	}
	if p.Waiting || p.open() != nil {
		return pending
	}
	return refused
}

// open is the attempt that is under way; there is never more than one.
func (p *payment) open() *attempt {
	for i := range p.Attempts {
		if !p.Attempts[i].State.ended() {
			return &p.Attempts[i]
		}
	}
	return nil
}

func (p *payment) attempt(id string) *attempt {
	for i := range p.Attempts {
		if p.Attempts[i].ID == id {
			return &p.Attempts[i]
		}
	}
	return nil
}

// captured is the attempt whose money pays the gift.
func (p *payment) captured() *attempt {
	for i := range p.Attempts {
		if p.Attempts[i].State == succeeded && !p.Attempts[i].Duplicate {
			return &p.Attempts[i]
		}
	}
	return nil
}

// try opens an attempt at an acquirer. It panics if one is open: the caller must know.
func (p *payment) try(psp string, hosted bool, now time.Time) *attempt {
	if a := p.open(); a != nil {
		panic("payments: " + a.ID + " is still open (PAY-24)")
	}
	p.Attempts = append(p.Attempts, attempt{ID: fmt.Sprintf("%s-%d", p.ID, len(p.Attempts)+1), PSP: psp, State: submitted, At: now, Hosted: hosted})
	return &p.Attempts[len(p.Attempts)-1]
}

func (p *payment) order(a *attempt, back string) order {
	o := order{Key: a.ID, Payment: p.ID, Gift: p.For.ID, Amount: p.Amount, At: a.At, Ref: a.Ref, Page: a.Page, Return: back}
	if !a.Hosted {
		o.Method = p.Method
	}
	return o
}

// change is what a transition causes besides the payment itself: written and said in the same commit.
type change struct {
	entries []Entry
	says    []message
}

// message is an event without its envelope.
type message struct {
	kind string
	data any
}

func (c *change) say(kind string, data any) { c.says = append(c.says, message{kind, data}) }

// learn is the one place where news of an attempt is believed; changed is false for old news. Where nothing was sent
// and next names another acquirer, the payment goes on there (PAY-26). A success that is the payment's second is
// posted like any money, and goes back.
func (p *payment) learn(id string, r result, next func() *provider, fees fees, now time.Time) (c change, changed bool) {
	a := p.attempt(id)
	if a == nil || rank[r.State] <= rank[a.State] {
		return c, a != nil && a.note(r)
	}
	before := p.state()
	a.note(r)
	a.State, a.Code, a.Next = r.State, r.Code, ""
	switch r.State {
	case needsAction:
		a.Next = r.Next
	case succeeded:
		p.take(a, r, before == settled, fees, now, &c)
	case failedUnsent:
		if other := next(); other != nil && p.open() == nil && before == pending {
			p.try(other.name, a.Hosted, now)
			return c, true
		}
	}
	switch after := p.state(); {
	case after == before:
	case after == settled:
		c.say(event.PaymentsSettled, event.Settled{Sequence: p.Sequence, Payment: p.ID, Amount: a.Taken, Acquirer: a.PSP, At: now.UTC()})
	case after == refused:
		c.say(event.PaymentsRefused, event.Refused{Sequence: p.Sequence, Payment: p.ID, Text: refusal(a), Retry: true})
	}
	return c, true
}

// note keeps what the acquirer calls the attempt, whichever news brings it first.
func (a *attempt) note(r result) bool {
	was := *a
	if a.Ref == "" {
		a.Ref = r.Ref
	}
	if a.Page == "" {
		a.Page = r.Page
	}
	if a.State == needsAction && r.State == needsAction && r.Next != "" {
		a.Next = r.Next
	}
	return *a != was
}

func (p *payment) take(a *attempt, r result, again bool, fees fees, now time.Time, c *change) {
	a.Taken = r.Amount
	if a.Taken.IsZero() {
		a.Taken = p.Amount
	}
	c.entries = append(c.entries, capture(p, a, fees, now))
	if again {
		a.Duplicate = true
		p.Refunds = append(p.Refunds, refund{ID: a.ID + "-back", Attempt: a.ID, Amount: a.Taken, State: created, At: now,
			Reason: "taken a second time", By: "payments"})
	}
}

// refusal is what the donor is told: general, so that nobody tests cards by it (ABUSE-6).
func refusal(a *attempt) string {
	switch {
	case a.State == failedUnsent:
		return "We could not reach the card provider. You have not been charged: please try again."
	case a.State == canceled:
		return "The payment was not completed. You have not been charged: please try again."
	}
	return "Your payment was not accepted. You have not been charged: please check the details or use another card."
}

// waits is how long after a change the sweeper looks again; zero: nothing is left to find out.
func (p *payment) waits() time.Duration {
	open := p.open()
	switch {
	case p.Waiting:
		return probe
	case open != nil && open.State == needsAction:
		return 15 * time.Minute << min(p.Asked, 3) // the donor is at it, and webhooks tell; after a day it is closed
	case open != nil:
		return again(p.Asked)
	case slices.ContainsFunc(p.Refunds, func(r refund) bool { return r.unsettled() }):
		return again(p.Asked)
	}
	return 0
}

// schedule sets when the sweeper looks next.
func (p *payment) schedule(now time.Time) {
	p.Due = time.Time{}
	if wait := p.waits(); wait > 0 {
		p.Due = now.Add(wait).UTC()
	}
}

// again is soon at first and every quarter of an hour in the end: an acquirer's answer may lag by as much.
func again(asked int) time.Duration {
	return min(15*time.Second<<min(asked, 8), 15*time.Minute)
}
