package drupal

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/banyan-migration/banyan/infra/fakes/drupal/php"
	"github.com/banyan-migration/banyan/infra/fakes/drupal/theme"
)

type webform struct {
	nid        int64
	button     string
	thanks     string // HTML
	components []component
}

type component struct {
	cid       int64
	key, name string
	kind      string // textfield, select, email, textarea, hidden: what the recorded site has
	value     string // what stands in it at first
	mandatory bool
	options   []option
}

type option struct{ value, label string }

func (c *content) readWebforms(ctx context.Context, db *sql.DB) error {
	var w webform
	var format string
	return each(ctx, db, `SELECT nid, confirmation, coalesce(confirmation_format, ''), coalesce(submit_text, '') FROM webform`,
		[]any{&w.nid, &w.thanks, &format, &w.button}, func() error {
			n := c.nodes[w.nid]
			if n == nil {
				return fmt.Errorf("webform %d has no node", w.nid)
			}
			kept := w
			kept.thanks = filter(w.thanks, format)
			if kept.button == "" {
				kept.button = "Submit"
			}
			n.form = &kept
			return nil
		})
}

func (c *content) readComponents(ctx context.Context, db *sql.DB) error {
	var nid int64
	var k component
	var extra string
	return each(ctx, db, `SELECT nid, cid, form_key, name, type, value, extra, mandatory FROM webform_component ORDER BY nid, weight, name`,
		[]any{&nid, &k.cid, &k.key, &k.name, &k.kind, &k.value, &extra, &k.mandatory}, func() error {
			n := c.nodes[nid]
			if n == nil || n.form == nil {
				return fmt.Errorf("component %d of node %d has no webform", k.cid, nid)
			}
			kept := k
			if k.kind == "select" {
				for line := range strings.Lines(php.Field(extra, "items")) {
					value, label, ok := strings.Cut(strings.TrimSpace(line), "|")
					if !ok {
						label = value
					}
					kept.options = append(kept.options, option{value, label})
				}
			}
			n.form.components = append(n.form.components, kept)
			return nil
		})
}

// warning is what PHP 8.2 says of webform's line 2067, once a component, each time that a form is built.
const warning = `<em class="placeholder">Warning</em>: Trying to access array offset on value of type null in <em class="placeholder">_webform_client_form_rule_check()</em> (line <em class="placeholder">2067</em> of <em class="placeholder">sites/all/modules/webform/webform.module</em>).`

// formField is a component as the form's template shows it.
type formField struct {
	Type, Key, ID, Label, Value string
	Required, Error             bool
	Options                     []formOption
}

type formOption struct {
	ID, Value, Label string
	Checked          bool
}

// buildForm makes the fields of a form and leaves PHP's warnings behind. sent is what the visitor typed, nil for a
// fresh form.
func (v *visit) buildForm(w *webform, sent *php.Values) []formField {
	fields := make([]formField, len(w.components))
	for i, k := range w.components {
		v.say("error", warning)
		f := formField{Type: k.kind, Key: k.key, Label: xss(k.name), Value: k.value, Required: k.mandatory}
		if k.kind != "hidden" {
			f.ID = v.id("edit-submitted-" + strings.ReplaceAll(k.key, "_", "-"))
		}
		// A hidden component is not on the page; what a program posts for it is stored (DECISIONS.md, 5).
		if sent != nil && (k.kind != "hidden" || sent.Value("submitted["+k.key+"]") != "") {
			f.Value = sent.Value("submitted[" + k.key + "]")
		}
		for j, o := range k.options {
			f.Options = append(f.Options, formOption{fmt.Sprintf("%s-%d", f.ID, j+1), o.value, xss(o.label), f.Value == o.value && f.Value != ""})
		}
		fields[i] = f
	}
	return fields
}

// drawForm draws a built form, whose ids come after those of its fields.
func (v *visit) drawForm(w *webform, fields []formField) string {
	v.trust(v.q.Target)
	return theme.Draw("webform", struct {
		NID                                             int64
		Action, BuildID, Token, Actions, Submit, Button string
		Fields                                          []formField
	}{w.nid, v.q.Target, v.buildID(), v.formToken(fmt.Sprintf("webform_client_form_%d", w.nid)),
		v.id("edit-actions"), v.id("edit-submit"), w.button, fields})
}

// xss is filter_xss for labels: tags go, quotes stay.
func xss(s string) string { return ampersand.ReplaceAllString(tag.ReplaceAllString(s, ""), "&amp;$1") }
