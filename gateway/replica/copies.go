package replica

import (
	"fmt"
	"slices"
	"time"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/drupal"
	"github.com/banyan-migration/banyan/gateway/route"
	"github.com/banyan-migration/banyan/gateway/shadow"
)

// masks are what a configuration's differ leaves out: what its old site varies by itself, and what its routes say.
func masks(c *config.Config) (all []diff.Mask) {
	kinds := map[string]bool{}
	for _, b := range c.Backends {
		if b.Kind != "" && !kinds[b.Kind] {
			kinds[b.Kind] = true
			all = append(all, drupal.Masks(b.Kind)...)
		}
	}
	for _, g := range c.Groups {
		for _, r := range g.Routes {
			for _, text := range r.Options.Ignore {
				if m, err := diff.ParseIgnore(text); err == nil { // each was checked where it stands
					m.Group, m.Route = g.Name, r.ID
					all = append(all, m)
				}
			}
		}
	}
	return all
}

// paused says that a group gets no copies now: it is killed, somebody has frozen it, or the calendar has (H-8).
func (r *Replica) paused(group string) bool {
	g := r.Plan.Now().Group(group)
	if g.Killed || g.Frozen != nil {
		return true
	}
	return r.policy(group).Calendar && r.Config().Calendar.Frozen(time.Now())
}

// dead says why copies of a group's requests do not get through, and what to look at; empty where they do, or none are made.
func (r *Replica) dead(group string) string {
	for _, g := range r.Config().Groups {
		if g.Name != group || !copied(g, r.Plan.Now().Group(group).Phase) {
			continue
		}
		return deaf(g, r.copies.Status())
	}
	return ""
}

// copied says whether a group in a phase has its requests copied.
func copied(g *config.Group, phase string) bool {
	return slices.Contains([]string{cutover.Shadow, cutover.Canary, cutover.Full}, phase) &&
		slices.ContainsFunc(g.Routes, func(r *route.Route) bool { return r.Options.Shadow > 0 })
}

func deaf(g *config.Group, all []shadow.Status) string {
	for _, s := range all {
		if s.Dead && (s.Backend == g.To || s.Backend == g.From) {
			return fmt.Sprintf("%s (%s) has not answered copies since %s: %s; nothing is compared until it does, and no visitor is touched: look whether it runs",
				s.Backend, s.Address, s.Since.UTC().Format("2006-01-02 15:04:05 MST"), s.Text)
		}
	}
	return ""
}
