package drupal

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// schedules reads when a webform opens and closes by itself (webform_scheduler).
func (h *hooked) schedules() error {
	at := func(text string) string {
		n, err := strconv.ParseInt(text, 10, 64)
		switch {
		case text == "" || text == "0":
			return "at once or never"
		case err != nil: // a date
			return text
		}
		return time.Unix(n, 0).UTC().Format("2 January 2006 15:04 UTC")
	}
	return h.each("webform_scheduler", "nid", func(f fields, nid int64) {
		h.add(nid, "schedule", "opens: %s; closes: %s", at(f["begin"]), at(f["end"]))
	})
}

// validations reads webform_validation's rules.
func (h *hooked) validations() error {
	return h.each("webform_validation_rule", "ruleid", func(f fields, nid int64) {
		h.add(nid, "validation", "checks by the rule %q", f["validator"])
	})
}

// every begins the names of the forms that Drupal makes of webforms.
const every = "webform_client_form"

// ofForm calls each with the webforms that a form's id stands for.
func (h *hooked) ofForm(id string, each func(nid int64)) {
	if id == every {
		for _, nid := range slices.Sorted(maps.Keys(h.names)) {
			each(nid)
		}
	}
	if number, is := strings.CutPrefix(id, every+"_"); is {
		if nid, err := strconv.ParseInt(number, 10, 64); err == nil {
			each(nid)
		}
	}
}

// captchas reads what asks visitors whether they are people.
func (h *hooked) captchas() error {
	err := h.each("captcha_points", "form_id", func(f fields, _ int64) {
		if kind := f["captcha_type"]; kind != "" && !strings.EqualFold(kind, "none") {
			h.ofForm(f["form_id"], func(nid int64) { h.add(nid, "captcha", "asks a CAPTCHA (%s)", strings.Trim(f["module"]+"/"+kind, "/")) })
		}
	})
	if err != nil || !h.has("mollom_form", "form_id") {
		return err
	}
	return h.each("mollom_form", "form_id", func(f fields, _ int64) {
		h.ofForm(f["form_id"], func(nid int64) { h.add(nid, "captcha", "asks Mollom whether a submission is spam") })
	})
}

// honeypots reads the honeypot module's settings: a hidden component, and a shortest time.
func (h *hooked) honeypots() error {
	return h.each("variable", "name", func(f fields, _ int64) {
		name, is := strings.CutPrefix(f["name"], "honeypot_")
		v, err := php(f["value"])
		if on, _ := plainText(v); !is || err != nil || on != "1" {
			return
		}
		id := strings.TrimPrefix(name, "form_")
		if name == "protect_all_forms" || id == "webforms" {
			id = every
		}
		h.ofForm(id, func(nid int64) {
			h.add(nid, "captcha", "turns away who fills in a hidden field, or is too quick (honeypot)")
		})
	})
}

// rules reads the reactions of the rules module to webforms. Which webforms one is for lies in its conditions; one that says nothing of it is for any.
func (h *hooked) rules() error {
	events := map[string][]string{}
	err := h.each("rules_trigger", "id, event", func(f fields, _ int64) {
		if strings.Contains(f["event"], "webform") {
			events[f["id"]] = append(events[f["id"]], f["event"])
		}
	})
	if err != nil {
		return err
	}
	return h.each("rules_config", "id", func(f fields, _ int64) {
		on := events[f["id"]]
		if len(on) == 0 {
			return
		}
		v, _ := php(f["data"])
		actions, forms := map[string]bool{}, map[int64]bool{}
		h.rule(v, actions, forms)
		what := fmt.Sprintf("rule %s runs %s on %s", f["name"], cmp.Or(strings.Join(slices.Sorted(maps.Keys(actions)), ", "), "actions that cannot be read"), strings.Join(on, ", "))
		if f["active"] == "0" {
			what += " (switched off)"
		}
		if len(forms) == 0 {
			h.add(0, "rule", "%s", what)
		}
		for nid := range forms {
			h.add(nid, "rule", "%s", what)
		}
	})
}

// rule finds the actions of a rule and the webforms that its conditions name, in PHP objects that only the rules
// module knows: RulesAction{elementName: "mail"}, and settings with "selected_webform" somewhere.
func (h *hooked) rule(v any, actions map[string]bool, forms map[int64]bool) {
	within := map[string]any{}
	switch v := v.(type) {
	case Object:
		within = v.Fields
		if name, _ := v.Fields["elementName"].(string); name != "" && strings.HasSuffix(v.Class, "Action") {
			actions[name] = true
		}
	case map[string]any:
		within = v
	}
	for key, inner := range within {
		if selected, _ := inner.(map[string]any); key == "selected_webform" {
			for _, one := range selected {
				text, _ := plainText(one)
				nid, err := strconv.ParseInt(text[strings.LastIndexAny(text, "-_")+1:], 10, 64)
				if err == nil {
					forms[nid] = true
				}
			}
		}
		h.rule(inner, actions, forms)
	}
}

// modules notes what is made for webforms and switched on: it may act on any submission, and only its code says how.
func (h *hooked) modules() error {
	err := h.each("webform_civicrm_forms", "nid", func(f fields, nid int64) {
		h.add(nid, "crm", "hands submissions to CiviCRM")
	})
	if err != nil {
		return err
	}
	return h.each("system", "name", func(f fields, _ int64) {
		if f["type"] != "module" || f["status"] != "1" {
			return
		}
		needs, _ := arrayOf(f["info"])["dependencies"].(map[string]any)
		for _, one := range needs {
			if text, _ := one.(string); text == "webform" || strings.HasPrefix(text, "webform:") || strings.HasPrefix(text, "webform ") {
				h.add(0, "handler", "module %s is built on webform and may act on any submission", f["name"])
			}
		}
	})
}
