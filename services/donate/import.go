package donate

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/money"
)

// Imported is a gift that the old site took: settled elsewhere, never charged here, and not to be read at the public
// address, as its id is no secret. It keeps what the donor typed, value by value, beside what parsing made of the amount.
type Imported struct {
	NID    int64               `json:"nid"`
	SID    int64               `json:"sid"`
	At     time.Time           `json:"at"`
	Amount money.Amount        `json:"amount"`
	Values map[string][]string `json:"values"` // an absent key was absent on the old site
}

// importedOf keeps them in one part in the order of their sids: a backfill appends.
func importedOf(store kv.Store) kv.Table[Imported] {
	return kv.Table[Imported]{Store: store, Name: "imported"}
}

func importedID(nid, sid int64) string { return fmt.Sprintf("d7-%d-%012d", nid, sid) }

// Import is the writes that a row of the old donate form becomes, or why it becomes none: the first fault's field is
// the reason (amount, email, first_name). Live limits do not apply. It sends no message. The same row gives the same
// writes; whether it is a draft or a duplicate is the mover's to say.
func Import(r form.Record) ([]kv.Write, error) {
	donation, no := form.ReadDonation(r)
	var wrong fault.List
	for _, n := range no {
		wrong = append(wrong, fault.Wrong(n.Field, n.Text))
	}
	if wrong != nil {
		return nil, wrong
	}
	amount, err := money.Parse(donation.Amount, "GBP")
	if err != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Field: "amount", Text: "an amount in pounds that can be counted", Err: err}
	}
	gift := Imported{NID: r.NID, SID: r.SID, At: r.At.UTC(), Amount: amount, Values: r.Values}
	return []kv.Write{importedOf(nil).Put(importedID(r.NID, r.SID), gift, kv.Absent)}, nil
}

// Records gives every gift as the old form would have stored it, the imported ones exactly as they came and in the
// order of their sids; a gift of our own has no SID. after is "" at first and then what was returned, which is "" at
// the end; a page may be shorter than limit before the end.
func Records(ctx context.Context, store kv.Store, after string, limit int) ([]form.Record, string, error) {
	place, own := strings.CutPrefix(after, "own ")
	if !own {
		rows, next, err := importedOf(store).List(ctx, after, limit)
		if err != nil {
			return nil, "", err
		}
		records := make([]form.Record, len(rows))
		for i, row := range rows {
			g := row.Value
			records[i] = form.Record{Form: "donate", NID: g.NID, SID: g.SID, At: g.At, Values: g.Values}
		}
		if next == "" {
			next = "own "
		}
		return records, next, nil
	}
	rows, next, err := giftsOf(store).List(ctx, place, limit)
	if err != nil {
		return nil, "", err
	}
	records := make([]form.Record, len(rows))
	for i, row := range rows {
		g := row.Value
		records[i] = form.Record{Form: "donate", NID: 2, At: g.At, Values: g.donation().Values(), Origin: row.ID, Mark: g.Mark, Homeless: g.homeless()}
	}
	if next != "" {
		next = "own " + next
	}
	return records, next, nil
}

// homeless names what the gift says and the old form has no component for.
func (g Gift) homeless() (fields []string) {
	if g.Amount.Currency() != "GBP" {
		fields = append(fields, "currency")
	}
	if g.Giving != single {
		fields = append(fields, "giving")
	}
	if g.state() != settled { // what the old site holds is taken for money that came
		fields = append(fields, "state")
	}
	return fields
}

// donation is the gift as its form said it.
func (g Gift) donation() form.Donation {
	d := g.Donor
	return form.Donation{Amount: g.Amount.Decimal(), Currency: g.Amount.Currency(), Giving: g.Giving, Title: d.Title, FirstName: d.FirstName,
		LastName: d.LastName, Email: d.Email, Phone: d.Phone, Address1: d.Address1, Town: d.Town, Postcode: d.Postcode, Country: d.Country,
		GiftAid: g.GiftAid, EmailConsent: g.EmailConsent, Message: g.Message, Reference: g.Reference}
}

// Reconcile writes a JSON line {ref, id, amount} for every gift that is stored, imported ones included; ref is what
// the form carried as its transaction id. It is for the load test's count against ours, and names nobody.
func Reconcile(ctx context.Context, store kv.Store, w io.Writer) error {
	out := json.NewEncoder(w)
	type line struct {
		Ref    string `json:"ref"`
		ID     string `json:"id"`
		Amount string `json:"amount"`
		State  string `json:"state"`
	}
	err := every(ctx, importedOf(store), func(id string, g Imported) error {
		ref := form.Record{Values: g.Values}.Value("transaction_id")
		return out.Encode(line{ref, id, g.Amount.Decimal(), "settled_elsewhere"})
	})
	if err != nil {
		return err
	}
	return every(ctx, giftsOf(store), func(id string, g Gift) error { return out.Encode(line{g.Reference, id, g.Amount.Decimal(), g.state()}) })
}

func every[T any](ctx context.Context, table kv.Table[T], do func(id string, v T) error) error {
	for after := ""; ; {
		rows, next, err := table.List(ctx, after, 1000)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := do(row.ID, row.Value); err != nil {
				return err
			}
		}
		if after = next; next == "" {
			return nil
		}
	}
}
