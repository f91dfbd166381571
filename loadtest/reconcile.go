package loadtest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"
)

// Reconciled compares the generator's own count with what the site says that it stored. Only refs of this run count.
type Reconciled struct {
	Accepted    int      `json:"accepted"`     // donations answered by a 302
	Stored      int      `json:"stored"`       // rows of this run, doubled ones each time
	Missing     []string `json:"missing"`      // accepted and not stored: a lost donation
	Doubled     []string `json:"doubled"`      // stored more than once
	WrongAmount []string `json:"wrong_amount"` // stored with another amount than was typed
	Unconfirmed []string `json:"unconfirmed"`  // stored, but the donor never saw an answer: no loss, he may give again
	Unexpected  []string `json:"unexpected"`   // stored although the form came back refused
}

// Clean tells that every accepted donation is stored exactly once with its amount, and none that was refused.
func (r *Reconciled) Clean() bool {
	return len(r.Missing)+len(r.Doubled)+len(r.WrongAmount)+len(r.Unexpected) == 0
}

// MarshalJSON adds the counts that scripts read in place of the lists, which follow with their refs.
func (r *Reconciled) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{
		"accepted": r.Accepted, "stored": r.Stored, "clean": r.Clean(),
		"missing": len(r.Missing), "doubled": len(r.Doubled), "wrong_amount": len(r.WrongAmount),
		"unconfirmed": len(r.Unconfirmed), "unexpected": len(r.Unexpected),
		"refs": map[string][]string{"missing": r.Missing, "doubled": r.Doubled, "wrong_amount": r.WrongAmount,
			"unconfirmed": r.Unconfirmed, "unexpected": r.Unexpected},
	})
}

// Stored is one line of what the site says that it stored.
type Stored struct {
	Ref    string `json:"ref"` // the transaction_id that the form was given
	ID     string `json:"id"`
	Amount string `json:"amount"` // pounds and pence
}

// Reconcile compares the run with lines of JSON, one Stored each, and keeps what it finds in r.Reconciled. A line that
// cannot be read is an error with its number: a comparison that skips lines proves nothing.
func (r *Result) Reconcile(lines io.Reader) error {
	rows := map[string][]Stored{}
	in := bufio.NewScanner(lines)
	for n := 1; in.Scan(); n++ {
		var s Stored
		if err := json.Unmarshal(in.Bytes(), &s); err != nil {
			return fmt.Errorf(`loadtest: line %d of what is stored must be {"ref","id","amount"}: %w`, n, err)
		}
		rows[s.Ref] = append(rows[s.Ref], s)
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("loadtest: reading what is stored: %w", err)
	}
	r.Reconciled = r.compare(rows)
	return nil
}

func (r *Result) compare(rows map[string][]Stored) *Reconciled {
	c := &Reconciled{Accepted: len(r.Donations)}
	count := func(ref string) int {
		n := len(rows[ref])
		c.Stored += n
		if n > 1 {
			c.Doubled = append(c.Doubled, ref)
		}
		return n
	}
	for _, g := range r.Donations {
		if count(g.Ref) == 0 {
			c.Missing = append(c.Missing, g.Ref)
		}
		if slices.ContainsFunc(rows[g.Ref], func(s Stored) bool { return !equal(s.Amount, g.Amount) }) {
			c.WrongAmount = append(c.WrongAmount, g.Ref)
		}
	}
	for _, ref := range r.Unanswered {
		if count(ref) > 0 {
			c.Unconfirmed = append(c.Unconfirmed, ref)
		}
	}
	for _, ref := range r.Refused {
		if count(ref) > 0 {
			c.Unexpected = append(c.Unexpected, ref)
		}
	}
	return c
}

// equal compares amounts as numbers, exactly: "25" is "25.00".
func equal(a, b string) bool {
	x, ok := new(big.Rat).SetString(a)
	y, also := new(big.Rat).SetString(b)
	return ok && also && x.Cmp(y) == 0
}

// Fetch reconciles the run with what address answers.
func (r *Result) Fetch(ctx context.Context, address string) error {
	req, err := http.NewRequestWithContext(ctx, "GET", address, nil)
	if err != nil {
		return fmt.Errorf("loadtest: %w", err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("loadtest: asking what is stored: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("loadtest: %s answered %s, and not what is stored; the run itself is done", address, res.Status)
	}
	return r.Reconcile(res.Body)
}
