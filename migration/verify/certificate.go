package verify

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"time"
	"unicode/utf8"

	"github.com/banyan-migration/banyan/shared/form"
)

// Format is the first word of what is signed; another one would be another certificate.
const Format = "banyan-certificate-1"

// Certificate says what was compared and what was found, for an auditor to keep. It holds nobody's data: of what
// differs only row numbers, lengths and keyed hashes.
type Certificate struct {
	Format string          `json:"format"`
	Issued time.Time       `json:"issued"`
	Signer string          `json:"signer"` // who signs, in their own words
	Source string          `json:"source"` // the old site's database, without its password
	Target string          `json:"target"` // the services' store
	Clean  bool            `json:"clean"`  // every form is
	Forms  []CertifiedForm `json:"forms"`
}

// CertifiedForm is the Result of one form without the values that differ.
type CertifiedForm struct {
	Form           string           `json:"form"`
	Service        string           `json:"service"`
	Clean          bool             `json:"clean"`
	Began          time.Time        `json:"began"`
	Ended          time.Time        `json:"ended"`
	Watermark      Watermark        `json:"watermark"`
	RowsSource     int64            `json:"rows_source"`
	RowsTarget     int64            `json:"rows_target"`
	SumPenceSource int64            `json:"sum_pence_source"`
	SumPenceTarget int64            `json:"sum_pence_target"`
	Rejected       map[string]int64 `json:"rejected"`
	Orphans        int64            `json:"orphans"`
	Own            int64            `json:"own"`
	Reversed       int64            `json:"reversed"`
	Narrowed       int64            `json:"narrowed,omitempty"`
	Waiting        int64            `json:"waiting"`
	WaitingPence   int64            `json:"waiting_pence"`
	InFlight       int64            `json:"in_flight"`
	Settled        int64            `json:"settled"`
	Sums           []Sum            `json:"sums"`
	Digest         Digest           `json:"digest"`
	Differences    []Redacted       `json:"differences"`
	More           int64            `json:"more_differences"`
}

// Redacted is a difference without its values.
type Redacted struct {
	ID     string `json:"id"`
	Field  string `json:"field"`
	Kind   Kind   `json:"kind"`
	Source Veiled `json:"source"`
	Target Veiled `json:"target"`
}

// Veiled stands for a value: whoever has the signing key and a value can show that it was this one, nobody else can
// find it out by trying.
type Veiled struct {
	Length int    `json:"length"` // in characters
	Hash   string `json:"hash"`   // 16 bytes of HMAC-SHA-256, in hex
}

// Certify makes the certificate of some results. source and target are shown as they are given, without who signs in
// there.
func Certify(results []Result, signer, source, target string, issued time.Time, key ed25519.PrivateKey) Certificate {
	c := Certificate{Format: Format, Issued: issued.UTC().Truncate(time.Second), Signer: signer, Source: place(source), Target: place(target), Clean: true, Forms: []CertifiedForm{}}
	veil := veilOf(key)
	for _, r := range results {
		f := CertifiedForm{Form: r.Form, Service: serviceOf(r.Form), Clean: r.Clean(), Began: r.Began, Ended: r.Ended, Watermark: r.Watermark,
			RowsSource: r.RowsSource, RowsTarget: r.RowsTarget, SumPenceSource: r.SumPenceSource, SumPenceTarget: r.SumPenceTarget,
			Rejected: r.Rejected, Orphans: r.Orphans, Own: r.Own, Reversed: r.Reversed, Narrowed: r.Narrowed, Waiting: r.Waiting, WaitingPence: r.WaitingPence,
			InFlight: r.InFlight, Settled: r.Settled, Sums: r.Sums, Digest: r.Digest, Differences: []Redacted{}, More: r.More}
		for _, d := range r.Differences {
			f.Differences = append(f.Differences, Redacted{d.ID, d.Field, d.Kind, veil(d.Source), veil(d.Target)})
		}
		c.Clean = c.Clean && f.Clean
		c.Forms = append(c.Forms, f)
	}
	return c
}

// signIn is a name and a password in an address; one that is written wrong, with a slash in it, goes too.
var signIn = regexp.MustCompile(`://.*@`)

func place(of string) string { return signIn.ReplaceAllString(of, "://") }

func serviceOf(alias string) string {
	f, _ := form.ByAlias(alias)
	for _, content := range form.Contents {
		if content.Alias == alias {
			f = content
		}
	}
	return f.Service
}

// veilOf hides values under a key that is made of the signing key, so that there is one secret to keep.
func veilOf(key ed25519.PrivateKey) func(string) Veiled {
	derive := hmac.New(sha256.New, key.Seed())
	derive.Write([]byte("banyan certificate: values"))
	secret := derive.Sum(nil)
	return func(value string) Veiled {
		h := hmac.New(sha256.New, secret)
		h.Write([]byte(value))
		return Veiled{utf8.RuneCountInString(value), hex.EncodeToString(h.Sum(nil)[:16])}
	}
}
