package event

import (
	"time"

	"github.com/banyan-migration/banyan/shared/money"
)

// What payments is told and tells. One payment is one (service, id, sequence): For names the gift or the mandate, the
// sequence says which collection.
const (
	PaymentsRequested      = "payments.requested"
	PaymentsRecorded       = "payments.recorded"
	PaymentsSettled        = "payments.settled"
	PaymentsRefused        = "payments.refused"
	PaymentsRefunded       = "payments.refunded"
	PaymentsRefundFailed   = "payments.refund_failed"
	PaymentsDisputed       = "payments.disputed"
	PaymentsDisputeClosed  = "payments.dispute_closed"
	PaymentsMandateChanged = "payments.mandate_changed"
)

// Requested asks payments to collect money. The same gift and sequence asked for twice is collected once.
type Requested struct {
	Sequence int          `json:"sequence"` // 1 for a single gift and for a mandate's first collection
	Amount   money.Amount `json:"amount"`
	Method   string       `json:"method"`            // what the acquirer's page gave: a card token, or "test"
	Mandate  string       `json:"mandate,omitempty"` // the mandate that this collects under; empty: a single gift
}

// Recorded tells the ledger of money that came another way.
type Recorded struct {
	Sequence  int          `json:"sequence"`
	Amount    money.Amount `json:"amount"`
	Way       string       `json:"way"`       // carrier, bank, cheque or giro
	Reference string       `json:"reference"` // the other side's; unique for its way
	At        time.Time    `json:"at"`        // when it came
}

// Settled says that a payment was taken.
type Settled struct {
	Sequence int          `json:"sequence"`
	Payment  string       `json:"payment"` // payments' id
	Amount   money.Amount `json:"amount"`
	Acquirer string       `json:"acquirer"`
	At       time.Time    `json:"at"`
}

// Refused says that a payment was not taken and will not be unless the donor tries again.
type Refused struct {
	Sequence int    `json:"sequence"`
	Payment  string `json:"payment"`
	Text     string `json:"text"`  // for the donor; general, so that nobody tests cards by it (ABUSE-6)
	Retry    bool   `json:"retry"` // the donor may try again
}

// Refunded says that money went back. Sum is all that went back of this payment so far, so that a receiver that missed
// one, or has one twice, is right after the latest.
type Refunded struct {
	Sequence int          `json:"sequence"`
	Payment  string       `json:"payment"`
	Refund   string       `json:"refund"` // this refund's id
	Amount   money.Amount `json:"amount"`
	Sum      money.Amount `json:"sum"`
}

// RefundFailed says that a refund which was thought done came back (PAY-9). Sum is what is refunded without it.
type RefundFailed struct {
	Sequence int          `json:"sequence"`
	Payment  string       `json:"payment"`
	Refund   string       `json:"refund"`
	Amount   money.Amount `json:"amount"`
	Sum      money.Amount `json:"sum"`
}

// Disputed says that the donor's bank has asked for the money back.
type Disputed struct {
	Sequence int          `json:"sequence"`
	Payment  string       `json:"payment"`
	Dispute  string       `json:"dispute"`
	Amount   money.Amount `json:"amount"`
}

// DisputeClosed says how a dispute ended: won, the gift stands; lost, the amount is gone (PAY-8).
type DisputeClosed struct {
	Sequence int          `json:"sequence"`
	Payment  string       `json:"payment"`
	Dispute  string       `json:"dispute"`
	Amount   money.Amount `json:"amount"`
	Won      bool         `json:"won"`
}

// MandateChanged says what a mandate is now. Revision grows with each change of it, so that a late message is known.
type MandateChanged struct {
	Mandate  string `json:"mandate"`
	Revision int64  `json:"revision"`
	State    string `json:"state"` // active, paused, failing or cancelled
	Reason   string `json:"reason,omitempty"`
}
