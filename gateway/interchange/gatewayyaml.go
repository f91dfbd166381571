package interchange

import (
	"fmt"
	"strings"
)

// remarks are what holds for every import.
func (w *importer) remarks() {
	w.add(0, "hosts", `Refactor Spaces names none: "*" accepts any Host; write the site's own names (W-16)`)
	w.add(0, "kind", "nothing there says what stands behind a backend: add kind: drupal7 or kind: drupal8 where it is Drupal (W-29, D-1)")
	w.add(0, "Host", "a backend gets the visitor's own Host here (W-17); behind Refactor Spaces it got its endpoint's")
	if w.standard.state != "ACTIVE" && w.standard.state != "" {
		w.add(w.standard.line, w.standard.name, "its state is %s: here the default always answers", w.standard.state)
	}
}

func (w *importer) yaml(name string, left []Left) string {
	var b strings.Builder
	for i := range left {
		left[i].What, left[i].Why = quotable(left[i].What), quotable(left[i].Why)
	}
	b.WriteString(comments(fmt.Sprintf("Routes of AWS Migration Hub Refactor Spaces, read from %s. Check it: banyan gateway --check --config FILE\n", quotable(name)), left))
	b.WriteString("hosts: [\"*\"]\nstore: sqlite:.banyan/plan.db\nadmin: {listen: 127.0.0.1:8081}\nbackends:\n")
	for _, e := range w.backend {
		fmt.Fprintf(&b, "  %s: {url: %q}\n", e.name, e.origin)
	}
	fmt.Fprintf(&b, "default: %s\n", w.backendOf(w.standard.service, 0).name)
	if len(w.groups) > 0 {
		b.WriteString("groups:\n")
	}
	for _, g := range w.groups {
		fmt.Fprintf(&b, "  %s:\n    from: %s\n    to: %s\n    weight: %d\n    key: visitor\n    salt: %s\n    routes:\n", g.name, g.from, g.to, g.weight, g.name)
		for _, r := range g.routes {
			fmt.Fprintf(&b, "      - {match: \"%s\"}\n", r)
		}
	}
	return b.String()
}

// quotable is a foreign text as it may stand in a comment of gateway.yaml, whose reader counts brackets and bounds a line.
func quotable(s string) string {
	s = strings.NewReplacer("[", "(", "{", "(", "]", ")", "}", ")", "$", "").Replace(oneLine(s))
	if len(s) > 500 {
		s = strings.ToValidUTF8(s[:500], "") + " ..."
	}
	return s
}
