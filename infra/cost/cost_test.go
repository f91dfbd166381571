package cost_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"github.com/banyan-migration/banyan/infra/cost"
	"github.com/shopspring/decimal"
)

func book(t testing.TB, region string) *cost.Book {
	t.Helper()
	b, err := cost.Prices(region)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestReferenceCase(t *testing.T) { // story.md section 9
	t.Parallel()
	text, err := json.Marshal(cost.Reference())
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Then, Now struct {
			Total string
			Lines []struct{ Cost string }
		}
		SavedPercent string `json:"saved_percent"`
		Saved, Ratio string
		Unknown      []struct{ Item, Why string }
		Scope        []string
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.Then.Total != "83908.00" || got.Now.Total != "5393.00" || got.SavedPercent != "93.57" || got.Ratio != "15.56" ||
		got.Saved != "78515.00" || cost.Reference().Ratio(1) != "15.6" {
		t.Errorf("%s", text)
	}
	if len(got.Unknown) == 0 || len(got.Scope) == 0 || len(got.Then.Lines) != 1 {
		t.Error("the number stands without its scope")
	}
}

func TestPageShowsTheNumberWithItsScope(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := cost.Reference().HTML(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"$83908.00", "$5393.00", "93.57 % less", "15.6 times", `width="6.43"`, "not Banyan&#39;s", "is not public"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

func TestPricesGoThroughTiers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		region, rate, quantity string
		free                   bool
		want                   string
	}{
		{"eu-west-1", "http-api", "300000000", false, "333"},
		{"eu-west-1", "http-api", "300000001", false, "333.000001"},
		{"us-east-1", "http-api", "400000000", false, "390"},
		{"eu-west-1", "lambda-x86", "6000000001", false, "100000.200015"},
		{"eu-west-1", "lambda-arm", "400000", true, "0"},
		{"eu-west-1", "lambda-requests", "3000000", true, "0.4"},
		{"eu-west-1", "dynamodb-writes", "1000000", false, "0.705"}, // and not 1.25 of before November 2024
		{"eu-west-2", "sms-uk", "0", false, "0"},
	} {
		got, err := book(t, c.region).Cost(c.rate, decimal.RequireFromString(c.quantity), c.free)
		if err != nil || !got.Equal(decimal.RequireFromString(c.want)) {
			t.Errorf("%s %s of %s: %s, %v; want %s", c.quantity, c.rate, c.region, got, err, c.want)
		}
	}
}

func TestNoPriceIsNeverNothing(t *testing.T) {
	t.Parallel()
	one := decimal.NewFromInt(1)
	for _, region := range cost.Regions() {
		if _, err := book(t, region).Cost("sms-uk", one, false); !errors.Is(err, cost.ErrNoPrice) {
			t.Errorf("a text in %s costs %v", region, err)
		}
	}
	b := book(t, "eu-west-2")
	for rate, quantity := range map[string]int64{"dynamodb-writes": 1, "http-api": 300_000_001, "no-such-rate": 1} {
		if _, err := b.Cost(rate, decimal.NewFromInt(quantity), false); !errors.Is(err, cost.ErrNoPrice) {
			t.Errorf("%s: %v, want no price", rate, err)
		}
	}
}

// More never costs less, and the free tier never costs more.
func TestCostRises(t *testing.T) {
	t.Parallel()
	b := book(t, cost.Region)
	law := func(a, c uint32) bool {
		less, more := decimal.NewFromInt(int64(min(a, c))), decimal.NewFromInt(int64(max(a, c)))
		for rate, r := range b.Rates {
			x, err := b.Cost(rate, less, false)
			y, also := b.Cost(rate, more, false)
			z, third := b.Cost(rate, more, true)
			if err == nil && also == nil && third == nil && (x.GreaterThan(y) || z.GreaterThan(y)) {
				t.Log(rate, r)
				return false
			}
		}
		return true
	}
	if err := quick.Check(law, nil); err != nil {
		t.Error(err)
	}
}

var measured = cost.Measured{
	Donations: 1000, Requests: 3000, Messages: 2000, AnswerSize: 900,
	Functions: []cost.Function{
		{Name: "donate", Calls: 5000, Duration: 4200 * time.Microsecond},
		{Name: "payments", Calls: 2000, Duration: 60 * time.Millisecond},
	},
	Writes: []cost.Items{{Table: "donate", Count: 1000, Bytes: 1500}, {Table: "payments", Count: 2000, Bytes: 800, Transaction: true}},
	Reads:  []cost.Items{{Table: "donate", Count: 1000, Bytes: 1500}},
}

func TestEstimateOfAMonth(t *testing.T) {
	t.Parallel()
	b, err := cost.Estimate(book(t, "eu-west-1"), measured, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	quantities := map[string]string{}
	for _, l := range b.Lines {
		if l.Group == cost.Serving {
			quantities[l.Item] = l.Quantity.String()
		}
	}
	for item, want := range map[string]string{
		"Lambda requests":              "7000000",
		"Lambda duration, arm":         "36250", // (5,000 × 5 ms + 2,000 × 60 ms) × 0.25 GB, a thousand times
		"HTTP API requests":            "3000000",
		"DynamoDB write request units": "6000000", // two for 1,500 bytes; two for a KB in a transaction
		"SQS requests, standard":       "6000000",
	} {
		if quantities[item] != want {
			t.Errorf("%s: %s, want %s", item, quantities[item], want)
		}
	}
	sum := decimal.Zero
	for _, l := range b.Lines {
		sum = sum.Add(l.Cost)
	}
	parts := b.Of(cost.Serving).Add(b.Of(cost.Forgotten)).Add(b.Of(cost.Strangler))
	if !sum.Equal(b.Total) || !parts.Equal(b.Total) || !b.Free.LessThan(b.Total) {
		t.Errorf("lines sum to %s, groups to %s, total %s, with the free tier %s", sum, parts, b.Total, b.Free)
	}
	missing := func(u cost.Unknown) bool { return u.Item == "KMS keys" && strings.HasPrefix(u.Why, "no figure") }
	if !slices.ContainsFunc(b.Unknown, missing) {
		t.Errorf("KMS has no price in this region and is not named: %v", b.Unknown)
	}
}

func TestForgottenCostsAreLinesOfTheirOwn(t *testing.T) { // aws.md section 6.4
	t.Parallel()
	b, err := cost.Estimate(book(t, "eu-west-1"), measured, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range b.Lines {
		if l.Group == cost.Forgotten {
			got = append(got, l.Item)
		}
	}
	want := []string{"Lambda duration, arm", "SQS requests, standard", "DynamoDB write request units", "CloudWatch Logs taken in",
		"CloudWatch Logs kept", "DynamoDB storage", "DynamoDB point-in-time recovery", "Secrets Manager secrets", "CloudWatch alarms", "NAT gateways"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestNothingMeasuredIsNoEstimate(t *testing.T) {
	t.Parallel()
	if _, err := cost.Estimate(book(t, "eu-west-1"), cost.Measured{}, 1); err == nil {
		t.Error("a month was made of nothing")
	}
}

func TestWrongBooksSayWhere(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"region: x\ncurrency: USD\nrates: {a: {title: A, unit: b}}":                                                              "rates.a: needs tiers",
		"region: x\ncurrency: USD\nrates: {a: {title: A, unit: b, tiers: [{price: \"1\"}]}}":                                     "rates.a: a price needs its date",
		"region: x\ncurrency: USD\nrates: {a: {title: A, unit: b, date: d, source: s, tiers: [{price: \"1\"}, {price: \"2\"}]}}": "tier 1: tiers must rise",
		"region: x\ncurrency: USD\nrates: {a: {title: A, tiers: [{price: cheap}]}}":                                              "must be a decimal",
		"region: x\nprice: 1": `unknown field "price"`,
		"rates: {}":           "region and currency must be given",
	} {
		if _, err := cost.Parse("book.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := cost.Prices("mars-1"); err == nil || !strings.Contains(err.Error(), "eu-west-1, eu-west-2, us-east-1") {
		t.Error(err)
	}
}

func FuzzBook(f *testing.F) {
	f.Add("region: x\ncurrency: USD\nrates: {a: {title: A, unit: b, date: d, source: s, tiers: [{up_to: \"5\", price: \"1\"}, {price: \"2\"}]}}")
	f.Fuzz(func(t *testing.T, text string) {
		b, err := cost.Parse("book.yaml", []byte(text))
		if err != nil {
			return
		}
		for rate := range b.Rates {
			if c, err := b.Cost(rate, decimal.NewFromInt(7), false); err == nil && c.IsNegative() {
				t.Errorf("%s costs %s", rate, c)
			}
		}
	})
}
