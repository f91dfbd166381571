package drupal

import (
	"context"

	"github.com/banyan-migration/banyan/shared/form"
)

// Writer puts into an old site what its successors took, as the site's own rows. It is safe for concurrent use.
type Writer interface {
	// Write stores records of one webform, each with its Origin, and returns the sid of each, which the site chose. A
	// record whose Origin is there already is changed to what it says now, where it says something else; so Write may be
	// killed and come twice. All are written, or none. changed counts those that were made or altered.
	Write(ctx context.Context, name string, records []form.Record) (sids []int64, changed int64, err error)
	Close() error
}
