package payments_test

import (
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/services/payments"
	"github.com/banyan-migration/banyan/shared/host"
)

func TestMissingVariablesAreNamedAtOnce(t *testing.T) {
	t.Parallel()
	start := func(env map[string]string) string {
		_, err := payments.New(host.Env{Getenv: func(name string) string { return env[name] }})
		if err == nil {
			return ""
		}
		return err.Error()
	}
	got := start(map[string]string{"PAYMENTS_PROVIDERS": "stripe=1 worldpay=0", "STRIPE_TEST_URL": "https://api.stripe.com"})
	for _, name := range []string{"PAYMENTS_RETURN_URL", "SERVICES_URL", "STRIPE_URL", "STRIPE_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_TEST_KEY",
		"STRIPE_TEST_WEBHOOK_SECRET", "WORLDPAY_URL", "WORLDPAY_USER", "WORLDPAY_PASSWORD", "WORLDPAY_ENTITY", "money moves there"} {
		if !strings.Contains(got, name) {
			t.Errorf("%s is not named in:\n%s", name, got)
		}
	}
	whole := map[string]string{"PAYMENTS_PROVIDERS": "stripe=1", "PAYMENTS_RETURN_URL": "https://site.example/{id}", "SERVICES_URL": "http://s.example",
		"STRIPE_URL": "https://api.stripe.com", "STRIPE_KEY": "sk_live_x", "STRIPE_WEBHOOK_SECRET": "whsec_x"}
	if got := start(whole); got != "" {
		t.Errorf("Stripe alone: %s", got)
	}
	for name, wrong := range map[string]string{"PAYMENTS_PROVIDERS": "paypal=1", "PAYMENTS_FEES": "stripe GBP 1.4%", "PAYMENTS_REFUND_LIMIT": "lots"} {
		env := map[string]string{}
		for k, v := range whole {
			env[k] = v
		}
		env[name] = wrong
		if got := start(env); !strings.Contains(got, name) {
			t.Errorf("%s=%s: %q", name, wrong, got)
		}
	}
}
