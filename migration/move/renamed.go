package move

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/form"
)

// weighty are the components that a service takes money, consent or a gift's identity from, mandatory or not: with one of
// them under another name the rows would move without it.
var weighty = []string{"amount", "gift_aid", "confirm", "email_consent", "perm_email", "perm_sms", "perm_phone", "perm_post", "transaction_id"}

// ready refuses a form that lacks a component without which its rows would be moved wrongly.
func (j Job) ready(ctx context.Context) error {
	if j.Form.Bundle != "" {
		return nil
	}
	forms, err := j.Source.Forms(ctx)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(forms, func(f drupal.Form) bool { return f.Name == j.Form.Alias })
	if at < 0 {
		return nil // Records says so, and what there is
	}
	has, err := j.Source.Components(ctx, forms[at].NID)
	if err != nil {
		return err
	}
	keys := make([]string, len(has))
	for i, c := range has {
		keys[i] = c.Key
	}
	var missing []string
	for _, c := range j.Form.Components {
		if (c.Mandatory || slices.Contains(weighty, c.Key)) && !slices.Contains(keys, c.Key) {
			missing = append(missing, c.Key)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return unfit(fmt.Sprintf("the webform %s (node %d) has no component %s; it has %s. If one was renamed, say which with --rename %s:NEW=%s (NEW is - where the site never asked). Nothing was moved or written",
		j.Form.Alias, forms[at].NID, strings.Join(missing, ", "), strings.Join(keys, ", "), j.Form.Alias, missing[0]))
}

// ErrComponents says that a webform has not the components that our form is known by: the call's mistake, and not the world's.
var ErrComponents = errors.New("move: the webform has other components")

// unfit is an ErrComponents that says which.
type unfit string

func (e unfit) Error() string { return string(e) }

// Is says what kind of error it is.
func (e unfit) Is(kind error) bool { return kind == ErrComponents }

// names are what a site calls components otherwise than the services do.
type names struct {
	ours map[string]map[string]string // by form: our key of the site's
	none map[string][]string          // by form: our keys that the site never had
}

// read reads renamings: each is FORM:NEW=OLD.
func read(renamings []string) (names, error) {
	n := names{map[string]map[string]string{}, map[string][]string{}}
	for _, text := range renamings {
		alias, keys, ok := strings.Cut(text, ":")
		theirs, ours, both := strings.Cut(keys, "=")
		f, known := form.ByAlias(alias)
		switch {
		case !ok || !both || theirs == "" || ours == "":
			return n, fmt.Errorf("%q is no renaming: FORM:NEW=OLD, such as donate:sum=amount", text)
		case !known:
			return n, fmt.Errorf("%q: there is no form %q; there are %s", text, alias, aliases())
		case !slices.ContainsFunc(f.Components, func(c form.Component) bool { return c.Key == ours }):
			return n, fmt.Errorf("%q: the form %s has no component %q; OLD is one of %s", text, alias, ours, keysOf(f))
		case theirs == "-":
			n.none[alias] = append(n.none[alias], ours)
			continue
		case n.ours[alias] == nil:
			n.ours[alias] = map[string]string{}
		}
		n.ours[alias][theirs] = ours
	}
	return n, nil
}

// record has our keys in place of the site's.
func (n names) record(r form.Record) form.Record {
	values := make(map[string][]string, len(r.Values))
	for key, v := range r.Values {
		if ours, is := n.ours[r.Form][key]; is {
			key = ours
		}
		values[key] = append(values[key], v...)
	}
	r.Values = values
	return r
}

// renamed is a source some of whose components have other names than the services know.
type renamed struct {
	drupal.Source
	names
}

// Renamed gives a source's components the names that the services know. Each renaming is FORM:NEW=OLD: the site calls NEW
// what we call OLD, or, with NEW a -, never asked for it. Its errors are the caller's.
func Renamed(s drupal.Source, renamings ...string) (drupal.Source, error) {
	n, err := read(renamings)
	if err != nil {
		return nil, err
	}
	return renamed{s, n}, nil
}

func aliases() string {
	names := make([]string, len(form.Forms))
	for i, f := range form.Forms {
		names[i] = f.Alias
	}
	return strings.Join(names, ", ")
}

func keysOf(f form.Form) string {
	keys := make([]string, len(f.Components))
	for i, c := range f.Components {
		keys[i] = c.Key
	}
	return strings.Join(keys, ", ")
}

// Components are the form's under our names; one that the site never had is among them, so that nobody misses it.
func (s renamed) Components(ctx context.Context, nid int64) ([]drupal.Component, error) {
	all, err := s.Source.Components(ctx, nid)
	if err != nil {
		return nil, err
	}
	f, _ := form.ByNode(nid)
	forms, err := s.Forms(ctx)
	if err != nil {
		return nil, err
	}
	for _, on := range forms {
		if on.NID == nid {
			f.Alias = on.Name
		}
	}
	all = slices.Clone(all)
	for i, c := range all {
		if ours, is := s.ours[f.Alias][c.Key]; is {
			all[i].Key = ours
		}
	}
	for _, key := range s.none[f.Alias] {
		all = append(all, drupal.Component{Key: key, Type: "hidden"})
	}
	return all, nil
}

// Records are the source's, under our names.
func (s renamed) Records(ctx context.Context, name string, within drupal.Span, yield func(form.Record) error) (int64, error) {
	if len(s.ours[name]) == 0 {
		return s.Source.Records(ctx, name, within, yield)
	}
	return s.Source.Records(ctx, name, within, func(r form.Record) error { return yield(s.record(r)) })
}

// Record is the source's, under our names.
func (s renamed) Record(ctx context.Context, nid, sid int64) (form.Record, error) {
	r, err := s.Source.Record(ctx, nid, sid)
	if err != nil {
		return r, err
	}
	return s.record(r), nil
}
