package drupal

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	_ "time/tzdata" // the site's dates are London's, wherever it runs

	"github.com/banyan-migration/banyan/infra/fakes/drupal/php"
)

// content is what the site shows and nobody edits while it runs, read from Drupal's tables once.
type content struct {
	name    string
	zone    *time.Location
	key     string // drupal_private_key
	nodes   map[int64]*node
	listed  []*node           // the front page's, in its order
	sources map[string]string // lower-case alias -> system path: MariaDB compares without case
	aliases map[string]string // system path -> alias
}

type node struct {
	nid, created, author int64
	kind, title, by      string
	published, promoted  bool
	comments             bool
	fields               []field
	form                 *webform // of a webform
}

// field is one field of a node, its value HTML already.
type field struct {
	Name, Type, Label string
	HTML              string
	Body              bool
	weight            int
}

// load reads the content; an error names the table.
func load(ctx context.Context, db *sql.DB) (*content, error) {
	c := &content{nodes: map[int64]*node{}, sources: map[string]string{}, aliases: map[string]string{}}
	for _, step := range []struct {
		table string
		read  func(context.Context, *sql.DB) error
	}{
		{"variable", c.variables}, {"node", c.readNodes}, {"field_config_instance", c.readFields}, {"url_alias", c.readAliases},
		{"webform", c.readWebforms}, {"webform_component", c.readComponents},
	} {
		if err := step.read(ctx, db); err != nil {
			return nil, fmt.Errorf("drupal: table %s: %w; the database must hold a whole dump of a Drupal 7 site", step.table, err)
		}
	}
	c.listed = c.frontPage()
	return c, nil
}

// each calls fn with every row that a query gives, values scanned into dest.
func each(ctx context.Context, db *sql.DB, query string, dest []any, fn func() error) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		if err := fn(); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (c *content) variables(ctx context.Context, db *sql.DB) error {
	var name, value string
	zone := "UTC"
	err := each(ctx, db, `SELECT name, value FROM variable`, []any{&name, &value}, func() error {
		switch name {
		case "site_name":
			c.name = php.String(value)
		case "date_default_timezone":
			zone = php.String(value)
		case "drupal_private_key":
			c.key = php.String(value)
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.zone, err = time.LoadLocation(zone)
	return err
}

func (c *content) readNodes(ctx context.Context, db *sql.DB) error {
	var n node
	var comment int
	return each(ctx, db, `SELECT n.nid, n.type, n.title, n.uid, u.name, n.status, n.promote, n.created, n.comment
		FROM node n JOIN users u ON u.uid = n.uid`,
		[]any{&n.nid, &n.kind, &n.title, &n.author, &n.by, &n.published, &n.promoted, &n.created, &comment}, func() error {
			kept := n
			kept.comments = comment == 2
			c.nodes[n.nid] = &kept
			return nil
		})
}

func (c *content) readAliases(ctx context.Context, db *sql.DB) error {
	var source, alias string
	return each(ctx, db, `SELECT source, alias FROM url_alias ORDER BY pid`, []any{&source, &alias}, func() error {
		c.sources[strings.ToLower(alias)] = source
		c.aliases[source] = alias
		return nil
	})
}

// readFields reads every text and number of every node, in the order in which its type shows them.
func (c *content) readFields(ctx context.Context, db *sql.DB) error {
	type instance struct {
		field
		bundle string
	}
	var all []instance
	var in instance
	var data string
	err := each(ctx, db, `SELECT i.field_name, f.type, i.bundle, i.data FROM field_config_instance i JOIN field_config f ON f.id = i.field_id
		WHERE i.entity_type = 'node' AND i.deleted = 0`, []any{&in.Name, &in.Type, &in.bundle, &data}, func() error {
		_, display, _ := strings.Cut(data, `s:7:"display";`)
		kept := in
		if php.Field(display, "label") == "above" {
			kept.Label = php.Field(data, "label")
		}
		_, weight, _ := strings.Cut(display, `s:6:"weight";i:`)
		weight, _, _ = strings.Cut(weight, ";")
		kept.weight, _ = strconv.Atoi(weight) // a field without one is drawn first, as Drupal does
		all = append(all, kept)
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(all, func(a, b instance) int { return a.weight - b.weight })
	for _, in := range all {
		if strings.HasPrefix(in.Type, "text") || strings.HasPrefix(in.Type, "number") {
			if err := c.readField(ctx, db, in.field, in.bundle); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *content) readField(ctx context.Context, db *sql.DB, f field, bundle string) error {
	format := "''"
	if strings.HasPrefix(f.Type, "text") {
		format = "coalesce(" + f.Name + "_format, '')"
	}
	kind := f.Type
	class := strings.ReplaceAll(f.Name, "_", "-")
	f.Type, f.Body = strings.ReplaceAll(kind, "_", "-"), f.Name == "body"
	var nid int64
	var value, markup string
	query := `SELECT entity_id, ` + f.Name + `_value, ` + format + ` FROM field_data_` + f.Name + `
		WHERE entity_type = 'node' AND deleted = 0 AND bundle = '` + bundle + `' ORDER BY entity_id, delta`
	return each(ctx, db, query, []any{&nid, &value, &markup}, func() error {
		n := c.nodes[nid]
		if n == nil {
			return fmt.Errorf("a value of %s belongs to node %d, which is not there", f.Name, nid)
		}
		shown := f
		switch {
		case kind == "number_decimal":
			shown.HTML = decimals(value)
		case markup != "":
			shown.HTML = filter(value, markup)
		default:
			shown.HTML = php.Plain(value)
		}
		shown.Name = class
		n.fields = append(n.fields, shown)
		return nil
	})
}

// decimals is a number with the two places that SQLite dropped.
func decimals(s string) string {
	whole, part, _ := strings.Cut(s, ".")
	return whole + "." + (part + "00")[:2]
}

// path is what a system path is called to the outside, with a slash before it.
func (c *content) path(system string) string {
	if alias, ok := c.aliases[system]; ok {
		system = alias
	}
	return "/" + php.Encode(system)
}

func (n *node) path() string { return "node/" + strconv.FormatInt(n.nid, 10) }

// frontPage is every promoted node, the newest first; of one second the highest number.
func (c *content) frontPage() []*node {
	all := slices.SortedFunc(maps.Values(c.nodes), func(a, b *node) int {
		return cmp.Or(cmp.Compare(b.created, a.created), cmp.Compare(b.nid, a.nid))
	})
	return slices.DeleteFunc(all, func(n *node) bool { return !n.promoted || !n.published })
}
