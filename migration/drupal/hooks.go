package drupal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Hook is something that a webform does besides storing.
type Hook struct {
	NID  int64  // 0: it may be any webform of the site
	Form string // its Form.Name; "" for any
	// Kind is email, rule, captcha, limit, schedule, closed, roles, confirmation, draft, handler (somebody's PHP, or a module), validation, private (components that
	// only editors see), file, condition, prefill or crm.
	Kind string
	What string // for a person to read; it names no donor, and of an address only its domain
}

// hooked gathers the hooks of a site's webforms.
type hooked struct {
	*contentDB
	ctx   context.Context
	names map[int64]string           // of the webforms
	keys  map[int64]map[int64]string // of their components, by nid and cid
	found []Hook
}

func (d *contentDB) Hooks(ctx context.Context) ([]Hook, error) {
	if d.version == 8 || !d.has("webform", "nid") {
		return nil, nil
	}
	h := hooked{contentDB: d, ctx: ctx, names: map[int64]string{}, keys: map[int64]map[int64]string{}}
	for _, read := range []func() error{h.forms, h.settings, h.components, h.conditions, h.emails, h.roles, h.schedules, h.validations, h.captchas, h.honeypots, h.rules, h.modules} {
		if err := read(); err != nil {
			return nil, fmt.Errorf("what the webforms do: %w", err)
		}
	}
	slices.SortStableFunc(h.found, func(a, b Hook) int {
		return cmp.Or(cmp.Compare(a.NID, b.NID), strings.Compare(a.Kind, b.Kind), strings.Compare(a.What, b.What))
	})
	return h.found, nil
}

// add notes a hook; one of a node that is no webform is nobody's.
func (h *hooked) add(nid int64, kind, what string, args ...any) {
	name, is := h.names[nid]
	if is || nid == 0 {
		h.found = append(h.found, Hook{nid, name, kind, fmt.Sprintf(what, args...)})
	}
}

func (h *hooked) each(table, order string, row func(f fields, nid int64)) error {
	return h.all(h.ctx, table, order, func(f fields) error {
		row(f, f.number("nid"))
		return nil
	})
}

// forms names the webforms as Forms does, by their newest alias.
func (h *hooked) forms() error {
	err := h.each("webform", "nid", func(f fields, nid int64) {
		h.names[nid], h.keys[nid] = fmt.Sprintf("node/%d", nid), map[int64]string{}
	})
	if err != nil {
		return err
	}
	return h.Aliases(h.ctx, func(a Alias) error {
		number, _ := strings.CutPrefix(a.Source, "node/")
		if nid, err := strconv.ParseInt(number, 10, 64); err == nil && h.names[nid] != "" {
			h.names[nid] = a.Alias
		}
		return nil
	})
}

// key names a component.
func (h *hooked) key(nid int64, cid int64) string {
	if key := h.keys[nid][cid]; key != "" {
		return key
	}
	return fmt.Sprintf("component %d", cid)
}
