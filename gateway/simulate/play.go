package simulate

import (
	"fmt"
	"hash/fnv"
	"iter"
	"time"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/gateway/tally"
	"github.com/banyan-migration/banyan/shared/accesslog"
)

// Play is a plan to be played over a log: a person has approved the policy's whole schedule and the first step is made with the log's
// first line. What both sides answer is what the log holds; the new side has the harm besides. The readiness meter is taken for green
// and no guard refuses.
type Play struct {
	Config *config.Config
	Group  *config.Group
	Harm   LogHarm
	Seed   uint64 // of the harm's coins
}

// Happened is one thing that would have happened.
type Happened struct {
	At      time.Time  `json:"at"`
	Step    bool       `json:"step"`   // the weight was changed
	Weight  int        `json:"weight"` // from here on
	Kind    judge.Kind `json:"kind,omitempty"`
	Reason  string     `json:"reason"`
	Why     string     `json:"why"`
	Blame   string     `json:"blame,omitempty"`
	Request int64      `json:"request"` // judged requests of the group so far
}

// Story is what would have happened.
type Story struct {
	Group    string     `json:"group"`
	Policy   string     `json:"policy"`
	From     time.Time  `json:"from"`
	To       time.Time  `json:"to"`
	Events   []Happened `json:"events"`
	End      string     `json:"end"`      // rolled_back, finished, or log_ended
	Requests [2]int64   `json:"requests"` // judged, by side: legacy, new
	Failed   [2]int64   `json:"failed"`   // of them, failures of the side
	Unjudged int64      `json:"unjudged"` // of the group, but robots' or not drawn: no evidence
	Hurt     int64      `json:"hurt"`     // requests of the new side that the harm made fail or wait
	Notes    []string   `json:"notes"`    // what the log cannot say, and what was taken instead
}

// The ways in which a play ends.
const (
	RolledBack = "rolled_back"
	Finished   = "finished"
	LogEnded   = "log_ended"
)

// player is a play under way.
type player struct {
	play Play
	Story
	dice
	schedule cutover.Schedule
	tally    *tally.Tally
	breaker  *tally.Breaker
	state    judge.State
	now      judge.Situation
	look     time.Time // the next
	said     judge.Verdict
}

// Run plays the lines, which come in the order of time but for seconds, to the plan's end or the log's.
func (p Play) Run(lines iter.Seq[accesslog.Line]) Story {
	policy := p.Group.Policy
	r := &player{play: p, dice: newDice(p.Seed, 0), schedule: cutover.Schedule{Steps: policy.Steps},
		tally: tally.New(policy), breaker: tally.NewBreaker(policy.Breaker)}
	r.Story = Story{Group: p.Group.Name, Policy: policy.Name, Notes: p.notes()}
	r.now = judge.Situation{Group: p.Group.Name, Readiness: "green", Replicas: 1, Reports: 1}
	for l := range lines {
		if r.From.IsZero() {
			r.begin(l.At)
		}
		if r.advance(l.At); r.End == "" {
			r.take(l)
		}
		if r.End != "" {
			break
		}
	}
	if r.End == "" {
		r.End = LogEnded
	}
	return r.Story
}

func (p Play) notes() []string {
	notes := []string{
		"a rollback is taken to lose nothing, and no guard to refuse a step",
		"the log tells when an answer ended and how long the whole of it took, not its head",
		"verdicts that nobody came for a while (no_traffic) are left out",
	}
	if k := p.Group.Key.Kind; k != split.URL && k != split.Address {
		notes = append(notes, fmt.Sprintf("the log has no %s: visitors are known by their address", p.Group.Key))
	}
	return notes
}

func (r *player) begin(at time.Time) {
	r.From, r.look = at, at.Truncate(r.play.Group.Policy.Cell).Add(r.play.Group.Policy.Cell)
	weight := r.play.Group.Weight
	if step, more := r.schedule.Next(0); weight == 0 && more {
		weight = step.Weight
	}
	r.move(at, weight, "approval", "a person approves the schedule and makes its first step")
}

// move changes the weight: a new revision, a new step.
func (r *player) move(at time.Time, weight int, reason, why string) {
	r.now.Weight, r.now.Since, r.now.Phase = weight, at, cutover.PhaseOf(weight)
	r.now.Revision++
	here, _ := r.schedule.Of(weight)
	next, _ := r.schedule.Next(weight)
	r.now.Next, r.now.Dwell, r.now.Sample = next.Weight, here.Dwell, here.Sample
	if r.now.Sample == 0 {
		r.now.Sample = r.play.Group.Policy.Sample
	}
	r.tell(at, Happened{Step: true, Reason: reason, Why: why})
}

func (r *player) tell(at time.Time, h Happened) {
	h.At, h.Weight, h.Request = at, r.now.Weight, r.Requests[0]+r.Requests[1]
	r.Events = append(r.Events, h)
}

// advance looks at the end of every cell up to a moment, as the leader does.
func (r *player) advance(at time.Time) {
	r.To = at
	for ; !r.look.After(at) && r.End == ""; r.look = r.look.Add(r.play.Group.Policy.Cell) {
		for _, c := range r.tally.Drain(r.look) {
			r.state.Add(c, r.play.Group.Policy)
		}
		r.judge(r.look)
	}
}

func (r *player) judge(at time.Time) {
	r.now.At, r.now.Closed, r.now.Breaker, r.now.Common = at, "", "", false
	if r.play.Group.Policy.Calendar {
		r.now.Closed = r.play.Config.Calendar.Closed(at)
	}
	if t := r.breaker.Seen(r.now.Revision, at); t != nil {
		r.now.Breaker, r.now.Common = t.Why, t.Common
	}
	v := judge.Look(r.state, r.now, r.play.Group.Policy)
	if quiet := v.Reason == "no_traffic"; !quiet && (v.Kind != r.said.Kind || v.Reason != r.said.Reason) {
		r.tell(at, Happened{Kind: v.Kind, Reason: v.Reason, Why: v.Why, Blame: string(v.Blame)})
		r.said = v
	}
	switch {
	case v.Kind == judge.PromoteOK:
		r.move(at, r.now.Next, "step", "the judge makes the next approved step")
	case v.Kind == judge.Rollback:
		r.back(at, "rollback", "the judge sends everybody back to "+r.play.Group.From)
	case r.now.Next == 0 && at.Sub(r.now.Since) >= r.now.Dwell && v.Kind == judge.Hold:
		r.End, r.To = Finished, at
	}
}

func (r *player) back(at time.Time, reason, why string) {
	r.move(at, 0, reason, why)
	r.End, r.To = RolledBack, at
}

// take counts one line as the engine would have.
func (r *player) take(l accesslog.Line) {
	where := Place(r.play.Config, l, r.now.Weight)
	if where.Route == nil || where.Route.Group != r.play.Group.Group {
		return
	}
	if where.Reason != split.ByBucket || l.Bot() {
		r.Unjudged++
		return
	}
	if where.Side == split.New {
		r.harm(&l)
	}
	e := tally.Event{At: l.At, Revision: r.now.Revision, Weight: r.now.Weight, Side: where.Side, Visitor: visitor(l.Addr),
		Failed: l.Status >= 500, Client: l.Status == 499, Write: l.Write(), Took: l.Duration}
	if e.Posted = e.Write && !e.Failed && !e.Client; e.Posted {
		e.Refused = l.Status >= 400
		if where.Route.Form != nil {
			e.Refused = l.Status != 302 && l.Status != 303
		}
	}
	r.tally.Count(&e, 0)
	if e.Client {
		return
	}
	r.Requests[e.Side]++
	if e.Failed {
		r.Failed[e.Side]++
	}
	r.breaker.Count(&e, false)
	if r.breaker.Open(r.now.Revision) {
		r.tell(l.At, Happened{Kind: judge.Rollback, Reason: "breaker", Why: r.breaker.Seen(r.now.Revision, l.At).Why, Blame: string(judge.Service)})
		r.back(l.At, "breaker", "the breaker sends everybody back to "+r.play.Group.From+" at once")
	}
}

// harm makes a request of the new side worse than the log says.
func (r *player) harm(l *accesslog.Line) {
	h := r.play.Harm
	fails := l.Status < 500 && r.chance(h.Points/100)
	if fails {
		l.Status = 500
	}
	l.Duration += h.Slow
	if fails || h.Slow > 0 {
		r.Hurt++
	}
}

func visitor(address string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(address))
	return h.Sum64()
}
