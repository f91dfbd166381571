package drupal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/banyan-migration/banyan/shared/form"
)

// The files of a frozen form.
const (
	listFile  = "components.json"
	formFile  = "form.html"
	doneFile  = "done.html"
	errorFile = "error.html"
)

// component is a webform component as components.json lists it: what the old database says and how the page draws it.
type component struct {
	form.Component
	Drawn   string   `json:"drawn,omitempty"` // text, radios, checkboxes, list, lists (several choices); absent: not on the page
	Max     int      `json:"max,omitempty"`   // characters; 0: as many as one likes
	Choices []string `json:"choices,omitempty"`
}

// frozen is components.json.
type frozen struct {
	Node       int64               `json:"node"`
	Alias      string              `json:"alias"`
	Components []component         `json:"components"`
	Headers    map[string][]string `json:"headers"` // of each page, in order, as they went over the wire
}

// Answers are the three pages of a webform as the old site gave them to somebody who is not signed in: the form, its
// done page, and the form again after a post that it refused.
type Answers struct{ Form, Done, Refused Answer }

// Freeze makes the files of a form's frozen pages, by name: what varies from visitor to visitor becomes slots. The
// same pages with other tokens, other typing and other refusals give the same files, so that a second freeze shows
// what the site's editors changed. It names every component that the adapter cannot take.
func Freeze(node int64, alias string, list []form.Component, site Answers) (map[string][]byte, error) {
	f := freezer{out: frozen{Node: node, Alias: alias, Headers: map[string][]string{}}}
	var wrong []error
	for _, c := range list {
		f.out.Components = append(f.out.Components, component{Component: c})
		wrong = append(wrong, takes(c))
	}
	files := map[string][]byte{}
	for _, p := range []struct {
		name string
		a    Answer
	}{{formFile, site.Form}, {errorFile, site.Refused}, {doneFile, site.Done}} {
		text, err := f.page(p.name, string(p.a.Body))
		files[p.name] = []byte(text)
		f.out.Headers[p.name] = headers(p.a.Header)
		wrong = append(wrong, err)
	}
	// To a stranger Drupal shows the done page from its cache, with header lines that say so; to a donor as it shows
	// the form, which is never cached (D-4) and has the addresses of its own page besides.
	f.out.Headers[doneFile] = slices.DeleteFunc(headers(site.Form.Header), func(line string) bool { return strings.HasPrefix(line, "Link: ") })
	for _, c := range f.out.Components {
		if c.Drawn == "" && input(c.Type) && c.Type != "hidden" {
			wrong = append(wrong, fmt.Errorf("component %s is in the database and not on the refused page: the two are not of one site, or the form hides it", c.Key))
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "\t")
	if err := e.Encode(f.out); err != nil {
		return nil, fmt.Errorf("drupal: components.json: %w", err)
	}
	files[listFile] = b.Bytes()
	return files, nil
}

// takes says by name why the adapter cannot take a component; nil if it can.
func takes(c form.Component) error {
	switch c.Type {
	case "textfield", "email", "textarea", "select", "hidden", "markup", "fieldset":
		return nil
	case "pagebreak":
		return fmt.Errorf("component %s is a page break: the adapter takes forms of one page", c.Key)
	}
	return fmt.Errorf("component %s is of type %s: the adapter takes textfield, email, textarea, select, hidden, markup and fieldset", c.Key, c.Type)
}

// input says whether a type of component is something to fill in.
func input(kind string) bool { return kind != "markup" && kind != "fieldset" }

// noise are header lines that belong to one answer or one connection and not to the page. X-Drupal-Cache and what
// goes with it are statements of Drupal about a cache that the adapter does not have (D-3, D-4).
var noise = []string{"server", "date", "connection", "keep-alive", "transfer-encoding", "content-length", "set-cookie",
	"x-drupal-cache", "etag", "last-modified", "age", "via", "x-request-id"}

func headers(all [][2]string) (kept []string) {
	for _, h := range all {
		if !slices.Contains(noise, strings.ToLower(h[0])) {
			kept = append(kept, h[0]+": "+h[1])
		}
	}
	return kept
}
