package payments

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/money"
)

// Entry is one transaction of the ledger: postings that sum to zero in each currency (LED-4). It is written once under
// its external reference, in the commit of what it records, and never changed.
type Entry struct {
	Ref      string    `json:"ref"`  // the other side's own: "stripe:pi_123:capture"; unique within a book
	Kind     string    `json:"kind"` // capture, refund, refund_failed, dispute, dispute_won, dispute_lost, payout, recorded
	Payment  string    `json:"payment,omitempty"`
	For      event.For `json:"for,omitzero"`
	At       time.Time `json:"at"`
	Postings []Posting `json:"postings"`
}

// Posting is one line: a debit is positive, a credit negative.
type Posting struct {
	Account string       `json:"account"`
	Amount  money.Amount `json:"amount"`
}

// The accounts (LED-5). What is per provider carries its name, what is per fund the fund's.
const (
	bank     = "bank"
	disputes = "disputes"
	fund     = "donations:general" // the one fund that gifts are given to until a request names another
)

func clearing(psp string) string { return "psp_clearing:" + psp }
func feesOf(psp string) string   { return "fees:" + psp }

// move is the two postings of an amount that goes from one account (credit) to another (debit).
func move(amount money.Amount, to, from string) []Posting {
	return []Posting{{to, amount}, {from, amount.Neg()}}
}

// capture is LED-6: the money at the acquirer is the fund's, and the acquirer keeps its fee.
func capture(p *payment, a *attempt, fees fees, now time.Time) Entry {
	e := p.entry("capture", reference(a.PSP, a.Ref, a.ID)+":capture", move(a.Taken, clearing(a.PSP), fund), now)
	if fee := fees.of(a.PSP, a.Taken, now); !fee.IsZero() {
		e.Postings = append(e.Postings, move(fee, feesOf(a.PSP), clearing(a.PSP))...)
	}
	return e
}

// reference is the acquirer's id, or where it gave none, ours: both are unique.
func reference(psp, theirs, ours string) string {
	if theirs == "" {
		theirs = ours
	}
	return psp + ":" + theirs
}

func (p *payment) entry(kind, ref string, postings []Posting, now time.Time) Entry {
	return Entry{Ref: ref, Kind: kind, Payment: p.ID, For: p.For, At: now.UTC(), Postings: postings}
}

// check is LED-4: an entry that does not sum to zero is a mistake of ours, found before it is kept.
func (e Entry) check() error {
	sums := map[string]int64{}
	for _, p := range e.Postings {
		sums[p.Amount.Currency()] += p.Amount.Minor()
	}
	for currency, sum := range sums {
		if sum != 0 {
			return fmt.Errorf("payments: entry %s does not sum to zero: %d minor units of %s are left over; nothing of it was kept", e.Ref, sum, currency)
		}
	}
	if e.Ref == "" || len(e.Postings) < 2 {
		return fmt.Errorf("payments: entry %q of kind %s has no reference or no second posting; nothing of it was kept", e.Ref, e.Kind)
	}
	return nil
}

// The books: what is marked as test has its own, which no total, claim or draw reads.
const (
	liveBook = "live"
	testBook = "test"
)

// ledger is a book's entries by reference, over parts so that a night's captures share no one part.
func ledger(store kv.Store, book string) kv.Table[Entry] {
	return kv.Table[Entry]{Store: store, Name: "ledger/" + book, Parts: 16}
}

// Ledger reads every entry of a book ("live" or "test") in the payments service's store, in no particular order.
func Ledger(ctx context.Context, store kv.Store, book string, each func(Entry) error) error {
	for after, first := "", true; first || after != ""; first = false {
		rows, next, err := ledger(store, book).List(ctx, after, 500)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := each(row.Value); err != nil {
				return err
			}
		}
		after = next
	}
	return nil
}

// Balances sums a book by account and currency. Over all accounts each currency is zero, whatever has happened.
func Balances(ctx context.Context, store kv.Store, book string) (map[string]map[string]int64, error) {
	sums := map[string]map[string]int64{}
	err := Ledger(ctx, store, book, func(e Entry) error {
		for _, p := range e.Postings {
			if sums[p.Account] == nil {
				sums[p.Account] = map[string]int64{}
			}
			sums[p.Account][p.Amount.Currency()] += p.Amount.Minor()
		}
		return nil
	})
	return sums, err
}

// fee is what an acquirer keeps of a payment: percent and a fixed sum, rounded to the minor unit, then VAT on the
// rounded fee (LED-7).
type fee struct {
	psp, currency string
	from          time.Time // it counts from this day on
	basis         int64     // of the amount, in hundredths of a per cent
	fixed         int64     // minor units
	vat           int64     // of the fee, in hundredths of a per cent
}

type fees []fee

// of is the fee of an amount: that of the latest day that has come. No fee known is nothing posted; what the acquirer
// really kept shows in its payouts.
func (f fees) of(psp string, amount money.Amount, now time.Time) money.Amount {
	for _, x := range slices.Backward(f) {
		if x.psp == psp && x.currency == amount.Currency() && !x.from.After(now) {
			net := share(amount.Minor(), x.basis) + x.fixed
			out, err := money.New(net+share(net, x.vat), x.currency)
			if err != nil {
				panic(err) // the currency was checked when the fees were read
			}
			return out
		}
	}
	return money.Amount{}
}

// share is so many hundredths of a per cent, half a minor unit rounded up.
func share(minor, basis int64) int64 { return (minor*basis + 5000) / 10000 }

// readFees reads "stripe GBP 2026-01-01 1.4% 20 20%; …": who, currency, from, per cent, fixed minor units, VAT.
func readFees(text string) (fees, error) {
	var out fees
	for line := range strings.SplitSeq(text, ";") {
		w := strings.Fields(line)
		if len(w) == 0 {
			continue
		}
		if len(w) != 6 {
			return nil, fmt.Errorf("PAYMENTS_FEES: %q has %d words: want as stripe GBP 2026-01-01 1.4%% 20 20%%", strings.TrimSpace(line), len(w))
		}
		from, err := time.Parse(time.DateOnly, w[2])
		if err != nil {
			return nil, fmt.Errorf("PAYMENTS_FEES: %q is no day: want as 2026-01-01", w[2])
		}
		basis, err1 := percent(w[3])
		vat, err2 := percent(w[5])
		fixed, err3 := money.Parse("0", w[1])
		var minor int64
		_, err4 := fmt.Sscanf(w[4], "%d", &minor)
		if err1 != nil || err2 != nil || err3 != nil || err4 != nil || minor < 0 {
			return nil, fmt.Errorf("PAYMENTS_FEES: %q: want as stripe GBP 2026-01-01 1.4%% 20 20%%", strings.TrimSpace(line))
		}
		out = append(out, fee{psp: w[0], currency: fixed.Currency(), from: from, basis: basis, fixed: minor, vat: vat})
	}
	slices.SortStableFunc(out, func(a, b fee) int { return a.from.Compare(b.from) })
	return out, nil
}

// percent reads "1.4%" as 140 hundredths of a per cent.
func percent(s string) (int64, error) {
	digits, ok := strings.CutSuffix(s, "%")
	if !ok {
		return 0, fmt.Errorf("%q is no percentage", s)
	}
	hundredths, err := money.Parse(digits, "GBP") // two decimals, strictly
	return hundredths.Minor(), err
}
