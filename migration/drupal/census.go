package drupal

import "context"

// Census is what a source holds, known to us or not.
type Census struct {
	Tables   []TableCount
	Oddities []Oddity
}

// TableCount is a table and what becomes of it.
type TableCount struct {
	Name string
	Rows int64
	Use  string // moved, content, read, cache, log, settings; "" for a table that we do not know
}

// Oddity is a kind of strange value, how often it was met, and one place.
type Oddity struct {
	Kind          string // zero date, null, orphan, duplicate, mislabelled charset, broken serialised value, unknown component, …
	Table, Column string
	Count         int64
	Example       string // the first row's key; never its value
}

func (d *contentDB) Census(ctx context.Context) (Census, error) { return Census{}, nil }
