package drupal

import (
	"cmp"
	"context"
	"fmt"
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
		var page []File
		err := d.again(ctx, func() (err error) { page, err = d.someFiles(ctx, uses, within); return err })
		if err != nil {
			return fmt.Errorf("files after %d: %w", within.After, err)
		}
		if len(page) == 0 {
			return nil
		}
		for _, f := range page {
			if err := yield(f); err != nil {
				return err
			}
		}
		within.After = page[len(page)-1].FID
	}
}

func (d *contentDB) someFiles(ctx context.Context, uses string, within Span) (page []File, err error) {
	where, args := "", []any{within.After}
	if within.Until > 0 {
		where, args = " AND f.fid <= ?", append(args, within.Until)
	}
	query := "SELECT f.*, " + uses + " AS banyan_uses FROM " + d.q("file_managed") + " f WHERE f.fid > ?" + where + " ORDER BY f.fid LIMIT " + strconv.Itoa(sheet)
	last := within.After
	err = d.each(ctx, d.db, query, args, func(f fields) error {
		// A row that stands twice is one file. SQLite sorts what is no number behind them all.
		if f.number("fid") <= last {
			return nil
		}
		last = f.number("fid")
		changed := cmp.Or(f.number("changed"), f.number("timestamp")) // Drupal 8, 7
		page = append(page, File{FID: last, URI: f["uri"], Name: f["filename"], Type: f["filemime"], Size: f.number("filesize"),
			Changed: time.Unix(changed, 0).UTC(), Uses: int(f.number("banyan_uses")), Temporary: f.number("status") == 0})
		return nil
	})
	return page, err
}
