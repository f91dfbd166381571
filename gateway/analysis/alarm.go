package analysis

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/tally"
)

// Alarm is something that a person should hear of, once.
type Alarm struct {
	At    time.Time `json:"at"`
	Group string    `json:"group"`
	What  string    `json:"what"` // one of the constants below
	Why   string    `json:"why"`
	ID    string    `json:"id"` // the same alarm has the same id, on every replica
}

// What there are alarms of.
const (
	RolledBack   = "rollback"
	Froze        = "freeze"
	RedReadiness = "red readiness"
	DeadSync     = "dead sync"
	DeadShadow   = "dead shadow"
	Broke        = "breaker"
)

// stood is where a group stood at the last look, so that what happens to it is told once.
type stood struct {
	Revision int64 `json:"revision"`
	Weight   int   `json:"weight"`
	Frozen   bool  `json:"frozen"`
}

// deadAfter is for how long sync may not have ended before it counts as dead.
const deadAfter = 10 * time.Minute

// wrong is what is not as it should be with a group now, and why.
func (a *Analysis) wrong(group string, g cutover.Group, r judge.Record, now time.Time) map[string]string {
	all := map[string]string{}
	if s := r.Situation; s.Readiness == cutover.Red && g.Weight > 0 && !g.Past() {
		all[RedReadiness] = "a rollback would lose: " + s.Loses
	}
	f := a.Facts(group)
	if age := now.Sub(f.Synced); f.Known && !f.Synced.IsZero() && age > deadAfter && (g.Weight > 0 || g.Phase == cutover.Shadow) {
		all[DeadSync] = fmt.Sprintf("sync last ran to its end %s ago", age.Round(time.Second))
	}
	for _, id := range slices.Sorted(maps.Keys(a.peers)) {
		p := a.peers[id]
		if !p.lives() {
			continue
		}
		if p.Dead[group] != "" {
			all[DeadShadow] = p.Dead[group]
		}
		if t := p.Trips[group]; t != nil && t.Revision == g.Revision {
			all[Broke] = t.Why
		}
	}
	return all
}

// watch compares what is wrong and where the group stands with the last look, and returns what is to be told of it.
func (e *evidence) watch(wrong map[string]string, group string, g cutover.Group, now time.Time) (all []Alarm) {
	tell := func(what, why string, n int64) {
		all = append(all, Alarm{At: now.UTC(), Group: group, What: what, Why: why, ID: alarmID(what, group, n)})
	}
	maps.DeleteFunc(e.Alarms, func(what string, _ time.Time) bool { return wrong[what] == "" })
	for _, what := range slices.Sorted(maps.Keys(wrong)) {
		if _, known := e.Alarms[what]; known {
			continue
		}
		if e.Alarms == nil {
			e.Alarms = map[string]time.Time{}
		}
		e.Alarms[what] = now.UTC()
		if what == Broke { // which a replica may have told already, alone
			tell(what, wrong[what], g.Revision)
		} else {
			tell(what, wrong[what], now.Unix())
		}
	}
	is := stood{g.Revision, g.Weight, g.Frozen != nil}
	if e.Stood.Revision > 0 {
		if e.Stood.Weight > 0 && is.Weight == 0 {
			tell(RolledBack, g.Who+": "+g.Why, g.Revision)
		}
		if is.Frozen && !e.Stood.Frozen {
			tell(Froze, g.Frozen.Who+": "+g.Frozen.Why, g.Revision)
		}
	}
	e.Stood = is
	return all
}

func alarmID(what, group string, n int64) string {
	return fmt.Sprintf("%s-%s-%d", strings.ReplaceAll(what, " ", "-"), group, n)
}

func breakerAlarm(now time.Time, group string, t *tally.Trip) Alarm {
	return Alarm{At: now.UTC(), Group: group, What: Broke, Why: t.Why, ID: alarmID(Broke, group, t.Revision)}
}

// alarm tells once a process.
func (a *Analysis) alarm(what Alarm) {
	if a.o.Alarm == nil || a.told[what.ID] {
		return
	}
	if len(a.told) > 10_000 {
		clear(a.told)
	}
	a.told[what.ID] = true
	a.o.Alarm(what)
}
