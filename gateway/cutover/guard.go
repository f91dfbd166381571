package cutover

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
)

// Check is one predicate that a phase waits for, and whether it holds.
type Check struct {
	Predicate string `json:"predicate"` // one word
	Holds     bool   `json:"holds"`
	Warns     bool   `json:"warns"` // a person may go on in spite of it, and is told so
	Text      string `json:"text"`  // what is, in a sentence
}

// What a group waits for where no policy says it.
const (
	cleanFor  = 24 * time.Hour      // without a mismatch before a canary: N h
	freshFor  = 10 * time.Minute    // of lag and of reverse sync: x s
	formLife  = 6 * time.Hour       // how long a form of Drupal may be posted after it was fetched
	unvisited = 14 * 24 * time.Hour // without a person on the old side before it goes: N days
)

// Checks lists all that a phase waits for, in the order in which it is looked at. The rule of what refuses and what only
// warns: where `data:` is configured every predicate refuses while it does not hold or is not known. Where it is not, nobody
// can know: a group that writes may then be moved by a person, who is warned, and by the judge only if it is append-only. A
// group without writes has no data to wait for. J-9's sample is not about the data, and follows the same rule by choice: whoever
// configures `data:` runs a cutover, and nobody jumps its sample; without it people try things out, and move as they like. A warning
// is told each time: before the change (these checks), in its answer (Group.Warnings), in the log and in the journal.
func Checks(to string, c Case) []Check {
	k := &checks{c: c}
	switch to {
	case Backfill:
		k.need("data", !c.Seed.Writes || c.Seed.Data, !c.Seed.Data, "data: names where rows come from and go to",
			"data: is not configured: nobody sees whether rows are moved")
	case Shadow:
		k.backfilled()
	case Canary, Full:
		k.moving(to)
	case Drain:
		at := c.Group.since().Add(formLife)
		k.need("forms", !c.At.Before(at), !c.Seed.Data, "full for the six hours that a form lives",
			"forms of the old side may be posted until "+stamp(at))
	case Retired:
		k.visited()
	}
	return k.all
}

// Guard is the first predicate that refuses a person's move to a phase, as a *Refused; nil: none.
func Guard(to string, c Case) error {
	return first(Checks(to, c), func(k Check) bool { return !k.Warns })
}

// GuardJudge is Guard for the judge, which may not move what nobody measures unless it can only be added to, nor send anybody over unseen
// where a shadow was meant to look first.
func GuardJudge(to string, c Case) error {
	return first(Checks(to, c), func(k Check) bool {
		return !k.Warns || k.Predicate == "measured" && !c.Seed.AppendOnly || k.Predicate == "compared"
	})
}

func first(all []Check, refuses func(Check) bool) error {
	for _, k := range all {
		if !k.Holds && refuses(k) {
			return &Refused{k.Predicate, k.Text}
		}
	}
	return nil
}

// Warnings are the checks that a person may go on in spite of, each as "predicate: what is".
func Warnings(all []Check) (texts []string) {
	for _, k := range all {
		if !k.Holds && k.Warns {
			texts = append(texts, k.Predicate+": "+k.Text)
		}
	}
	return texts
}

type checks struct {
	c   Case
	all []Check
}

func (k *checks) need(predicate string, holds, warns bool, good, bad string) {
	text := good
	if !holds {
		text = bad
	}
	k.all = append(k.all, Check{predicate, holds, warns && !holds, text})
}

// measured says whether there is anything to look at in the data's facts. Old facts are none.
func (k *checks) measured() bool {
	f, limit := k.c.Facts, stale(k.c.Seed.Policy)
	switch known := f.Known && k.c.At.Sub(f.At) <= limit; {
	case known:
		return true
	case f.Known:
		k.need("measured", false, !k.c.Seed.Data, "",
			fmt.Sprintf("the data behind the group was last measured %s ago, which is over %s", span(k.c.At.Sub(f.At)), span(limit)))
	default:
		k.need("measured", false, !k.c.Seed.Data, "", "nothing measures whether the data behind the group is there")
	}
	return false
}

// backfilled: every old row is there, and right. Groups that write nothing have none.
func (k *checks) backfilled() bool {
	if !k.c.Seed.Writes || !k.measured() {
		return false
	}
	f := k.c.Facts
	k.need("backfilled", f.Backfilled, false, "every old row is moved, or rejected with a reason",
		"not every old row is moved: banyan migrate backfill goes on where it stopped")
	verified := !f.Verified.IsZero()
	k.need("verified", verified, false, "verified "+stamp(f.Verified), "the rows have never been compared: banyan migrate verify")
	k.need("mismatches", f.Mismatches == 0, false, "no row differs without a reason",
		fmt.Sprintf("%d rows differ and nobody has explained them: banyan migrate verify names them", f.Mismatches))
	return true
}

// moving is what people may be sent for: a canary, and all of them.
func (k *checks) moving(to string) {
	c := k.c
	if k.backfilled() {
		k.current()
	}
	other := elsewhere(c.Shares, to)
	k.need("tables", other == "" || c.Seed.Conflict != "", false, "no group in another phase writes the same tables",
		fmt.Sprintf("%s writes the same tables and is in another phase: name who wins with conflict:, or move both as one group (T-2)", other))
	v := c.Verdict.Verdict
	bad := c.Verdict.Situation.Revision == c.Group.Revision && (v.Kind == judge.Rollback || v.Kind == judge.Freeze || v.Reason == "harm") // in shadow harm only holds
	k.need("judge", !bad, false, "the judge has nothing against it", fmt.Sprintf("the judge says %s: %s", v.Kind, v.Why))
	if c.Seed.Shadowed && c.Group.Weight == 0 {
		k.compared()
	}
	if to != Full {
		return
	}
	seen, want := sample(c.Verdict), c.Seed.Policy.Sample
	k.need("sample", seen >= want, !c.Seed.Data, thousands(seen)+" visitors an arm have been seen",
		fmt.Sprintf("%s of %s visitors an arm have been seen (J-9)", thousands(seen), thousands(want)))
	k.need("seo", len(c.Facts.Parity) == 0, false, "no page that search engines know differs",
		"search engines would see a change in "+strings.Join(c.Facts.Parity, ", "))
}

// compared: the differ has seen something of the present try before people are sent over.
func (k *checks) compared() {
	c, r := k.c, k.c.Verdict
	var n int64
	if r.Situation.Weight == 0 && r.Situation.Revision >= c.Group.Experiment {
		n = r.Before.Pairs.Compared
		for _, cell := range r.Cells {
			n += cell.Pairs.Compared
		}
	}
	bad := "routes ask for shadow copies and none was compared: enter shadow first: banyan cutover enter GROUP --phase shadow"
	if c.Group.Phase == Shadow {
		bad = "no shadow copy has been compared yet since the schedule was approved"
	}
	k.need("compared", n > 0, true, fmt.Sprintf("%d requests were compared in shadow", n), bad)
}

// current: the data has been right for long enough, and stays right both ways.
func (k *checks) current() {
	c, f := k.c, k.c.Facts
	limit, clean := stale(c.Seed.Policy), cleanFor
	if len(c.Seed.Policy.Steps) > 0 {
		clean = c.Seed.Policy.Steps[0].Dwell
	}
	k.need("clean", !f.Clean.IsZero() && c.At.Sub(f.Clean) >= clean, false, "without a mismatch for "+span(clean),
		fmt.Sprintf("without a mismatch since %s, and %s are asked for", stamp(f.Clean), span(clean)))
	synced := c.At.Sub(f.Synced)
	k.need("lag", f.Lag < limit && synced < limit, false, "the new side is "+span(f.Lag)+" behind",
		fmt.Sprintf("the new side is %s behind and was last brought up %s ago: under %s is right: banyan migrate sync", span(f.Lag), span(synced), span(limit)))
	if c.Seed.AppendOnly {
		return
	}
	back := c.At.Sub(f.Reversed)
	k.need("reverse", back < limit, false, "reverse sync ran "+span(back)+" ago",
		fmt.Sprintf("reverse sync last ended %s, and a rollback needs it within %s: banyan migrate reverse", stamp(f.Reversed), span(limit)))
	k.need("home", len(f.Homeless)+len(f.Drift) == 0, false, "the old side has a place for every field", impossible(f))
}

// visited: nobody has needed the old side for long.
func (k *checks) visited() {
	last, what := k.c.Group.since(), "the group drains"
	if k.c.Facts.LastHuman.After(last) {
		last, what = k.c.Facts.LastHuman, "a person was last answered by the old side"
	}
	k.need("hits", k.c.At.Sub(last) >= unvisited, false, "nobody has needed the old side for "+span(unvisited),
		fmt.Sprintf("%s since %s: %s without a person are asked for", what, stamp(last), span(unvisited)))
}

// elsewhere is the first of the groups that are not in a phase; empty: none.
func elsewhere(groups map[string]string, phase string) string {
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		if groups[name] != phase {
			return name
		}
	}
	return ""
}

// sample is how many visitors of the smaller arm a verdict is based on.
func sample(r judge.Record) int64 {
	for _, e := range r.Verdict.Evidence {
		if e.Test == "failures" {
			return min(e.New[0], e.Legacy[0])
		}
	}
	return 0
}

func stale(p judge.Policy) time.Duration {
	if p.Stale > 0 {
		return p.Stale
	}
	return freshFor
}

// stamp writes a moment for people.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04:05 MST")
}

// thousands writes 12400 as 12,400.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// span writes a length of time for people: its two largest units.
func span(d time.Duration) string {
	day := 24 * time.Hour
	switch {
	case d > 1000*day:
		return "an unknown time"
	case d >= day:
		return fmt.Sprintf("%d d %d h", d/day, d%day/time.Hour)
	}
	return d.Round(time.Second).String()
}
