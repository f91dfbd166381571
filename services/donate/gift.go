package donate

import (
	"time"

	"github.com/banyan-migration/banyan/shared/money"
)

// Gift is one donation. What became of its money is kept as the facts that payments has told, each under its own id,
// so that a fact that comes twice or late changes nothing; the state is derived from them and never set.
type Gift struct {
	ID       string       `json:"id"` // secret: whoever has it may ask what became of the gift
	At       time.Time    `json:"at"`
	Amount   money.Amount `json:"amount"`
	Giving   string       `json:"giving"` // single or monthly
	Mandate  string       `json:"mandate,omitempty"`
	Sequence int          `json:"sequence"` // which collection of the mandate; 1 for a single gift
	Donor    Donor        `json:"donor"`

	// The tick and the consent as the donor gave them, nil when the question was not answered. giftaid and
	// preferences are fed from here once they stand.
	GiftAid      *bool  `json:"gift_aid"`
	EmailConsent *bool  `json:"email_consent"`
	Message      string `json:"message,omitempty"`
	Reference    string `json:"reference,omitempty"` // the form's transaction id

	Mark    string   `json:"mark,omitempty"`    // "test": absent from totals
	Request string   `json:"request,omitempty"` // the post's request id
	Again   []string `json:"again,omitempty"`   // those of its repetitions, where somebody asks for outcomes
	Body    string   `json:"body,omitempty"`    // hash of the post's body: the same key with another body is a conflict

	Settled  *settlement        `json:"settled,omitempty"`
	Refused  *refusal           `json:"refused,omitempty"`
	Refunds  map[string]refund  `json:"refunds,omitempty"`  // by the refund's id
	Disputes map[string]dispute `json:"disputes,omitempty"` // by the dispute's id
}

// Donor is who gives, as typed; Tel is what parsing made of Phone, if it could.
type Donor struct {
	Title     string `json:"title,omitempty"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	Email     string `json:"email"`
	Phone     string `json:"phone,omitempty"`
	Tel       string `json:"tel,omitempty"`
	Address1  string `json:"address1,omitempty"`
	Town      string `json:"town,omitempty"`
	Postcode  string `json:"postcode,omitempty"`
	Country   string `json:"country"`
}

type settlement struct {
	Payment  string       `json:"payment"`
	Acquirer string       `json:"acquirer"`
	Amount   money.Amount `json:"amount"`
	At       time.Time    `json:"at"`
}

type refusal struct {
	Text  string `json:"text"`
	Retry bool   `json:"retry"`
}

// refund that failed stays failed, whichever of its two messages comes first (PAY-9).
type refund struct {
	Amount money.Amount `json:"amount"`
	Failed bool         `json:"failed,omitempty"`
}

// dispute that is closed stays closed (PAY-8).
type dispute struct {
	Amount money.Amount `json:"amount"`
	Closed bool         `json:"closed,omitempty"`
	Won    bool         `json:"won,omitempty"`
}

// The states of a gift.
const (
	pending  = "pending"
	settled  = "settled"
	refused  = "refused" // the donor may try again: then settled follows
	partly   = "partly_refunded"
	refunded = "refunded"
	disputed = "disputed"
	lost     = "lost" // a dispute took it
)

// kept is what the charity has of the gift: settled less refunded less lost. Nothing while it is not settled.
func (g Gift) kept() money.Amount {
	nothing, _ := g.Amount.Sub(g.Amount) // of the gift's own currency
	if g.Settled == nil {
		return nothing
	}
	kept := g.Settled.Amount
	less := func(a money.Amount) {
		if rest, err := kept.Sub(a); err == nil && rest.Minor() >= 0 {
			kept = rest
		} else {
			kept = nothing // more went back than came
		}
	}
	for _, r := range g.Refunds {
		if !r.Failed {
			less(r.Amount)
		}
	}
	for _, d := range g.Disputes {
		if d.Closed && !d.Won {
			less(d.Amount)
		}
	}
	return kept
}

// state is what the facts say.
func (g Gift) state() string {
	if g.Settled == nil {
		if g.Refused != nil {
			return refused
		}
		return pending
	}
	wasLost := false
	for _, d := range g.Disputes {
		if !d.Closed {
			return disputed
		}
		wasLost = wasLost || !d.Won
	}
	switch kept := g.kept(); {
	case kept.IsZero() && wasLost:
		return lost
	case kept.IsZero():
		return refunded
	case kept != g.Settled.Amount:
		return partly
	}
	return settled
}
