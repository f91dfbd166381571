package psp_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/infra/fakes/psp"
)

// worldpay posts to Worldpay's part and returns the status and the body.
func worldpay(t *testing.T, method, address, body string, version ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("banyan", "banyan")
	req.Header.Set("WP-Api-Version", "2024-06-01")
	for _, v := range version {
		req.Header.Set("WP-Api-Version", v)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var b strings.Builder
	if _, err := bufio.NewReader(res.Body).WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, b.String()
}

// PAY-15, PAY-16: authorise, settle by the link, refund by the link, query by reference; a second post is a second charge.
func TestWorldpay(t *testing.T) {
	t.Parallel()
	p, base := start(t, psp.Options{})
	order := func(ref, token string, auto bool) string {
		return fmt.Sprintf(`{"transactionReference":%q,"merchant":{"entity":"default"},"instruction":{"method":"card","paymentInstrument":{"type":"token","href":%q},
			"value":{"amount":500,"currency":"GBP"},"settlement":{"auto":%v}}}`, ref, token, auto)
	}
	for _, c := range []struct {
		body   string
		status int
		says   string
	}{
		{order("r1", "vault:t", true), 201, `"outcome":"sentForSettlement"`},
		{order("r1", "vault:t", true), 201, `"outcome":"sentForSettlement"`},
		{order("r2", "vault:t", false), 201, `"outcome":"authorized"`},
		{order("r3", "vault:pm_card_chargeDeclined", true), 201, `"outcome":"refused"`},
		{order("r4", "cash", true), 400, "token"},
		{order("", "vault:t", true), 400, "transactionReference"},
		{`{`, 400, "bodyIsNotJson"},
	} {
		if status, body := worldpay(t, "POST", base+"/api/payments", c.body); status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s: %d %s", c.body, status, body)
		}
	}
	if status, _ := worldpay(t, "POST", base+"/api/payments", order("r9", "vault:t", true), "2019-01-01"); status != 400 {
		t.Errorf("an old version: %d", status)
	}
	list := charges(t, p)
	settle := base + "/api/payments/" + list[2].ID
	for _, c := range []struct {
		path   string
		status int
	}{{"/refunds", 409}, {"/settlements", 202}, {"/settlements", 409}, {"/refunds", 202}, {"/refunds", 409}, {"/cancel", 409}} {
		if status, body := worldpay(t, "POST", settle+c.path, ""); status != c.status {
			t.Errorf("%s: %d %s, want %d", c.path, status, body, c.status)
		}
	}
	if _, body := worldpay(t, "GET", base+"/paymentQueries/payments?transactionReference="+url.QueryEscape("r1"), ""); strings.Count(body, `"paymentId"`) != 2 {
		t.Errorf("query: %s", body)
	}
}
