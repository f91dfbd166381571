package drupal

import (
	"context"
	"errors"
	"time"

	"github.com/banyan-migration/banyan/shared/form"
)

// Content is what the editors of an old site made, Drupal 7's or 8's tables alike: nodes, their addresses, menus, files.
// It is safe for concurrent use.
type Content interface {
	// Version is the site's major version, 7 or 8 (which stands for every later one).
	Version() int
	// Nodes gives every node in the order of nids, with the fields of its live revision, unpublished ones included.
	Nodes(ctx context.Context, yield func(Node) error) error
	// Aliases gives every path alias; the newest of one source comes last.
	Aliases(ctx context.Context, yield func(Alias) error) error
	// Redirects gives what the redirect module keeps; a site without it has none.
	Redirects(ctx context.Context, yield func(Redirect) error) error
	// Menus gives the links that people see, by menu, parents before their children.
	Menus(ctx context.Context, yield func(MenuLink) error) error
	// Files gives every managed file.
	Files(ctx context.Context, yield func(File) error) error
	// Hooks says what each webform does besides storing, which a move would lose.
	Hooks(ctx context.Context) ([]Hook, error)
	// Census counts every table, and every oddity in those that are read.
	Census(ctx context.Context) (Census, error)
	// Variable is a setting of the site ("site_frontpage", "site_name"); nil where it is not set.
	Variable(ctx context.Context, name string) (any, error)
	Close() error
}

// Node is a page with all that its fields hold.
type Node struct {
	NID, VID  int64
	Type      string // page, giving_page, …
	Language  string // "und" or a language's code
	Title     string
	Published bool
	Promoted  bool
	Author    int64 // uid
	Created   time.Time
	Changed   time.Time
	Revisions int
	Fields    map[string][]map[string]string // by field, value by value, by column without the field's name: {"body": [{"value": …, "format": …}]}
}

// Record is the node as a row of one of form.Contents: SID is its nid, and each field's main column is a value.
func (n Node) Record(as form.Form) form.Record { return form.Record{} }

// Alias is an address of a path.
type Alias struct {
	PID                     int64
	Source, Alias, Language string // without slashes before them: "node/1", "about-us", "und"
}

// Redirect sends one address on to another.
type Redirect struct {
	From, To string // without a slash before them; To may be an absolute URL
	Status   int
}

// MenuLink is one entry of a menu.
type MenuLink struct {
	ID, Parent int64 // Parent 0: at the top
	Menu       string
	Title      string
	Path       string // "node/1", "<front>", or an absolute URL
	Weight     int
	Hidden     bool
}

// File is a managed file.
type File struct {
	FID     int64
	URI     string // public://photo.jpg
	Name    string
	Type    string // media type
	Size    int64
	Changed time.Time
	Uses    int // rows of file_usage
}

// Hook is something that a webform does besides storing.
type Hook struct {
	NID  int64
	Form string // its Form.Name
	Kind string // email, rule, captcha, limit, confirmation, handler, private
	What string // for a person to read; it names no donor
}

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

// OpenContent opens the content of a source, named as for Open. A dump is loaded into a temporary file first, without
// its submissions, caches and logs.
func OpenContent(ctx context.Context, source string) (Content, error) {
	return nil, errors.New("drupal: content cannot be read yet")
}
