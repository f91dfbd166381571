package money_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/shared/money"
)

func TestParseTakesPlainAmountsOnly(t *testing.T) { // DON-3, LED-1
	t.Parallel()
	good := []struct {
		in, currency string
		minor        int64
	}{
		{"12.34", "GBP", 1234}, {"12", "GBP", 1200}, {"12.3", "GBP", 1230}, {"0", "GBP", 0}, {"0.01", "GBP", 1},
		{"007", "GBP", 700}, {"500", "JPY", 500}, {"1.234", "KWD", 1234}, {"999999999999999", "GBP", 99999999999999900},
	}
	for _, g := range good {
		a, err := money.Parse(g.in, g.currency)
		if err != nil || a.Minor() != g.minor || a.Currency() != g.currency {
			t.Errorf("Parse(%q, %s) = %d %s, %v; want %d", g.in, g.currency, a.Minor(), a.Currency(), err, g.minor)
		}
	}
	for _, bad := range []string{"", " ", "1e3", "NaN", "-1", "+1", "10.505", "1,000", "£5", "5.", ".5", "٣", "１", "0x10", "1_0", "12.34 ", "9999999999999999"} {
		if a, err := money.Parse(bad, "GBP"); err == nil {
			t.Errorf("Parse(%q) = %s, want a refusal", bad, a)
		}
	}
	for in, currency := range map[string]string{"1.5": "JPY", "1.23": "ZZZ", "1": "gbp", "2": ""} {
		if _, err := money.Parse(in, currency); err == nil {
			t.Errorf("Parse(%q, %q): want a refusal", in, currency)
		}
	}
}

func TestAmountsShowTheirDecimals(t *testing.T) {
	t.Parallel()
	yen, _ := money.New(500, "JPY")
	dinar, _ := money.New(1, "KWD")
	for want, a := range map[string]money.Amount{"£12.34": money.GBP(1234), "£0.05": money.GBP(5), "-£0.05": money.GBP(-5), "500 JPY": yen, "0.001 KWD": dinar} {
		if a.String() != want {
			t.Errorf("%s, want %s", a, want)
		}
	}
	if d := money.GBP(36290877).Decimal(); d != "362908.77" {
		t.Error(d)
	}
}

func TestAmountRoundTripsThroughJSON(t *testing.T) {
	t.Parallel()
	raw, _ := json.Marshal(money.GBP(1000))
	if string(raw) != `{"minor":1000,"currency":"GBP"}` {
		t.Fatal(string(raw))
	}
	for _, a := range []money.Amount{money.GBP(1000), money.GBP(-1), {}} {
		raw, _ := json.Marshal(a)
		var back money.Amount
		if err := json.Unmarshal(raw, &back); err != nil || back != a {
			t.Errorf("%s came back as %v, %v", raw, back, err)
		}
	}
	for _, bad := range []string{`{"minor":10.5,"currency":"GBP"}`, `{"minor":1000,"currency":"ZZZ"}`, `{"minor":5}`, `"10"`} {
		var a money.Amount
		if json.Unmarshal([]byte(bad), &a) == nil {
			t.Errorf("%s: want a refusal", bad)
		}
	}
}

func TestSumsRefuseMixedCurrenciesAndOverflow(t *testing.T) {
	t.Parallel()
	euro, _ := money.New(1, "EUR")
	if _, err := money.GBP(1).Add(euro); !errors.Is(err, money.ErrCurrency) {
		t.Error(err)
	}
	if _, err := money.GBP(math.MaxInt64).Add(money.GBP(1)); !errors.Is(err, money.ErrRange) {
		t.Error(err)
	}
	if _, err := money.GBP(0).Sub(money.GBP(math.MinInt64)); !errors.Is(err, money.ErrRange) {
		t.Error(err)
	}
	sum, err := money.Amount{}.Add(money.GBP(7))
	if err != nil || sum != money.GBP(7) {
		t.Error(sum, err)
	}
	if rest, err := money.GBP(1000).Sub(money.GBP(999)); err != nil || rest != money.GBP(1) {
		t.Error(rest, err)
	}
}

func TestSplitLosesNoPenny(t *testing.T) {
	t.Parallel()
	for _, minor := range []int64{0, 1, 99, 100, 101, -101, 3000, math.MaxInt64} {
		for n := 1; n <= 7; n++ {
			var sum int64
			parts := money.GBP(minor).Split(n)
			for _, p := range parts {
				sum += p.Minor()
			}
			if spread := parts[0].Minor() - parts[n-1].Minor(); sum != minor || len(parts) != n || spread > 1 || spread < -1 {
				t.Errorf("%d in %d parts: %v", minor, n, parts)
			}
		}
	}
	if money.GBP(5).Split(0) != nil {
		t.Error("no parts were asked for")
	}
}

func TestTypedAmountsAreReadAsClientsWriteThem(t *testing.T) { // services.md section 1
	t.Parallel()
	for in, want := range map[string]int64{`"10"`: 1000, `"10.50"`: 1050, `10`: 1000, `10.5`: 1050, `{"minor":1000,"currency":"GBP"}`: 1000, `" 7 "`: 700} {
		var typed money.Typed
		err := json.Unmarshal([]byte(in), &typed)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if a, err := typed.In("GBP"); err != nil || a.Minor() != want {
			t.Errorf("%s = %s, %v; want %d", in, a, err, want)
		}
	}
	for _, bad := range []string{`1e3`, `-1`, `10.505`, `"NaN"`, `{"minor":-5,"currency":"GBP"}`, `{"minor":5,"currency":"EUR"}`, `true`, `[]`, `null`, `""`} {
		var typed money.Typed
		if err := json.Unmarshal([]byte(bad), &typed); err != nil {
			continue
		}
		if a, err := typed.In("GBP"); err == nil {
			t.Errorf("%s = %s, want a refusal", bad, a)
		}
	}
}

func TestOldAmountsAreReadByTheOldSitesRule(t *testing.T) { // legacy rule 2
	t.Parallel()
	for in, want := range map[string]int64{"25": 2500, "25.00": 2500, "£30": 3000, "GBP 30": 3000, " 5 ": 500, "£1,250.00": 125000, "1,000,000": 100000000, "0": 0} {
		if a, err := money.ParseOld(in); err != nil || a.Minor() != want {
			t.Errorf("%q = %s, %v; want %d", in, a, err, want)
		}
	}
	for _, bad := range []string{"", "ten", "-5", "1e3", "5.005", "£", "NaN", "£1O", "5.5", "1,00", "١٠", "£ 5", "GBP30", "5 pounds"} {
		if a, err := money.ParseOld(bad); err == nil {
			t.Errorf("%q = %s, want a refusal", bad, a)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"12.34", "1e3", "NaN", "£1,250.00", "0.001", "99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if a, err := money.Parse(s, "GBP"); err == nil {
			again, err := money.Parse(a.Decimal(), "GBP")
			if err != nil || again != a || a.Minor() < 0 {
				t.Errorf("%q read as %d, and its own text %q as %d (%v)", s, a.Minor(), a.Decimal(), again.Minor(), err)
			}
		}
		if a, err := money.ParseOld(s); err == nil && (a.Minor() < 0 || strings.ContainsAny(s, "eE-+")) {
			t.Errorf("%q read as %s", s, a)
		}
	})
}
