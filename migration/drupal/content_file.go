package drupal

import (
	"cmp"
	"context"
	"strconv"
	"time"
)

func (d *contentDB) Files(ctx context.Context, yield func(File) error) error {
	return d.files(ctx, Span{}, yield)
}

// files gives the files within a span of fids, page by page: a site has more files than pages.
func (d *contentDB) files(ctx context.Context, within Span, yield func(File) error) error {
	if !d.has("file_managed", "fid") {
		return nil
	}
	uses := "0"
	if d.has("file_usage", "fid") {
		uses = "(SELECT count(*) FROM " + d.q("file_usage") + " u WHERE u.fid = f.fid)"
	}
	for {
		where, args := "", []any{within.After}
		if within.Until > 0 {
			where, args = " AND f.fid <= ?", append(args, within.Until)
		}
		var page []File
		last := within.After
		err := d.each(ctx, d.db, "SELECT f.*, "+uses+" AS banyan_uses FROM "+d.q("file_managed")+" f WHERE f.fid > ?"+where+" ORDER BY f.fid LIMIT "+strconv.Itoa(sheet), args, func(f fields) error {
			changed := cmp.Or(f.number("changed"), f.number("timestamp")) // Drupal 8, 7
			if f.number("fid") <= last {                                  // a row that stands twice is one file; SQLite sorts what is no number behind them all
				return nil
			}
			last = f.number("fid")
			page = append(page, File{FID: f.number("fid"), URI: f["uri"], Name: f["filename"], Type: f["filemime"], Size: f.number("filesize"),
				Changed: time.Unix(changed, 0).UTC(), Uses: int(f.number("banyan_uses")), Temporary: f.number("status") == 0})
			return nil
		})
		if err != nil || len(page) == 0 {
			return err
		}
		for _, f := range page {
			if err := yield(f); err != nil {
				return err
			}
		}
		within.After = last
	}
}
