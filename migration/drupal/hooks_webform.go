package drupal

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// settings reads what the webform's own row says.
func (h *hooked) settings() error {
	return h.each("webform", "nid", func(f fields, nid int64) {
		switch to := f["redirect_url"]; to {
		case "", "<confirmation>":
			if f["confirmation"] != "" {
				h.add(nid, "confirmation", "shows a message of its own afterwards, %d characters in the format %q", len([]rune(f["confirmation"])), f["confirmation_format"])
			}
		case "<none>":
			h.add(nid, "confirmation", "shows the form again afterwards")
		default:
			h.add(nid, "confirmation", "sends the visitor on to %s", bare(to))
		}
		h.limit(nid, f, "submit_limit", "submit_interval", "from one visitor")
		h.limit(nid, f, "total_submit_limit", "total_submit_interval", "in all")
		if f["status"] == "0" {
			h.add(nid, "closed", "takes no submissions any more")
		}
		if f.number("allow_draft") == 1 || f.number("auto_save") == 1 {
			h.add(nid, "draft", "lets signed-in visitors go on later with what they began")
		}
		if f.number("confidential") == 1 {
			h.add(nid, "private", "keeps no IP address of its visitors")
		}
		for _, column := range []string{"additional_validate", "additional_submit"} {
			if f[column] != "" {
				h.add(nid, "handler", "runs PHP of its own (%s, %d characters)", column, len(f[column]))
			}
		}
		if strings.Contains(f["confirmation_format"], "php") {
			h.add(nid, "handler", "runs PHP in its confirmation")
		}
	})
}

// limit notes how many submissions a webform takes; -1 is any number.
func (h *hooked) limit(nid int64, f fields, number, interval, of string) {
	n, err := strconv.Atoi(f[number])
	if err != nil || n < 0 {
		return
	}
	within := "ever"
	if seconds := f.number(interval); seconds > 0 {
		within = fmt.Sprintf("in %d seconds", seconds)
	}
	h.add(nid, "limit", "takes %d submissions %s %s", n, of, within)
}

// bare is an address without its query, in which anything may stand.
func bare(address string) string {
	path, _, _ := strings.Cut(address, "?")
	return path
}

// What webform 3 and 4 put into a default value for themselves.
var token = regexp.MustCompile(`%(get|post|session|cookie|request|server|profile|username|useremail|site|title|date|ip_address|nid)\b|\[[a-z_-]+:[^\]]+\]`)

// components reads what single components do. Settings that cannot be read are Census's to name.
func (h *hooked) components() error {
	private := map[int64][]string{}
	err := h.each("webform_component", "nid, cid", func(f fields, nid int64) {
		key, extra := f["form_key"], arrayOf(f["extra"])
		if h.keys[nid] == nil {
			return
		}
		h.keys[nid][f.number("cid")] = key
		if on, _ := plainText(extra["private"]); on == "1" {
			private[nid] = append(private[nid], key)
		}
		if f["type"] == "file" {
			scheme, _ := extra["scheme"].(string)
			if scheme == "" {
				scheme = "public"
			}
			h.add(nid, "file", "keeps the files of %s in %s://webform", key, scheme)
		}
		if tokens := token.FindAllString(f["value"], -1); len(tokens) > 0 {
			h.add(nid, "prefill", "fills %s in by %s", key, strings.Join(tokens, ", "))
		}
		if strings.Contains(f["value"], "<?php") {
			h.add(nid, "handler", "runs PHP in %s", key)
		}
		if on, _ := plainText(extra["conditional_component"]); on != "" && on != "0" {
			h.add(nid, "condition", "shows %s only where another component says so", key)
		}
	})
	for nid, keys := range private {
		h.add(nid, "private", "shows %s to editors alone", strings.Join(keys, ", "))
	}
	return err
}

// conditions reads webform 4's.
func (h *hooked) conditions() error {
	act := func(f fields, nid int64) {
		if f["target"] != "" && f["target_type"] != "" {
			h.add(nid, "condition", "shows, fills in or demands %s only where another component says so", h.key(nid, f.number("target")))
		}
	}
	if err := h.each("webform_conditional", "nid, rgid", act); err != nil {
		return err
	}
	return h.each("webform_conditional_actions", "nid, rgid, aid", act)
}

func (h *hooked) emails() error {
	return h.each("webform_emails", "nid, eid", func(f fields, nid int64) {
		what := "sends an email to " + strings.Join(h.receivers(nid, f["email"]), " and ") + " with " + subject(f["subject"])
		if f["template"] != "" && f["template"] != "default" {
			what += " and a text of its own"
		}
		if f.number("attachments") == 1 {
			what += " and the files that were sent"
		}
		if f["status"] == "0" {
			what += " (switched off)"
		}
		h.add(nid, "email", "%s", what)
	})
}

// receivers says who gets an email: a component's number, "default", or addresses, of which only the domain is said.
func (h *hooked) receivers(nid int64, to string) []string {
	var all []string
	for _, one := range strings.Split(to, ",") {
		one = strings.TrimSpace(one)
		cid, err := strconv.ParseInt(one, 10, 64)
		_, domain, is := strings.Cut(one, "@")
		who := "an address that is none"
		switch {
		case err == nil:
			who = "whoever " + h.key(nid, cid) + " names"
		case one == "default":
			who = "the site's own address"
		case strings.Contains(one, "["):
			who = "an address by a token"
		case is:
			who = "a fixed address at " + strings.TrimSuffix(domain, ">")
		}
		if !slices.Contains(all, who) {
			all = append(all, who)
		}
	}
	return all
}

// subject is the shape of an email's subject.
func subject(text string) string {
	_, err := strconv.Atoi(text)
	switch {
	case text == "" || text == "default":
		return "the default subject"
	case err == nil:
		return "a component's value as its subject"
	case strings.ContainsAny(text, "%["):
		return "a subject of its own that names values"
	}
	return "a subject of its own"
}

// roles notes a webform that is not for everybody. 1 is the role of visitors who are not signed in.
func (h *hooked) roles() error {
	names, may := map[string]string{}, map[int64][]string{}
	if err := h.each("role", "rid", func(f fields, _ int64) { names[f["rid"]] = f["name"] }); err != nil {
		return err
	}
	err := h.each("webform_roles", "nid, rid", func(f fields, nid int64) { may[nid] = append(may[nid], f["rid"]) })
	for nid, rids := range may {
		if slices.Contains(rids, "1") {
			continue
		}
		for i, rid := range rids {
			if names[rid] != "" {
				rids[i] = names[rid]
			}
		}
		h.add(nid, "roles", "is for signed-in visitors alone: %s", strings.Join(rids, ", "))
	}
	return err
}
