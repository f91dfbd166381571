package replica

import (
	"slices"
	"time"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/drupal"
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
	c, now := r.Config().Calendar, time.Now()
	return c != nil && r.policy(group).Calendar && slices.ContainsFunc(c.Shut, func(w cutover.Window) bool { return !now.Before(w.From) && now.Before(w.To) })
}

// dead says why copies of a group's requests do not get through.
func (r *Replica) dead(group string) string {
	for _, g := range r.Config().Groups {
		if g.Name != group {
			continue
		}
		for _, s := range r.copies.Status() {
			if s.Dead && (s.Backend == g.To || s.Backend == g.From) {
				return s.Backend + ": " + s.Text
			}
		}
	}
	return ""
}
