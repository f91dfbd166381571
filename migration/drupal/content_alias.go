package drupal

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// aliasTable is where a site keeps its aliases: url_alias, from Drupal 8.8 on path_alias.
type aliasTable struct {
	name, id, source, language string
	slash                      string // before its paths
}

// aliasTable is nil where the site has none.
func (d *contentDB) aliasTable() *aliasTable {
	for _, t := range []aliasTable{
		{"path_alias", "id", "path", "langcode", "/"},
		{"url_alias", "pid", "source", "langcode", "/"},
		{"url_alias", "pid", "source", "language", ""},
	} {
		if d.has(t.name, t.id, t.source, "alias", t.language) {
			return &t
		}
	}
	return nil
}

// alias reads a row; it is not live where an editor has switched it off.
func (t *aliasTable) alias(f fields) (a Alias, live bool) {
	a = Alias{f.number(t.id), strings.TrimPrefix(f[t.source], "/"), strings.TrimPrefix(f["alias"], "/"), f[t.language]}
	status, told := f["status"]
	return a, !told || status != "0"
}

func (d *contentDB) Aliases(ctx context.Context, yield func(Alias) error) error {
	t := d.aliasTable()
	if t == nil {
		return nil
	}
	return d.all(ctx, t.name, t.id, func(f fields) error {
		a, live := t.alias(f)
		if !live {
			return nil
		}
		return yield(a)
	})
}

func (d *contentDB) Redirects(ctx context.Context, yield func(Redirect) error) error {
	status := 301
	if v, err := d.Variable(ctx, "redirect_default_status_code"); err != nil {
		return err
	} else if n, ok := v.(int64); ok {
		status = int(n)
	}
	return d.all(ctx, "redirect", "rid", func(f fields) error {
		if on, told := f["status"]; told && on == "0" {
			return nil
		}
		if kind, told := f["type"]; told && kind != "redirect" {
			return nil
		}
		r := Redirect{Status: cmp.Or(int(f.number("status_code")), status)}
		if d.version == 8 {
			r.From = address(f["redirect_source__path"], map[string]any{"query": arrayOf(f["redirect_source__query"])})
			r.To = address(pathOf(f["redirect_redirect__uri"]), arrayOf(f["redirect_redirect__options"]))
		} else {
			r.From = address(f["source"], arrayOf(f["source_options"]))
			r.To = address(f["redirect"], arrayOf(f["redirect_options"]))
		}
		return yield(r)
	})
}

// arrayOf is the array in a serialised value; what cannot be read, which Census counts, is nil.
func arrayOf(text string) map[string]any {
	v, _ := php(text)
	m, _ := v.(map[string]any)
	return m
}

// address is a path with the query and the fragment of its options.
func address(path string, options map[string]any) string {
	query, _ := options["query"].(map[string]any)
	values := url.Values{}
	for name, v := range query {
		flatten(values, name, v)
	}
	if len(values) > 0 {
		path += "?" + values.Encode()
	}
	if fragment, _ := options["fragment"].(string); fragment != "" {
		path += "#" + fragment
	}
	return strings.TrimPrefix(path, "/")
}

// flatten writes a query as PHP does: a[b]=1.
func flatten(values url.Values, name string, v any) {
	switch v := v.(type) {
	case string:
		values.Add(name, v)
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			flatten(values, name+"["+key+"]", v[key])
		}
	default:
		if text, ok := plainText(v); ok {
			values.Add(name, text)
		}
	}
}

// pathOf is the path of one of Drupal 8's URIs; an absolute one stays as it is.
func pathOf(uri string) string {
	kind, rest, found := strings.Cut(uri, ":")
	switch {
	case !found:
		return strings.TrimPrefix(uri, "/")
	case kind == "internal", kind == "base":
		return strings.TrimPrefix(rest, "/")
	case kind == "entity":
		return strings.Replace(rest, "taxonomy_term/", "taxonomy/term/", 1)
	case uri == "route:<front>":
		return "<front>"
	case uri == "route:<nolink>", uri == "route:<none>", uri == "route:<button>":
		return "<nolink>"
	}
	return uri
}
