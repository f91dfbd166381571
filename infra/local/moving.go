package local

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/infra/local/report"
	"github.com/banyan-migration/banyan/infra/local/site"
	"github.com/banyan-migration/banyan/migration/move"
	"github.com/banyan-migration/banyan/migration/verify"
	"github.com/banyan-migration/banyan/services/all"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/money"
)

// truth is what the sample's dump holds, known because a program made it.
type truth struct {
	Rows       int64            `json:"rows"`
	Migratable int64            `json:"migratable"`
	Rejected   map[string]int64 `json:"rejected"`
	SumPence   int64            `json:"sum_pence"`
}

func (d *demo) job() (move.Job, error) {
	f, ok := form.ByAlias("donate")
	if !ok {
		return move.Job{}, fmt.Errorf("shared/form knows no form donate")
	}
	return move.Job{Source: d.source, Form: f, Parts: move.Parts(f, d.world.desk.raw)}, nil
}

// truths are those of every form.
func truths() (map[string]truth, error) {
	var known map[string]json.RawMessage
	if err := json.Unmarshal(site.Truth, &known); err != nil {
		return nil, err
	}
	delete(known, "duplicates") // a number
	all := map[string]truth{}
	for name, text := range known {
		var t truth
		if err := json.Unmarshal(text, &t); err != nil {
			return nil, err
		}
		all[name] = t
	}
	return all, nil
}

// backfill moves every old donation, twice: the second time must change nothing. The other forms' rows are counted: their
// services do not exist yet.
func (d *demo) backfill(ctx context.Context) (string, error) {
	j, err := d.job()
	if err != nil {
		return "", err
	}
	r, err := j.Backfill(ctx)
	if err != nil {
		return "", err
	}
	all, err := truths()
	if err != nil {
		return "", err
	}
	sum, want := pounds(r.SumPence), all["donate"]
	d.tally("donate", r)
	same := r.Rows == want.Rows && r.Moved == want.Migratable && r.SumPence == want.SumPence && maps.Equal(r.Rejected, want.Rejected)
	d.check(same, "every old donation is moved, or rejected by name, and the sum is the truth’s to the penny",
		"%d of %d moved, %d rejected, %s", r.Moved, r.Rows, r.Rejections(), sum)
	again, err := j.Backfill(ctx)
	if err != nil {
		return "", err
	}
	d.check(again.Moved == 0 && again.Unchanged == r.Moved, "a second backfill changes nothing", "%d moved, %d unchanged", again.Moved, again.Unchanged)
	if err := d.wait(ctx, all); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d moved, %d rejected, %s", r.Moved, r.Rejections(), sum), nil
}

// wait counts the rows of the forms, pages and files whose services do not exist yet.
func (d *demo) wait(ctx context.Context, all map[string]truth) error {
	var rows, known int64
	same := true
	for _, f := range append(form.Forms[1:len(form.Forms):len(form.Forms)], form.Contents...) {
		r, err := move.Job{Source: d.source, Form: f}.Backfill(ctx)
		if err != nil {
			return err
		}
		if f.Bundle != "" && r.Rows == 0 {
			continue
		}
		d.tally(f.Alias, r)
		if want, counted := all[f.Alias]; counted {
			known++
			same = same && r.Rows == want.Rows && r.Waiting == want.Migratable && r.SumPence == want.SumPence && maps.Equal(r.Rejected, want.Rejected)
		}
		rows += r.Rows
	}
	d.check(same && known == 6, "every other form’s rows are counted to the truth, and wait for their services by name", "%d rows of %d forms, and of pages", rows, known)
	return nil
}

func (d *demo) tally(name string, r move.Result) {
	sum := ""
	if r.SumPence != 0 {
		sum = strings.TrimPrefix(pounds(r.SumPence), "£")
	}
	d.report.Forms = append(d.report.Forms, report.Form{Name: name, Rows: r.Rows, Moved: r.Moved, Rejected: counts(r.Rejected), Waiting: r.Waiting, Sum: sum})
}

// pounds is an amount as people write it: £362,908.77.
func pounds(pence int64) string {
	whole, minor, _ := strings.Cut(money.GBP(pence).Decimal(), ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return "£" + whole + "." + minor
}

func counts(of map[string]int64) map[string]int {
	out := map[string]int{}
	for k, n := range of {
		out[k] = int(n)
	}
	return out
}

func (d *demo) verify(ctx context.Context) (string, error) {
	_, figure, err := d.verified(ctx, "every moved donation equals its old row")
	return figure, err
}

// verifyAgain compares both ways when the night is over, and signs what it finds.
func (d *demo) verifyAgain(ctx context.Context) (string, error) {
	r, figure, err := d.verified(ctx, "after the night, every donation in Drupal equals its gift in the services, and every gift of theirs its row in Drupal")
	if err != nil {
		return "", err
	}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return "", err
	}
	c := verify.Certify([]verify.Result{r}, "the demo, with a key that ends with it", "the sample site’s Drupal", "the services of the demo", time.Now(), key)
	sealed, err := verify.Sign(c, key)
	if err != nil {
		return "", err
	}
	d.sealed = sealed
	_, signer, err := verify.Check(sealed.HTML, sealed.Fingerprint)
	d.check(err == nil && c.Clean == r.Clean() && signer == sealed.Fingerprint, "the certificate says what was found, and is as it was signed", "certificate.html, signed by %.16s…", sealed.Fingerprint)
	d.report.Certificate = sealed.Fingerprint
	return figure, nil
}

func (d *demo) verified(ctx context.Context, name string) (r verify.Result, figure string, err error) {
	f, _ := form.ByAlias("donate")
	e, _ := all.Named(f.Service)
	store := d.world.desk.raw(f.Service)
	r, err = verify.Job{Source: d.source, Form: f, Store: store, Import: e.Import, Records: e.Records, Patience: 2 * time.Second}.Run(ctx)
	if err != nil {
		return r, "", err
	}
	if err := r.Keep(ctx, store, f, time.Now()); err != nil {
		return r, "", err
	}
	figure = fmt.Sprintf("%d rows, %s on both sides, no difference", r.RowsTarget, pounds(r.SumPenceTarget))
	if r.Reversed > 0 {
		figure += fmt.Sprintf("; %d written back and equal", r.Reversed)
	}
	if !r.Clean() {
		figure = fmt.Sprintf("%s in Drupal, %s in the services, %d differences", pounds(r.SumPenceSource), pounds(r.SumPenceTarget), int64(len(r.Differences))+r.More)
		for _, x := range r.Differences[:min(3, len(r.Differences))] {
			figure += fmt.Sprintf("; row %s, %s: %q became %q", x.ID, x.Field, x.Source, x.Target)
		}
	}
	d.check(r.Clean(), name, "%s", figure)
	return r, figure, nil
}
