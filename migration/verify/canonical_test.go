package verify

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/money"
)

// recipe is the digest as the package comment tells an auditor to make it, written from that text alone.
func recipe(f form.Form, rows []form.Record) string {
	net := func(s string) string { return fmt.Sprintf("%d:%s,", len(s), s) }
	blocks := map[int64][]byte{}
	for _, r := range rows {
		text := net(f.Alias) + net(fmt.Sprint(r.NID)) + net(fmt.Sprint(r.SID)) + net(r.At.UTC().Format("2006-01-02T15:04:05Z"))
		for _, c := range f.Components {
			values := slices.Clone(r.Values[c.Key])
			if len(values) == 1 && f.Alias == "donate" {
				v := values[0]
				if c.Key != "message" {
					v = strings.TrimSpace(v)
				}
				switch c.Key {
				case "amount":
					if a, err := money.ParseOld(v); err == nil {
						v = a.Decimal()
					}
				case "country":
					if slices.Contains([]string{"", "GB", "UK", "UNITED KINGDOM"}, strings.ToUpper(v)) {
						v = "GB"
					}
				case "gift_aid", "email_consent":
					if v != "0" && v != "1" {
						v = ""
					}
				}
				values[0] = v
			} else if len(values) == 0 && f.Alias == "donate" && c.Key == "country" {
				values = []string{"GB"}
			}
			for len(values) > 0 && values[len(values)-1] == "" {
				values = values[:len(values)-1]
			}
			if len(values) == 0 {
				continue
			}
			text += net(c.Key) + net(fmt.Sprint(len(values)))
			for _, v := range values {
				text += net(v)
			}
		}
		row := sha256.Sum256([]byte(text))
		blocks[r.SID/100] = append(blocks[r.SID/100], row[:]...)
	}
	all := sha256.New()
	for n := int64(0); n < 1000; n++ {
		if rows, has := blocks[n]; has {
			block := sha256.Sum256(rows)
			all.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
			all.Write(block[:])
		}
	}
	return hex.EncodeToString(all.Sum(nil))
}

// Both parties can make their digest alone, by the recipe, and so can a third.
func TestDigestByTheRecipe(t *testing.T) {
	t.Parallel()
	p := gifts(t, 1000)
	var source, target []form.Record
	seen := newDuplicates(newCanon(p.job.Form))
	for _, r := range p.site.All("donate", drupal.Span{}) {
		if _, no := form.ReadDonation(r); !r.Draft && len(no) == 0 && !seen.again(&r) {
			source = append(source, r)
		}
	}
	err := p.job.pages(t.Context(), p.store, "", func(page *page) error { target = append(target, page.records...); return nil })
	if err != nil {
		t.Fatal(err)
	}
	got, want := p.run(t).Digest, Digest{recipe(p.job.Form, source), recipe(p.job.Form, target)}
	if got != want || got.Source != got.Target {
		t.Errorf("digests %+v, by the recipe %+v", got, want)
	}
	// One changed penny changes the target's alone.
	r := p.row(500)
	p.put(t, changed(r, "amount", "7.77"))
	if damaged := p.run(t).Digest; damaged.Source != got.Source || damaged.Target == got.Target {
		t.Errorf("after a penny %+v", damaged)
	}
	// A row that settles late does not change what its neighbours come to.
	p.put(t, r)
	p.site.Delete(r.SID)
	p.job.Source = acting{p.site, nil, func() { p.site.Put(r) }}
	if late := p.run(t); late.Digest != got || late.Settled != 1 {
		t.Errorf("with a row that came late %+v, %d settled", late.Digest, late.Settled)
	}
}

// The canonical form is form.DonationOf and its way back, money in pounds and pence.
func meansTheSame(t *testing.T, values map[string][]string) {
	f, _ := form.ByAlias("donate")
	c := newCanon(f)
	r := form.Record{Form: "donate", Values: values}
	d := form.DonationOf(values)
	if a, err := money.ParseOld(d.Amount); err == nil {
		d.Amount = a.Decimal()
	}
	for key, want := range d.Values() {
		if want[0] == "" {
			want = nil
		}
		if got := c.values(&r, key); !slices.Equal(got, want) {
			t.Errorf("%s: %q is %q, the mapping says %q", key, values[key], got, want)
		}
	}
}

func TestCanonicalIsTheMapping(t *testing.T) {
	t.Parallel()
	whole, err := sample()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range whole.All("donate", drupal.Span{}) {
		meansTheSame(t, r.Values)
	}
	meansTheSame(t, nil)
	f, _ := form.ByAlias("donate")
	c := newCanon(f)
	two := gift(1, "5")
	two.Values["message"] = []string{"one", "two"}
	if c.sum(&two, "1") == c.sum(&form.Record{Form: "donate", NID: two.NID, SID: 1, At: two.At, Values: changed(two, "message", "one").Values}, "1") {
		t.Error("a second value is lost, and nobody sees it")
	}
	if got := c.differing(&two, &form.Record{Form: "donate", NID: 3, SID: 1, At: two.At.Add(time.Hour), Values: two.Values}); len(got) != 2 {
		t.Errorf("%+v", got)
	}
	if !c.same(&two, &two) || reflect.DeepEqual(c.values(&two, "message"), []string{"one"}) {
		t.Error("a row is not the same as itself")
	}
}

// What is read without money.ParseOld is what it would say.
func FuzzUsual(f *testing.F) {
	for _, typed := range []string{"£12.50", "12.50", "0.01", "00.01", "£0.00", "1.5", ".50", "£", "££1.00", "1234567890.00", "1,000.00", "1٣.00", "1.00 "} {
		f.Add(typed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		pence, plain, ok := usual(typed)
		a, err := money.ParseOld(typed)
		if ok && (err != nil || a.Minor() != pence || a.Decimal() != plain) {
			t.Errorf("%q is %d pence, %q; the rule says %v, %v", typed, pence, plain, a, err)
		}
	})
}

func FuzzCanonical(f *testing.F) {
	f.Add(" £1,250 ", "uk", "1", " hello ")
	f.Add("", "", "", "")
	f.Fuzz(func(t *testing.T, amount, country, tick, text string) {
		one := func(v string) []string { return []string{v} }
		meansTheSame(t, map[string][]string{"amount": one(amount), "country": one(country), "gift_aid": one(tick), "email_consent": one(tick),
			"message": one(text), "first_name": one(text), "transaction_id": one(text)})
	})
}
