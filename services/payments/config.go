package payments

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/banyan-migration/banyan/shared/money"
)

// config is the service's environment, read once.
type config struct {
	weight   map[string]int // PAYMENTS_PROVIDERS
	fees     fees           // PAYMENTS_FEES; empty: none are posted
	limit    money.Amount   // PAYMENTS_REFUND_LIMIT: above it a refund needs a second operator; empty: £500
	backTo   string         // PAYMENTS_RETURN_URL: where a donor comes back to; {id} is the gift's
	gifts    string         // SERVICES_URL: where a gift's amount is asked for
	stripe   account
	worldpay account
}

// account is how to reach one acquirer, live and for what is marked as test.
type account struct{ live, test access }

type access struct {
	url, key, secret string // key: Stripe's API key, or Worldpay's user; secret: the webhook's, or the password
	entity           string // Worldpay's
}

// isTest says that no money moves there: a test key of Stripe's, Worldpay's try address, or this machine.
func (a access) isTest() bool {
	u, err := url.Parse(a.url)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return strings.HasPrefix(a.key, "sk_test_") || strings.HasPrefix(u.Hostname(), "try.") || u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// readConfig reads every variable, and names all that are missing or wrong in one error.
func readConfig(getenv func(string) string) (config, error) {
	var wrong []error
	var c config
	var err error
	need := func(name string, needed bool, why string) string {
		v := getenv(name)
		if v == "" && needed {
			wrong = append(wrong, fmt.Errorf("%s is not set: %s", name, why))
		}
		return v
	}
	given := need("PAYMENTS_PROVIDERS", true, "who takes the money and which share each gets, as stripe=100 worldpay=0")
	if c.weight, err = weights(given); err != nil {
		wrong = append(wrong, err)
	}
	c.backTo = need("PAYMENTS_RETURN_URL", true, "where a donor comes back to from the acquirer's page, as https://site.example/thanks?gift={id}")
	c.gifts = strings.TrimSuffix(need("SERVICES_URL", true, "where donate answers, as http://services.internal"), "/")
	if c.fees, err = readFees(getenv("PAYMENTS_FEES")); err != nil {
		wrong = append(wrong, err)
	}
	c.limit = money.GBP(500_00)
	if text := getenv("PAYMENTS_REFUND_LIMIT"); text != "" {
		if c.limit, err = money.Parse(text, "GBP"); err != nil {
			wrong = append(wrong, fmt.Errorf("PAYMENTS_REFUND_LIMIT: %w", err))
		}
	}
	_, useStripe := c.weight["stripe"]
	c.stripe.live = access{
		url:    need("STRIPE_URL", useStripe, "https://api.stripe.com, or a stand-in"),
		key:    need("STRIPE_KEY", useStripe, "the secret API key, sk_…"),
		secret: need("STRIPE_WEBHOOK_SECRET", useStripe, "the webhook endpoint's own, whsec_…"),
	}
	testing := getenv("STRIPE_TEST_URL")
	c.stripe.test = access{url: testing, key: need("STRIPE_TEST_KEY", testing != "", "STRIPE_TEST_URL is"),
		secret: need("STRIPE_TEST_WEBHOOK_SECRET", testing != "", "STRIPE_TEST_URL is")}
	_, useWorldpay := c.weight["worldpay"]
	c.worldpay.live = access{
		url:    need("WORLDPAY_URL", useWorldpay, "https://access.worldpay.com, or a stand-in"),
		key:    need("WORLDPAY_USER", useWorldpay, "the Basic user"),
		secret: need("WORLDPAY_PASSWORD", useWorldpay, "the Basic password"),
		entity: need("WORLDPAY_ENTITY", useWorldpay, "the merchant entity, as default"),
	}
	c.worldpay.test = c.worldpay.live
	c.worldpay.test.url = getenv("WORLDPAY_TEST_URL")
	for _, a := range []access{c.stripe.test, c.worldpay.test} {
		if a.url != "" && !a.isTest() {
			wrong = append(wrong, fmt.Errorf("%s is set as a test address, but money moves there: want a sk_test_ key, a try. address or this machine", a.url))
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return c, fmt.Errorf("payments: the environment is incomplete:\n%w", err)
	}
	return c, nil
}

// back is where the donor of a gift comes back to.
func (c config) back(gift string) string {
	return strings.ReplaceAll(c.backTo, "{id}", url.QueryEscape(gift))
}

// connect makes the providers of the configuration. No connection is opened.
func (s *service) connect() []*provider {
	var all []*provider
	if weight, ok := s.weight["stripe"]; ok {
		a := s.stripe
		live := newStripe(a.live.url, a.live.key, s.client, s.now)
		x := &provider{name: "stripe", weight: weight, live: live, safe: a.live.isTest(), health: &breaker{}}
		ears := []stripeEar{{a.live.secret, live}}
		if a.test.url != "" {
			test := newStripe(a.test.url, a.test.key, s.client, s.now)
			x.test, ears = test, append(ears, stripeEar{a.test.secret, test})
		}
		x.hear = hearStripe(ears, s.now)
		all = append(all, x)
	}
	if weight, ok := s.weight["worldpay"]; ok {
		reach := func(a access) acquirer {
			return &worldpayAPI{base: strings.TrimSuffix(a.url, "/"), user: a.key, password: a.secret, entity: a.entity, client: s.client, now: s.now}
		}
		a := s.worldpay
		x := &provider{name: "worldpay", weight: weight, live: reach(a.live), safe: a.live.isTest(), hear: hearWorldpay, health: &breaker{}}
		if a.test.url != "" {
			x.test = reach(a.test)
		}
		all = append(all, x)
	}
	return all
}
