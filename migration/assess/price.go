package assess

import (
	"fmt"
	"math"
	"time"

	"github.com/shopspring/decimal"

	"github.com/banyan-migration/banyan/infra/cost"
)

// Cost is what the groups would cost as services, and by what it was reckoned.
type Cost struct {
	Region      string         `json:"region"`
	Currency    string         `json:"currency"`
	Total       string         `json:"monthly_total"`     // of the groups, before tax, without free tiers
	Strangler   string         `json:"monthly_strangler"` // besides, while both sites run
	Unknown     []cost.Unknown `json:"unknown"`           // what has no price, in no sum
	Assumptions []string       `json:"assumptions"`
	Now         string         `json:"now"` // why there is no such figure for the old site
}

// Monthly is one group's share of it, decimal strings.
type Monthly struct {
	Total   string `json:"total"`
	Serving string `json:"serving"` // what grows with the traffic
	Idle    string `json:"idle"`    // what it costs though nobody comes
}

// What a request to a service is assumed to cost it. They stand in the report.
const (
	month       = 365 * 24 * time.Hour / 12
	callTime    = 25 * time.Millisecond // of a Lambda function in Go with one table
	recordBytes = 1 << 10
	perPost     = 2 // items: the record, and one by which it is found
)

// price estimates each group by the price book of the region where the shipped prices are from.
func (a *Assessment) price() error {
	book, err := cost.Prices(cost.Region)
	if err != nil {
		return err
	}
	span := max(a.To.Sub(a.From), time.Hour)
	a.Cost = Cost{Region: book.Region, Currency: book.Currency, Now: "a log knows no bill: the old site's cost stands here as each group's share of the server's time; " +
		"`banyan cost report --bill` sets your bills beside it"}
	a.Cost.Assumptions = []string{
		fmt.Sprintf("a month is as busy as the log's %.1f days on average, bots included; one with a show night costs more than one without", span.Hours()/24),
		fmt.Sprintf("each request is one call of a function of 256 MB on arm that takes %d ms; each post writes %d items of 1 KB and sends one message and one more for each part", callTime.Milliseconds(), perPost),
		"pages and files are only given their bytes to the internet at list price: a CDN's own prices are not in the book",
		"list prices before tax, without free tiers; people's work is in none of it",
	}
	total, strangler, seen := decimal.Zero, decimal.Zero, map[string]bool{}
	for i := range a.Order {
		g := &a.Order[i]
		sum, bill, err := g.price(book, span)
		if err != nil {
			return err
		}
		total = total.Add(sum)
		if bill == nil {
			continue
		}
		strangler = bill.Of(cost.Strangler)
		for _, u := range bill.Unknown {
			if !seen[u.Item] {
				seen[u.Item] = true
				a.Cost.Unknown = append(a.Cost.Unknown, u)
			}
		}
	}
	a.Cost.Total, a.Cost.Strangler = cost.Money(total), cost.Money(strangler)
	for i := range a.Groups {
		for _, g := range a.Order {
			if g.Name == a.Groups[i].Name {
				a.Groups[i].Monthly = g.Monthly
			}
		}
	}
	return nil
}

// price is a group's month. Only a service has a bill.
func (g *Group) price(book *cost.Book, span time.Duration) (decimal.Decimal, *cost.Bill, error) {
	monthly := func(n int64) int64 {
		return int64(math.Ceil(float64(n) * float64(month) / float64(span)))
	}
	if g.Kind == Session {
		g.Monthly = Monthly{Total: "0.00", Serving: "0.00", Idle: "0.00"}
		return decimal.Zero, nil, nil
	}
	if g.Kind == Pages || g.Kind == Files {
		out, err := book.Cost("data-out", decimal.NewFromInt(monthly(int64(g.bytes))).DivRound(decimal.NewFromInt(1<<30), 6), false)
		g.Monthly = Monthly{Total: cost.Money(out), Serving: cost.Money(out), Idle: "0.00"}
		return out, nil, err
	}
	parts := int64(len(g.form.known.Parts))
	requests := max(1, g.Requests)
	m := cost.Measured{
		Donations: requests, Requests: g.Requests, Messages: g.Posts * (1 + parts), AnswerSize: int64(g.bytes) / requests,
		Functions: []cost.Function{{Name: g.Name, Calls: g.Requests + g.Posts*(1+parts), Duration: callTime}},
		Writes:    []cost.Items{{Table: g.Name, Count: g.Posts * perPost, Bytes: recordBytes}},
		Reads:     []cost.Items{{Table: g.Name, Count: g.Requests - g.Posts, Bytes: recordBytes}},
	}
	bill, err := cost.Estimate(book, m, max(1, monthly(g.Requests)))
	if err != nil {
		return decimal.Zero, nil, err
	}
	serving, idle := bill.Of(cost.Serving), bill.Of(cost.Forgotten)
	sum := serving.Add(idle)
	g.Monthly = Monthly{Total: cost.Money(sum), Serving: cost.Money(serving), Idle: cost.Money(idle)}
	return sum, bill, nil
}
