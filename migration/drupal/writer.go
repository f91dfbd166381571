package drupal

import (
	"context"

	"github.com/banyan-migration/banyan/shared/form"
)

// Writer puts into an old site what its successors took, as the site's own rows, and knows them again: beside the site's
// tables stands one of ours, which says of each such row whose record it is and what was written. All of a Write is one
// transaction with it, so that whoever is killed and comes again doubles nothing. It is safe for concurrent use, and
// several may write at once.
type Writer interface {
	// Look says how records of one webform, each with its Origin, stand in the site. It changes nothing.
	Look(ctx context.Context, name string, records []form.Record) ([]Row, error)
	// Write makes the rows that are Missing and alters those that are Stale, all or none of them. Those that are Edited or
	// Gone are written over where seen, which is what Look said of the same records, has them so; one that somebody has
	// changed again since is left, and its Row says how it stands. Write may come twice.
	Write(ctx context.Context, name string, records []form.Record, seen []Row) ([]Row, error)
	Close() error
}

// State is how a record stands in the old site.
type State uint8

const (
	Missing State = iota // no row was ever written for it
	Same                 // its row says the same
	Stale                // its row says what it said before
	Edited               // somebody has changed its row over there
	Gone                 // somebody has deleted its row over there
)

func (s State) String() string {
	return [...]string{"missing", "same", "stale", "edited", "gone"}[s]
}

// Row is a record in the old site.
type Row struct {
	State State       // as Look or Write found it
	Wrote bool        // Write made or altered it
	SID   int64       // chosen by the site; 0 while it has none
	There form.Record // what somebody over there has made of it, where it is Edited
	// Homeless are the keys of the record's values that the site cannot hold, sorted: it has no component of that key, or
	// one that stores something else; "KEY: letters" are letters that its tables do not know, written as U+FFFD.
	Homeless []string
}

// same says that a row which somebody changed over there is as it was seen.
func (r Row) same(seen Row) bool {
	return r.State == seen.State && r.SID == seen.SID && (r.State != Edited || Sum(r.There) == Sum(seen.There))
}
