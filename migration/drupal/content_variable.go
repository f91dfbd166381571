package drupal

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// names8 are where Drupal 8 keeps what Drupal 7 had in variables: an object of configuration, and the way within it.
var names8 = map[string][]string{
	"site_frontpage":               {"system.site", "page", "front"},
	"site_404":                     {"system.site", "page", "404"},
	"site_403":                     {"system.site", "page", "403"},
	"site_name":                    {"system.site", "name"},
	"site_slogan":                  {"system.site", "slogan"},
	"date_default_timezone":        {"system.date", "timezone", "default"},
	"theme_default":                {"system.theme", "default"},
	"redirect_default_status_code": {"redirect.settings", "default_status_code"},
}

// Variable also takes the name of a whole object of Drupal 8's configuration ("system.site"). What the site's settings.php says instead is not in
// its database. A value that cannot be read is an error that shows none of it.
func (d *contentDB) Variable(ctx context.Context, name string) (any, error) {
	table, column, way := "variable", "value", []string{}
	if d.version == 8 {
		table, column = "config", "data"
		if at := names8[name]; at != nil {
			name, way = at[0], at[1:]
		}
	}
	if !d.has(table, "name", column) {
		return nil, nil
	}
	where, args := "", []any{name}
	if d.has(table, "collection") {
		where = " AND collection = ''" // not a language's
	}
	var v any
	err := d.each(ctx, d.db, "SELECT "+column+" AS v FROM "+d.q(table)+" WHERE name = ?"+where, args, func(f fields) (err error) {
		if v, err = php(f["v"]); err != nil {
			return fmt.Errorf("the site's setting %s is %w", name, err)
		}
		return nil
	})
	for _, key := range way {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	// Drupal 8 writes paths with a slash, Drupal 7 without.
	if text, ok := v.(string); ok && len(way) > 1 && way[0] == "page" {
		v = strings.TrimPrefix(text, "/")
	}
	return v, err
}

// plainText is how PHP writes a scalar in a page.
func plainText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), true
	case bool:
		if v {
			return "1", true
		}
		return "", true
	}
	return "", false
}
