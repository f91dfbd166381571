package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	adapter "github.com/banyan-migration/banyan/gateway/drupal"
	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
)

// freezing is `banyan cutover freeze-forms`: the pages that the form adapter answers with, taken from the old site.
type freezing struct {
	*world
	from, site, out string
	json            *bool
}

func freezeForms(w *world, asJSON *bool) *cobra.Command {
	f := &freezing{world: w, json: asJSON}
	c := &cobra.Command{
		Use:   "freeze-forms GROUP",
		Short: "Take a webform's pages from the old site, for the gateway to answer with",
		Long: `Read the components of a group's webform from the old site's database, fetch its form, its done page and the form
as it is refused when empty, and write them to a folder: components.json, form.html, done.html, error.html. The gateway
reads it as "form: {pages: DIR}". GROUP is the webform's alias or its service. The empty post stores nothing: it is sent
only to a form with a component that must be filled in.`,
		Example: "  banyan cutover freeze-forms donate --from dump.sql.gz --site https://www.example.org --out pages/donate",
		Args:    oneGroup,
		RunE:    func(c *cobra.Command, args []string) error { return f.run(c.Context(), args[0]) },
	}
	c.Flags().StringVar(&f.from, "from", "", "the old site's database: a dump (FILE.sql or FILE.sql.gz), or sqlite:FILE (needed)")
	c.Flags().StringVar(&f.site, "site", "", "the old site's address; its host is what the site is asked for (needed)")
	c.Flags().StringVar(&f.out, "out", "", "the folder to write to; files of the same names are replaced (needed)")
	for _, name := range []string{"from", "site", "out"} {
		_ = c.MarkFlagRequired(name) // all are defined above
	}
	return c
}

// frozenForm is the document of freeze-forms.
type frozenForm struct {
	Node       int64    `json:"node"`
	Alias      string   `json:"alias"`
	Service    string   `json:"service"`
	Components []string `json:"components"`
	Files      []string `json:"files"`
}

func (f *freezing) run(ctx context.Context, group string) error {
	site, err := url.Parse(f.site)
	if err != nil || site.Scheme != "http" && site.Scheme != "https" || site.Host == "" || strings.Trim(site.Path, "/") != "" {
		return fail(wrong, "--site is %q; write it as https://www.example.org, a site at the root of its host", f.site)
	}
	known, err := webform(group)
	if err != nil {
		return err
	}
	alias, list, err := f.components(ctx, known)
	if err != nil {
		return err
	}
	pages := visit{base: site.Scheme + "://" + site.Host, path: "/" + cmp.Or(alias, fmt.Sprintf("node/%d", known.Node)), node: known.Node}
	answers, err := pages.all(ctx)
	if err != nil {
		return fail(outside, "%w. Nothing was written", err)
	}
	files, err := adapter.Freeze(known.Node, alias, list, answers)
	if err != nil {
		return fail(wrong, "the form of %s (node %d) cannot be taken by the adapter:\n%w\nNothing was written; the group can stay with legacy", group, known.Node, err)
	}
	done := frozenForm{Node: known.Node, Alias: alias, Service: known.Service}
	for _, c := range list {
		done.Components = append(done.Components, c.Key)
	}
	if done.Files, err = f.write(files); err != nil {
		return fail(outside, "%w. Run it again with room and rights in %s", err, f.out)
	}
	if *f.json {
		return printJSON(f.world.out, done)
	}
	fmt.Fprintf(f.world.out, "node %d (%s): %d components, frozen to\n  %s\nname the folder in gateway.yaml: form: {node: %d, service: %s, pages: %s}\n",
		done.Node, pages.path, len(done.Components), strings.Join(done.Files, "\n  "), done.Node, done.Service, f.out)
	return nil
}

// webform is the form of a group: the one whose alias, or else whose service, the group is named for.
func webform(group string) (form.Form, error) {
	if known, ok := form.ByAlias(group); ok {
		return known, nil
	}
	var names []string
	for _, known := range form.Forms {
		if known.Service == group {
			return known, nil
		}
		names = append(names, known.Alias)
	}
	return form.Form{}, fail(wrong, "no webform belongs to the group %q; there are %s", group, strings.Join(names, ", "))
}

// components reads the form's components from the source, and refuses by name what only the database tells.
func (f *freezing) components(ctx context.Context, known form.Form) (alias string, list []form.Component, err error) {
	source, err := drupal.Open(ctx, f.from)
	if err != nil {
		return "", nil, fail(wrong, "--from: %w", err)
	}
	defer source.Close()
	forms, err := source.Forms(ctx)
	if err != nil {
		return "", nil, fail(wrong, "--from %s: %w", f.from, err)
	}
	i := slices.IndexFunc(forms, func(w drupal.Form) bool { return w.NID == known.Node })
	if i < 0 {
		return "", nil, fail(wrong, "--from %s: node %d is no webform there", f.from, known.Node)
	}
	if forms[i].Version != 3 {
		return "", nil, fail(wrong, "--from %s: its webform module is of version %d; the adapter takes forms of version 3", f.from, forms[i].Version)
	}
	rows, err := source.Components(ctx, known.Node)
	if err != nil {
		return "", nil, fail(wrong, "--from %s: %w", f.from, err)
	}
	if err := takable(rows); err != nil {
		return "", nil, fail(wrong, "the form of node %d cannot be taken by the adapter:\n%w\nNothing was asked of the site and nothing written", known.Node, err)
	}
	for _, c := range rows {
		list = append(list, form.Component{Key: c.Key, Type: c.Type, Name: c.Name, Mandatory: c.Mandatory, Group: fieldset(rows, c)})
	}
	alias = forms[i].Name
	if alias == fmt.Sprintf("node/%d", known.Node) {
		alias = ""
	}
	return alias, list, nil
}

// takable names everything in a form that the adapter cannot take and that its pages would not show.
func takable(rows []drupal.Component) error {
	var no []error
	must := false
	for _, c := range rows {
		page, _ := c.Extra["page_num"].(int64)
		switch {
		case c.Type == "pagebreak" || page > 1:
			no = append(no, fmt.Errorf("component %s begins another page, or stands on one: the adapter takes forms of one page", c.Key))
		case c.Type == "file":
			no = append(no, fmt.Errorf("component %s is of type file: the adapter takes no uploads", c.Key))
		case c.Conditional:
			no = append(no, fmt.Errorf("component %s is shown only where another says so: the adapter shows all or nothing", c.Key))
		case set(c.Extra["unique"]):
			no = append(no, fmt.Errorf("component %s must be unique among all submissions: only the old site can say", c.Key))
		}
		must = must || c.Mandatory
	}
	if !must {
		no = append(no, errors.New("no component must be filled in: an empty post would be stored, so the refused page cannot be fetched"))
	}
	return errors.Join(no...)
}

// set reads a setting as PHP does: 0, "0" and nothing are no.
func set(v any) bool { return v != nil && v != int64(0) && v != "0" && v != "" && v != false }

// fieldset is the path of the fieldsets that a component stands in.
func fieldset(rows []drupal.Component, c drupal.Component) string {
	var path []string
	for range rows { // each step goes one fieldset up; a circle ends too
		i := slices.IndexFunc(rows, func(p drupal.Component) bool { return p.CID == c.PID && c.PID != 0 })
		if i < 0 {
			break
		}
		c = rows[i]
		path = append([]string{c.Key}, path...)
	}
	return strings.Join(path, "/")
}

// write puts the files into the folder and returns their names in order.
func (f *freezing) write(files map[string][]byte) ([]string, error) {
	if err := os.MkdirAll(f.out, 0o755); err != nil {
		return nil, err
	}
	var names []string
	for name, text := range files {
		path := filepath.Join(f.out, name)
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return nil, err
		}
		names = append(names, path)
	}
	slices.Sort(names)
	return names, nil
}

// visit asks the old site for a webform's pages, as somebody who is not signed in.
type visit struct {
	base, path string
	node       int64
}

var buildID = regexp.MustCompile(`name="form_build_id" value="([^"]+)" />\s*<input type="hidden" name="form_id" value="webform_client_form_`)

func (v visit) all(ctx context.Context) (a adapter.Answers, err error) {
	if a.Form, err = v.ask(ctx, http.MethodGet, v.path, nil); err != nil {
		return a, err
	}
	if a.Done, err = v.ask(ctx, http.MethodGet, fmt.Sprintf("/node/%d/done", v.node), nil); err != nil {
		return a, err
	}
	empty := url.Values{"form_id": {fmt.Sprintf("webform_client_form_%d", v.node)}}
	if m := buildID.FindSubmatch(a.Form.Body); m != nil {
		empty.Set("form_build_id", string(m[1]))
	}
	a.Refused, err = v.ask(ctx, http.MethodPost, v.path, empty)
	return a, err
}

// ask is one request. Only a 200 is a page: a redirect would be somebody else's.
func (v visit) ask(ctx context.Context, method, path string, values url.Values) (adapter.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second) // the old site itself gives up after 30
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, v.base+path, strings.NewReader(values.Encode()))
	if err != nil {
		return adapter.Answer{}, err
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		return adapter.Answer{}, fmt.Errorf("the old site does not answer: %w", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 8<<20))
	if err != nil {
		return adapter.Answer{}, fmt.Errorf("%s %s: the answer broke off: %w", method, path, err)
	}
	if res.StatusCode != http.StatusOK {
		return adapter.Answer{}, fmt.Errorf("%s %s%s answers %s, not 200: a page for everybody is needed", method, v.base, path, res.Status)
	}
	return adapter.Answer{Status: res.StatusCode, Header: ordered(res.Header), Body: body}, nil
}

// order is that of Drupal's own header lines, which net/http forgets.
var order = []string{"Content-Type", "Expires", "Cache-Control", "Content-Language", "X-Frame-Options", "X-Content-Type-Options", "X-Generator", "Link"}

func ordered(header http.Header) (all [][2]string) {
	for name, values := range header {
		for _, v := range values {
			all = append(all, [2]string{name, v})
		}
	}
	place := func(h [2]string) int {
		if i := slices.Index(order, h[0]); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(all, func(a, b [2]string) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a[0], b[0]))
	})
	return all
}
