package payments

import (
	"context"
	"slices"
	"time"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/money"
)

// refund is money that goes back. It is kept before the acquirer is asked, like an attempt.
type refund struct {
	ID      string       `json:"id"` // idempotency key at the acquirer
	Attempt string       `json:"attempt"`
	Amount  money.Amount `json:"amount"`
	State   state        `json:"state"`          // created, submitted, unknown, processing, succeeded, declined
	Held    bool         `json:"held,omitempty"` // waits for a second operator
	Posted  bool         `json:"posted,omitempty"`
	At      time.Time    `json:"at"`
	Ref     string       `json:"ref,omitempty"`
	Reason  string       `json:"reason,omitempty"`
	By      string       `json:"by,omitempty"`     // the operator
	Second  string       `json:"second,omitempty"` // the operator who agreed, where the amount needs one
}

// refundRank orders news of a refund. Unlike a charge, it can fail after it succeeded (PAY-9), and that is the end.
var refundRank = map[state]int{created: 0, submitted: 1, unknown: 2, processing: 3, succeeded: 4, declined: 5}

// unsettled says that the acquirer must still be asked about it.
func (r *refund) unsettled() bool {
	return !r.Held && refundRank[r.State] < refundRank[succeeded]
}

// dispute is a charge that the donor's bank wants back.
type dispute struct {
	ID     string       `json:"id"` // the acquirer's
	Amount money.Amount `json:"amount"`
	State  string       `json:"state"` // open, won, lost
}

// want is an operator's wish to give back in, by its id. Above the limit a second operator's same wish agrees to it.
func (p *payment) want(id string, in refundRequest, by string, limit money.Amount, now time.Time) (changed bool, err error) {
	if r := p.refundOf(id, ""); r != nil {
		if r.Held && r.By != by {
			r.Held, r.Second = false, by
			return true, nil
		}
		return false, nil
	}
	a := p.captured()
	if a == nil {
		return false, &fault.Error{Kind: fault.Conflict, Text: "Nothing was taken by this payment"}
	}
	_, asked := p.given(a.ID)
	left := plus(a.Taken, asked.Neg())
	amount := left
	if in.Amount.Given() {
		if amount, err = in.Amount.In(left.Currency()); err != nil {
			return false, fault.Wrong("amount", "must be an amount as 12.34, in the payment's currency")
		}
	}
	if amount.Minor() <= 0 || amount.Minor() > left.Minor() {
		return false, fault.Wrong("amount", "must be above nothing and at most "+left.String()+", which is what is left")
	}
	held := amount.Currency() != limit.Currency() || amount.Minor() > limit.Minor()
	p.Refunds = append(p.Refunds, refund{ID: id, Attempt: a.ID, Amount: amount, State: created, Held: held, At: now.UTC(), Reason: in.Reason, By: by})
	return true, nil
}

// refund carries out what is to be given back of a payment. Each refund is kept as submitted before the acquirer is
// asked, so that one that may have been sent is known as such.
func (s *service) refund(ctx context.Context, p payment, rev kv.Condition) (payment, error) {
	for _, r := range slices.Clone(p.Refunds) {
		a := p.attempt(r.Attempt)
		x := s.provider(a.PSP)
		if !r.unsettled() || x == nil || x.at(p.Book) == nil {
			continue
		}
		if r.State == created {
			mine := false
			var err error
			p, rev, err = s.revise(ctx, p, rev, func(p *payment) (change, bool, error) { mine = p.claim(r.ID); return change{}, mine, nil })
			if err != nil || !mine {
				return p, err
			}
		}
		back := x.at(p.Book).Refund(ctx, refundOrder{Key: r.ID, Payment: p.ID, Charge: a.Ref, Order: a.ID, Ref: r.Ref, Amount: r.Amount, At: r.At, Asked: r.State != created})
		x.health.saw(back.Down, s.now())
		if back.Err != nil {
			s.log.WarnContext(ctx, "acquirer", "psp", x.name, "refund", r.ID, "state", back.State, "error", back.Err.Error())
		}
		if back.State == failedUnsent {
			back.State = unknown
		}
		var err error
		p, rev, err = s.revise(ctx, p, rev, func(p *payment) (change, bool, error) {
			c, changed := p.learnRefund(p.attempt(r.Attempt), r.ID, r.Amount, back, s.now())
			if !changed && p.refundOf(r.ID, "").unsettled() {
				p.Asked++
				changed = true
			}
			return c, changed, nil
		})
		if err != nil {
			return p, err
		}
	}
	return p, nil
}

// refundOf finds a refund by our id, or by the acquirer's.
func (p *payment) refundOf(id, ref string) *refund {
	for i := range p.Refunds {
		if r := &p.Refunds[i]; id != "" && r.ID == id || ref != "" && r.Ref == ref {
			return r
		}
	}
	return nil
}

// claim takes a refund that nobody has sent yet; false: somebody has.
func (p *payment) claim(id string) bool {
	r := p.refundOf(id, "")
	if r.State != created || r.Held {
		return false
	}
	r.State = submitted
	return true
}

// given is what has been given back of an attempt; asked counts also what is still being asked for.
func (p *payment) given(attempt string) (posted, asked money.Amount) {
	posted, _ = money.New(0, p.Amount.Currency())
	asked = posted
	for _, r := range p.Refunds {
		if r.Attempt != attempt {
			continue
		}
		if r.Posted {
			posted = plus(posted, r.Amount)
		}
		if r.State != declined {
			asked = plus(asked, r.Amount)
		}
	}
	return posted, asked
}

// plus adds amounts of one payment, which are all of its currency and far below the range.
func plus(a, b money.Amount) money.Amount {
	sum, err := a.Add(b)
	if err != nil {
		panic("payments: " + err.Error())
	}
	return sum
}

// learnRefund is the one place where news of a refund is believed. A refund that the acquirer's own dashboard made is
// adopted under the acquirer's id.
func (p *payment) learnRefund(a *attempt, id string, amount money.Amount, r result, now time.Time) (c change, changed bool) {
	back := p.refundOf(id, r.Ref)
	if back == nil {
		p.Refunds = append(p.Refunds, refund{ID: reference(a.PSP, r.Ref, id), Attempt: a.ID, Amount: amount, State: submitted, At: now, Ref: r.Ref, By: a.PSP})
		back = &p.Refunds[len(p.Refunds)-1]
	}
	if refundRank[r.State] <= refundRank[back.State] {
		return c, false
	}
	back.State = r.State
	if back.Ref == "" {
		back.Ref = r.Ref
	}
	ref := reference(a.PSP, back.Ref, back.ID)
	switch moved := r.State == processing || r.State == succeeded; {
	case moved && !back.Posted:
		back.Posted = true
		c.entries = append(c.entries, p.entry("refund", ref+":refund", move(back.Amount, fund, clearing(a.PSP)), now))
		p.tellRefund(&c, a, back, event.PaymentsRefunded)
	case r.State == declined && back.Posted:
		back.Posted = false
		c.entries = append(c.entries, p.entry("refund_failed", ref+":refund_failed", move(back.Amount, clearing(a.PSP), fund), now))
		p.tellRefund(&c, a, back, event.PaymentsRefundFailed)
	}
	return c, true
}

// tellRefund says it to the gift's service; money that was taken twice by mistake was never part of the gift.
func (p *payment) tellRefund(c *change, a *attempt, r *refund, kind string) {
	if a.Duplicate {
		return
	}
	sum, _ := p.given(a.ID)
	if kind == event.PaymentsRefunded {
		c.say(kind, event.Refunded{Sequence: p.Sequence, Payment: p.ID, Refund: r.ID, Amount: r.Amount, Sum: sum})
		return
	}
	c.say(kind, event.RefundFailed{Sequence: p.Sequence, Payment: p.ID, Refund: r.ID, Amount: r.Amount, Sum: sum})
}

// learnDispute believes what the acquirer says of a dispute (PAY-8). The money leaves when it opens; a won one brings it
// back; a lost one is the fund's loss. A close that comes before its opening says both.
func (p *payment) learnDispute(a *attempt, d dispute, now time.Time) (c change, changed bool) {
	i := -1
	for j := range p.Disputes {
		if p.Disputes[j].ID == d.ID {
			i = j
		}
	}
	ref := reference(a.PSP, d.ID, "")
	if i < 0 {
		i = len(p.Disputes)
		p.Disputes = append(p.Disputes, dispute{ID: d.ID, Amount: d.Amount, State: "open"})
		c.entries = append(c.entries, p.entry("dispute", ref+":dispute", move(d.Amount, disputes, clearing(a.PSP)), now))
		c.say(event.PaymentsDisputed, event.Disputed{Sequence: p.Sequence, Payment: p.ID, Dispute: d.ID, Amount: d.Amount})
		changed = true
	}
	if d.State == "open" || p.Disputes[i].State != "open" {
		return c, changed
	}
	p.Disputes[i].State = d.State
	to := clearing(a.PSP)
	if d.State == "lost" {
		to = fund
	}
	c.entries = append(c.entries, p.entry("dispute_"+d.State, ref+":"+d.State, move(d.Amount, to, disputes), now))
	c.say(event.PaymentsDisputeClosed, event.DisputeClosed{Sequence: p.Sequence, Payment: p.ID, Dispute: d.ID, Amount: d.Amount, Won: d.State == "won"})
	return c, true
}
