package payments_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/services/payments"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/web"
)

// A neighbour that fails may repeat all that it was sent, keys and tokens among it, and donate's answer is about a donor:
// nothing of either is logged, whatever else is.
func TestLogsHoldNoSecretsAndNoDonors(t *testing.T) {
	t.Parallel()
	const donor, token = "Ann Lee, ann@example.org", "https://try.access.worldpay.com/tokens/t0ken"
	secrets := []string{"Ann", "ann@", "t0ken", "pm_t0ken", "sk_test_banyan", "whsec_banyan", "s3cret", base64.StdEncoding.EncodeToString([]byte("banyan:s3cret"))}
	for _, status := range []int{200, 400, 403, 500} {
		parrot := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			said, err := httputil.DumpRequest(r, true)
			if err != nil {
				t.Error(err)
			}
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"donor":%q,"errorName":"broken","said":%q}`, donor, said)
		}))
		s := open(t, with("PAYMENTS_PROVIDERS", "stripe=50 worldpay=50"), with("STRIPE_URL", parrot.URL), with("WORLDPAY_URL", parrot.URL),
			with("WORLDPAY_PASSWORD", "s3cret"), with("SERVICES_URL", parrot.URL))
		var log bytes.Buffer
		keeper := slog.New(slog.NewTextHandler(&log, nil))
		service, err := payments.New(host.Contained(host.Env{Store: s.pay.Store, Client: s.Client, Getenv: func(name string) string { return s.env[name] },
			Now: s.Now, NewID: func() string { return "id-log" }, Log: keeper}))
		if err != nil {
			t.Fatal(err)
		}
		for i, method := range []string{token, "pm_t0ken"} {
			for pence := range int64(2) { // an amount of nothing is a message that cannot be right
				m := ask(fmt.Sprintf("g%d%d", i, pence), method, 1000*pence)
				m.ID = "m" + m.For.ID
				if err := service.Queue(t.Context(), m); err != nil {
					keeper.Warn("message refused", "error", err.Error()) // as the host does
				}
			}
		}
		r := httptest.NewRequest("POST", "/payments", strings.NewReader(`{"for":{"service":"donate","id":"g9"}}`))
		r = r.WithContext(web.With(context.WithoutCancel(t.Context()), web.Caller{Log: keeper}))
		service.HTTP.ServeHTTP(httptest.NewRecorder(), r)
		parrot.Close()
		if n := strings.Count(log.String(), "\n"); n < 4 {
			t.Errorf("status %d: %d lines: it proves little\n%s", status, n, log.String())
		}
		for _, secret := range secrets {
			if strings.Contains(log.String(), secret) {
				t.Errorf("status %d: %q is in the log:\n%s", status, secret, log.String())
			}
		}
	}
}
