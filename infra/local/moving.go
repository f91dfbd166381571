package local

import (
	"context"
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

// backfill moves every old donation, twice: the second time must change nothing.
func (d *demo) backfill(ctx context.Context) (string, error) {
	j, err := d.job()
	if err != nil {
		return "", err
	}
	r, err := j.Backfill(ctx)
	if err != nil {
		return "", err
	}
	var known map[string]json.RawMessage
	var want truth
	if err := json.Unmarshal(site.Truth, &known); err != nil {
		return "", err
	}
	if err := json.Unmarshal(known["donate"], &want); err != nil {
		return "", err
	}
	sum := pounds(r.SumPence)
	d.report.Forms = append(d.report.Forms, report.Form{Name: "donate", Rows: r.Rows, Moved: r.Moved, Rejected: counts(r.Rejected), Waiting: r.Waiting, Sum: strings.TrimPrefix(sum, "£")})
	same := r.Rows == want.Rows && r.Moved == want.Migratable && r.SumPence == want.SumPence && maps.Equal(r.Rejected, want.Rejected)
	d.check(same, "every old donation is moved, or rejected by name, and the sum is the truth’s to the penny",
		"%d of %d moved, %d rejected, %s", r.Moved, r.Rows, r.Rejections(), sum)
	again, err := j.Backfill(ctx)
	if err != nil {
		return "", err
	}
	d.check(again.Moved == 0 && again.Unchanged == r.Moved, "a second backfill changes nothing", "%d moved, %d unchanged", again.Moved, again.Unchanged)
	return fmt.Sprintf("%d moved, %d rejected, %s", r.Moved, r.Rejections(), sum), nil
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
	return d.verified(ctx, "every moved donation equals its old row")
}

func (d *demo) verifyAgain(ctx context.Context) (string, error) {
	return d.verified(ctx, "after the night, every donation in Drupal equals its gift in the services")
}

func (d *demo) verified(ctx context.Context, name string) (string, error) {
	f, _ := form.ByAlias("donate")
	e, _ := all.Named(f.Service)
	r, err := verify.Job{Source: d.source, Form: f, Store: d.world.desk.raw(f.Service), Import: e.Import, Records: e.Records}.Run(ctx)
	if err != nil {
		return "", err
	}
	if err := r.Keep(ctx, d.world.desk.raw(f.Service), f, time.Now()); err != nil {
		return "", err
	}
	figure := fmt.Sprintf("%d rows, %s on both sides, no difference", r.RowsTarget, pounds(r.SumPenceTarget))
	if !r.Clean() {
		figure = fmt.Sprintf("%s in Drupal, %s in the services, %d differences", pounds(r.SumPenceSource), pounds(r.SumPenceTarget), int64(len(r.Differences))+r.More)
		for _, x := range r.Differences[:min(3, len(r.Differences))] {
			figure += fmt.Sprintf("; row %s, %s: %q became %q", x.ID, x.Field, x.Source, x.Target)
		}
	}
	d.check(r.Clean(), name, "%s", figure)
	return figure, nil
}

// follow keeps the services in step with Drupal while the night is replayed, as a canary needs (section 8 of the gateway's rules).
func (d *demo) follow(ctx context.Context) error {
	j, err := d.job()
	if err != nil {
		return err
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		r, err := j.Sync(ctx)
		d.synced += r.Moved
		if err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// sync moves what Drupal took at the end.
func (d *demo) sync(ctx context.Context) (string, error) {
	j, err := d.job()
	if err != nil {
		return "", err
	}
	r, err := j.Sync(ctx)
	if err != nil {
		return "", err
	}
	// A donor who saw no answer may have given all the same; such a row is listed as unconfirmed.
	took, open, moved := d.report.Load.Legacy.Accepted, int64(len(d.report.Load.Unanswered)), d.synced+r.Moved
	d.check(moved >= took && moved <= took+open && r.Rejections() == 0, "every row that Drupal took meanwhile is moved", "%d accepted by Drupal, %d moved", took, moved)
	return fmt.Sprintf("%d rows, %d of them while the night was replayed", moved, d.synced), nil
}
