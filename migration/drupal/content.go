package drupal

import (
	"context"
	"time"
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
	// Files gives every managed file, in the order of fids.
	Files(ctx context.Context, yield func(File) error) error
	// Fields lists the fields that nodes have, by name.
	Fields(ctx context.Context) ([]Field, error)
	// Routes gives the paths that Drupal's modules answer, aliases and nodes apart: "node/%/edit", "user/login".
	Routes(ctx context.Context, yield func(Route) error) error
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
	Alias     string // the newest of its addresses in its language, without a slash before it; "" where it has none
	Published bool
	Promoted  bool
	Author    int64 // uid
	Created   time.Time
	Changed   time.Time
	Revisions int
	// Fields are the values by field, in the order of their deltas, by column without the field's name:
	// {"body": [{"value": …, "format": …}]}. What is NULL is not there. Besides what is stored a value has "uri" where it
	// names a file ("public://photo.jpg"), "name" where it names a taxonomy term, both where it names a media item, and
	// "language" where it is not in the node's; Drupal 8's titles in other languages are the field "translated_title".
	Fields map[string][]map[string]string
}

// Field is what nodes have values of.
type Field struct {
	Name    string
	Type    string   // as Drupal's module calls it: text_with_summary, image, number_decimal; "" where the site does not say
	Columns []string // of its values, the main one first
}

// Route is a path that a module answers.
type Route struct {
	Path  string // without a slash before it; % stands for any part
	Title string
	Call  string // what answers: a PHP function, or Drupal 8's name of the route
}

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
	Size    int64  // bytes
	Changed time.Time
	Uses    int // rows of file_usage
	// Temporary says that Drupal would delete it: nobody finished uploading it.
	Temporary bool
}
