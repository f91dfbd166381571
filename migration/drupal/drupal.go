// Package drupal reads an old site's database, live, from what mysqldump wrote or from SQLite: whole tables for a stand-in,
// and webform submissions as form.Records. It finds the schema (table prefix, components by their form key) and
// assumes none of it, streams what is large, and knows nothing else of ours.
package drupal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/shared/form"
)

// Source is an old site's database. It is safe for concurrent use.
type Source interface {
	// Forms lists the site's webforms by node.
	Forms(ctx context.Context) ([]Form, error)
	// Components lists the parts of one webform in the order in which the form shows them.
	Components(ctx context.Context, nid int64) ([]Component, error)
	// Records calls yield with each submission of a webform (by Form.Name), or each row of one of form.Contents (by its
	// alias), whose sid lies within the span, in the order of sids, until yield returns an error, which it then returns as it is. A record is yield's to keep. It
	// counts the orphans: submissions of which only values are left, which nobody can date and nobody is given.
	Records(ctx context.Context, name string, within Span, yield func(form.Record) error) (orphans int64, err error)
	// Last is the greatest sid of the form; 0 where it has none.
	Last(ctx context.Context, name string) (sid int64, err error)
	// Sweep sums the rows up by ranges of width sids, those from n·width up to but without (n+1)·width together, in order, ranges without
	// rows left out. Two sums of one kind of source are equal if and only if (but for a chance of 2⁻⁶⁰) the rows are.
	Sweep(ctx context.Context, name string, within Span, width int64, yield func(Chunk) error) error
	// Live says that the source changes meanwhile, and can be read in several spans at once for the price of one
	// reading. A dump is not.
	Live() bool
	// Made is when the source was made, for a dump that says so in its last line; zero for any other, and for a live source. It is a
	// local time without its zone, which stands here as UTC: two dumps of one site can be compared, and a dump with our
	// clock to 14 hours. A dump that was cut is a *Damage. It costs nothing once Records has come to the end of a dump; before that, of a
	// gzipped one, unpacking it.
	Made(ctx context.Context) (time.Time, error)
	// Record is one submission as it stands now, drafts included; ErrNoRecord where there is none. Only a live source has it.
	Record(ctx context.Context, nid, sid int64) (form.Record, error)
	// Progress is how much of the source Records has read, from 0 to 1.
	Progress() float64
	Close() error
}

// ErrNoRecord says that the site has no such submission.
var ErrNoRecord = errors.New("drupal: no such submission")

// Span is a range of sids: those greater than After and, but for zero, at most Until.
type Span struct{ After, Until int64 }

// Has says whether a sid lies in the span.
func (s Span) Has(sid int64) bool { return sid > s.After && (s.Until == 0 || sid <= s.Until) }

// Chunk is what the rows of a range of sids come to.
type Chunk struct {
	Span
	Rows int64  // submissions
	Sum  uint64 // over all their columns and values
}

// Form is a webform of the old site.
type Form struct {
	NID     int64
	Name    string // the newest path alias of its node; "node/N" where it has none
	Title   string
	Version int // of the webform module's tables: 3, or 4
	pid     int64
}

// Component is a part of a webform: an input, a fieldset, a page break, a piece of text.
type Component struct {
	CID, PID    int64 // PID is the fieldset that it lies in, 0: none
	Key         string
	Name        string
	Type        string // textfield, select, email, file, pagebreak, …
	Value       string // the default
	Extra       map[string]any
	Mandatory   bool
	Conditional bool // shown only where another component says so
	Weight      int64
}

// Open opens a live MariaDB or MySQL ("mysql://…"), a dump ("dump.sql", gzipped or not) or a SQLite database
// ("sqlite:FILE"). Where one of them holds several sites, "?prefix=x_" behind its name says which. Its errors are the
// caller's: they say what would be right, and never show a password.
func Open(ctx context.Context, source string) (Source, error) {
	s, err := openForms(ctx, source)
	if err != nil {
		return nil, err
	}
	return contents(s, source), nil
}

// openForms is Open for the webforms alone.
func openForms(ctx context.Context, source string) (Source, error) {
	if strings.HasPrefix(source, "mysql:") {
		return openMySQL(ctx, source)
	}
	name, prefix := cutPrefix(source)
	if file, ok := strings.CutPrefix(name, "sqlite:"); ok {
		return openSQLite(ctx, file, prefix)
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("the source is a dump (FILE.sql or FILE.sql.gz), sqlite:FILE or a live database, mysql://USER:PASSWORD@HOST/DATABASE: %w", err)
	}
	return openDump(ctx, name, info.Size(), prefix)
}

// cutPrefix takes "?prefix=x_" off the name of a file; nil: it says none.
func cutPrefix(source string) (file string, prefix *string) {
	file, after, found := strings.Cut(source, "?prefix=")
	if !found {
		return file, nil
	}
	return file, &after
}

// find is the form of a name, or an error that lists those there are.
func find(forms []Form, name string) (Form, error) {
	names := make([]string, len(forms))
	for i, f := range forms {
		if f.Name == name {
			return f, nil
		}
		names[i] = f.Name
	}
	return Form{}, fmt.Errorf("the site has no webform at %q; it has: %s", name, strings.Join(names, ", "))
}
