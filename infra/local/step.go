package local

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/migration/move"
)

// follow keeps the services in step with Drupal while the night is replayed, as a canary needs (section 8 of the gateway's rules).
func (d *demo) follow(ctx context.Context) error {
	j, err := d.job()
	if err != nil {
		return err
	}
	return j.Follow(ctx, 500*time.Millisecond, func(r move.Result) { d.synced += r.Moved })
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
	d.check(moved >= took && moved <= took+open && r.Rejections() == 0, "every row that Drupal took meanwhile is moved, and none that the services wrote back", "%d accepted by Drupal, %d moved", took, moved)
	return fmt.Sprintf("%d rows, %d of them while the night was replayed", moved, d.synced), nil
}

// giveBack writes what the services have taken into Drupal.
func (d *demo) giveBack(ctx context.Context) (r move.Result, err error) {
	j, err := d.job()
	if err != nil {
		return r, err
	}
	w, err := drupal.OpenWriter(ctx, "sqlite:"+filepath.Join(d.dir, "legacy.db"))
	if err != nil {
		return r, err
	}
	defer w.Close()
	j.Authority = move.Target
	return j.Reverse(ctx, w)
}

// reverse makes Drupal whole at the end: whoever goes back now finds every gift there.
func (d *demo) reverse(ctx context.Context) (string, error) {
	r, err := d.giveBack(ctx)
	if err != nil {
		return "", err
	}
	again, err := d.giveBack(ctx)
	if err != nil {
		return "", err
	}
	took := d.report.Load.Services.Accepted
	d.check(r.Rows >= took && r.Moved+r.Unchanged == r.Rows && again.Moved == 0 && again.Rows == r.Rows,
		"every gift that the services took is in Drupal too, once", "%d gifts, %d of them written now, %d a second time", r.Rows, r.Moved, again.Moved)
	return fmt.Sprintf("%d gifts, %d of them since the rollback", r.Rows, r.Moved), nil
}
