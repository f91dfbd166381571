package command

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/migration/move"
	"github.com/banyan-migration/banyan/migration/verify"
	"github.com/banyan-migration/banyan/shared/form"
)

// signingSeed names the environment variable with the seed of the key that certificates are signed with.
const signingSeed = "BANYAN_CERTIFICATE_SEED"

// proving is what the flags of verify say.
type proving struct {
	migration
	certificate, signer, keys string
	differences               string
	patience                  time.Duration
	live                      bool
}

func migrateVerify(w *world) *cobra.Command {
	m := proving{migration: migration{reads: true}}
	c := &cobra.Command{
		Use:   "verify",
		Short: "Compare every row of the old site with what the services hold, both ways, and sign what was found",
		Long: "Compares counts, sums of money by day and status, and every row, in both directions. Both sides may be live: what differs is looked at again, and what still moves " +
			"is called in flight and not lost. With --certificate it writes certificate.html, for people, and certificate.json, signed; they hold no personal data. " +
			"The key is made of the seed in " + signingSeed + ", or is made and kept in --key.",
		Example: "  banyan migrate verify --from dump.sql.gz --to sqlite:.banyan/services.db\n" +
			"  banyan migrate verify --from 'mysql://reader:${DB_PASSWORD}@db.example/drupal' --to sqlite:.banyan/services.db --certificate proof --signer 'A. Trustee'",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return m.verify(c.Context(), w) },
	}
	m.flags(c)
	m.gently(c)
	c.Flags().StringVar(&m.certificate, "certificate", "", "folder for the signed certificate")
	c.Flags().StringVar(&m.signer, "signer", "", "who signs, as the certificate shows it")
	c.Flags().StringVar(&m.keys, "key", ".banyan", "folder of the signing key, which is made where it is not there")
	c.Flags().StringVar(&m.differences, "differences", "", "file for every difference with its values, one JSON line each; it holds people's data")
	c.Flags().DurationVar(&m.patience, "patience", 5*time.Second, "how long a row of a live source may take to land before it is a difference")
	c.Flags().BoolVar(&m.live, "live", false, "a sync goes on meanwhile: rows that it has not looked at yet are in flight")
	return c
}

// verified is the document of verify.
type verified struct {
	Forms       map[string]verify.Result `json:"forms"`
	Nobody      map[string]int64         `json:"unknown_forms,omitempty"` // rows of webforms that no service of ours knows
	Clean       bool                     `json:"clean"`
	Fingerprint string                   `json:"fingerprint,omitempty"` // of the key that signed the certificate
	Seconds     float64                  `json:"seconds"`

	order []string // of the forms
}

func (m *proving) verify(ctx context.Context, w *world) error {
	if m.differences != "" {
		if err := listable(m.differences); err != nil {
			return fail(wrong, "--differences: %w; nothing was compared", err)
		}
	}
	if m.certificate != "" {
		if _, err := os.Stat(filepath.Dir(filepath.Clean(m.certificate))); err != nil {
			return fail(wrong, "--certificate: %w; nothing was compared", err)
		}
	}
	doc, err := m.compareAll(ctx, w)
	if err != nil {
		return err
	}
	if err := m.keep(&doc); err != nil {
		return fail(outside, "%w", err)
	}
	if m.asJSON {
		err = printJSON(w.out, doc)
	} else {
		printVerified(w.out, doc)
	}
	if err == nil && !doc.Clean {
		err = fail(unheld, "the two sides are not equal: each difference is named. `migrate backfill` moves what is missing, `migrate sync` follows what was edited or deleted in the old site, `migrate reverse` writes back what the services took; what then still differs is for a person to look at")
	}
	return err
}

// compareAll compares every form.
func (m *proving) compareAll(ctx context.Context, w *world) (doc verified, err error) {
	ends, err := m.open(ctx)
	if err != nil {
		return doc, err
	}
	defer ends.close()
	began := time.Now()
	doc = verified{Forms: map[string]verify.Result{}, Clean: true}
	for _, f := range slices.Concat(ends.gone, ends.forms) {
		r, err := m.compare(ctx, w, ends, f)
		if err != nil {
			return doc, m.stopped("verify", err)
		}
		if f.Bundle != "" && r.RowsSource == 0 { // a site need not have such nodes
			continue
		}
		doc.Forms[f.Alias], doc.order = r, append(doc.order, f.Alias)
		doc.Clean = doc.Clean && r.Clean()
	}
	if doc.Nobody, err = ends.strangers(ctx); err != nil {
		return doc, m.stopped("verify", err)
	}
	doc.Seconds = seconds(began)
	return doc, nil
}

// compare compares a form and keeps what was found beside the rows, for whoever must know whether they can be trusted.
func (m *proving) compare(ctx context.Context, w *world, e *ends, f form.Form) (verify.Result, error) {
	bar := newBar(ctx, w.err, f.Alias, e.source.Progress)
	defer bar.end()
	job := e.comparison(f)
	if slices.ContainsFunc(e.gone, func(g form.Form) bool { return g.Alias == f.Alias }) {
		job.Source = without{e.source}
	}
	job.Compared, job.Patience = bar.add, m.patience
	if job.Import == nil {
		return job.Run(ctx)
	}
	if m.live {
		var err error
		if job.Reached, err = move.Mark(ctx, job.Store, f); err != nil {
			return verify.Result{}, err
		}
	}
	r, err := job.Run(ctx)
	if err == nil {
		err = r.Keep(ctx, job.Store, f, time.Now())
	}
	return r, err
}

// keep writes the files that were asked for.
func (m *proving) keep(doc *verified) error {
	results := make([]verify.Result, len(doc.order))
	for i, name := range doc.order {
		results[i] = doc.Forms[name]
	}
	if m.differences != "" {
		if err := verify.SaveDifferences(m.differences, results); err != nil {
			return err
		}
	}
	if m.certificate == "" {
		return nil
	}
	key, err := verify.Key(os.Getenv(signingSeed), m.keys)
	if err != nil {
		return err
	}
	sealed, err := verify.Sign(verify.Certify(results, cmp.Or(m.signer, "not named"), drupal.Shown(m.from), m.to, time.Now(), key), key)
	if err == nil {
		doc.Fingerprint, err = sealed.Fingerprint, sealed.Save(m.certificate)
	}
	return err
}

func migrateCertificate(w *world) *cobra.Command {
	var pinned string
	var asJSON bool
	c := &cobra.Command{
		Use:     "certificate FILE",
		Short:   "Say whether a certificate is as it was signed, and what it says",
		Example: "  banyan migrate certificate proof/certificate.html --signed-by 6f1e…",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("signed-by") && pinned == "" {
				return fail(wrong, "--signed-by is empty: nothing would be held against it")
			}
			raw, err := os.ReadFile(args[0])
			if err != nil {
				return fail(wrong, "%w", err)
			}
			found, fingerprint, err := verify.Check(raw, pinned)
			if err != nil {
				return fail(unheld, "%s: %w", args[0], err)
			}
			if asJSON {
				return printJSON(w.out, map[string]any{"certificate": found, "fingerprint": fingerprint})
			}
			printCertificate(w.out, found, fingerprint, pinned != "")
			return nil
		},
	}
	c.Flags().StringVar(&pinned, "signed-by", "", "the signer's fingerprint or public key, known from elsewhere")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON document")
	return c
}
