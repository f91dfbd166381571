package drupal

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/banyan-migration/banyan/infra/fakes/drupal/php"
	"github.com/banyan-migration/banyan/infra/fakes/drupal/wire"
)

// readBody is what PHP finds in a post: both of a form's encodings. A body of another kind, or a broken one, has no
// values.
func readBody(q *wire.Request) *php.Values {
	kind, params, err := mime.ParseMediaType(q.Header.Get("Content-Type"))
	switch {
	case err != nil:
		return nil
	case kind == "application/x-www-form-urlencoded":
		return php.ParseQuery(string(q.Body))
	case kind != "multipart/form-data":
		return nil
	}
	v := &php.Values{}
	parts := multipart.NewReader(bytes.NewReader(q.Body), params["boundary"])
	for {
		part, err := parts.NextPart()
		if err != nil {
			return v
		}
		value, err := io.ReadAll(part)
		if err == nil && part.FileName() == "" {
			v.Add(part.FormName(), string(value))
		}
	}
}

func (w *webform) has(kind string) bool {
	return slices.ContainsFunc(w.components, func(k component) bool { return k.kind == kind })
}

const outdated = `The form has become outdated. Copy any unsaved work in the form below and then <a href="%s">reload this page</a>.`

// form is a webform on its page: fresh, or taken (then the second result says where to go), or refused and shown again
// with what was typed.
func (v *visit) form(n *node) (string, *page, error) {
	w := n.form
	id := fmt.Sprintf("webform_client_form_%d", w.nid)
	if v.post.Value("form_id") != id {
		return v.drawForm(w, v.buildForm(w, nil)), nil, nil
	}
	fields := v.buildForm(w, v.post)
	told := len(v.messages["error"])
	if v.user.uid > 0 && v.post.Value("form_token") != v.token(id) {
		v.say("error", fmt.Sprintf(outdated, plain(v.q.Target)))
	} else {
		for i := range fields {
			v.check(&fields[i])
		}
	}
	if len(v.messages["error"]) > told {
		return v.drawForm(w, fields), nil, nil
	}
	p := &page{}
	v.writes = append(v.writes, v.store(w, fields, p))
	return "", p, nil
}

// check is Drupal's validation of one field, its messages in its words and its order.
func (v *visit) check(f *formField) {
	complain := func(format string, args ...any) {
		f.Error = true
		v.say("error", fmt.Sprintf(format, args...))
	}
	chosen := slices.ContainsFunc(f.Options, func(o formOption) bool { return o.Value == f.Value })
	switch {
	case f.Type == "hidden":
	case !utf8.ValidString(f.Value):
		complain("An illegal choice has been detected. Please contact the site administrator.")
	case f.Type == "select" && f.Value != "" && !chosen:
		complain("An illegal choice has been detected. Please contact the site administrator.")
	case f.Type == "textfield" && utf8.RuneCountInString(f.Value) > 128:
		complain(`%s cannot be longer than <em class="placeholder">128</em> characters but is currently <em class="placeholder">%d</em> characters long.`,
			f.Label, utf8.RuneCountInString(f.Value))
	case f.Required && strings.TrimSpace(f.Value) == "":
		complain("%s field is required.", f.Label)
	case f.Type == "email" && strings.TrimSpace(f.Value) != "" && !validEmail(strings.TrimSpace(f.Value)):
		complain(`<em class="placeholder">%s</em> is not a valid email address.`, plain(f.Value))
	}
}

// address is what PHP's FILTER_VALIDATE_EMAIL takes, less quoted local parts and address literals.
var address = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@" +
	`([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

func validEmail(s string) bool {
	local, _, _ := strings.Cut(s, "@")
	return len(local) <= 64 && len(s) <= 254 && address.MatchString(s)
}

// store writes a submission as webform does, a row for every component, empty ones too, and sends the visitor to the
// page that thanks.
func (v *visit) store(w *webform, fields []formField, p *page) write {
	return func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `INSERT INTO webform_submissions (nid, uid, is_draft, submitted, remote_addr) VALUES (?, ?, 0, ?, ?)`,
			w.nid, v.user.uid, v.now.Unix(), v.remote())
		if err != nil {
			return err
		}
		sid, err := done.LastInsertId()
		if err != nil {
			return err
		}
		query := `INSERT INTO webform_submitted_data (nid, sid, cid, no, data) VALUES ` + strings.Repeat("(?, ?, ?, '0', ?), ", len(fields))
		args := make([]any, 0, 4*len(fields))
		for i, f := range fields {
			value := f.Value
			if f.Type == "email" {
				value = strings.TrimSpace(value)
			}
			args = append(args, w.nid, sid, w.components[i].cid, value)
		}
		if _, err := tx.ExecContext(ctx, strings.TrimSuffix(query, ", "), args...); err != nil {
			return err
		}
		p.location = v.absolute(fmt.Sprintf("/node/%d/done?sid=%d", w.nid, sid))
		return nil
	}
}
