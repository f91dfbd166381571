package gateway

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/banyan-migration/banyan/gateway/account"
	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/diff"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/gateway/shadow"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/gateway/tally"
	"github.com/banyan-migration/banyan/gateway/wire"
	"github.com/banyan-migration/banyan/shared/accesslog"
)

// tallies are all groups' counts for the judge. They outlive every reload.
type tallies struct {
	seed maphash.Seed

	mu       sync.Mutex
	groups   map[string]*counted
	accepted []tally.Accepted // by the new side, since they were last asked for
}

// counted is what is counted of one group.
type counted struct {
	*tally.Tally
	breaker *tally.Breaker
}

func newTallies() *tallies {
	return &tallies{seed: maphash.MakeSeed(), groups: map[string]*counted{}}
}

// of finds or makes a group's counts, and has them follow its policy.
func (t *tallies) of(c *config.Group) *counted {
	t.mu.Lock()
	defer t.mu.Unlock()
	policy := c.Policy
	if policy.Name == "" { // of a configuration that was not read from a file
		policy = judge.Default
	}
	known := t.groups[c.Name]
	if known == nil {
		known = &counted{tally.New(policy), tally.NewBreaker(policy.Breaker)}
		t.groups[c.Name] = known
	}
	known.Follow(policy)
	known.breaker.Follow(policy.Breaker)
	return known
}

// maxAccepted bounds what waits to be asked for: at a thousand gifts a second, a minute's.
const maxAccepted = 60_000

func (t *tallies) accept(a tally.Accepted) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.accepted) < maxAccepted {
		t.accepted = append(t.accepted, a)
	}
}

// Cells returns, by group, the cells that have ended by now, each count once.
func (g *Gateway) Cells(now time.Time) map[string][]judge.Cell {
	g.tallies.mu.Lock()
	defer g.tallies.mu.Unlock()
	all := map[string][]judge.Cell{}
	for name, c := range g.tallies.groups {
		if cells := c.Drain(now); len(cells) > 0 {
			all[name] = cells
		}
	}
	return all
}

// Accepted returns the form posts that the new side has accepted since the last call: what became of them the services tell by the
// request's id.
func (g *Gateway) Accepted() []tally.Accepted {
	g.tallies.mu.Lock()
	defer g.tallies.mu.Unlock()
	all := g.tallies.accepted
	g.tallies.accepted = nil
	return all
}

// Trip is what the group's catastrophe breaker sees at this revision of the group, or nil (J-1).
func (g *Gateway) Trip(group string, revision int64, now time.Time) *tally.Trip {
	g.tallies.mu.Lock()
	c := g.tallies.groups[group]
	g.tallies.mu.Unlock()
	if c == nil {
		return nil
	}
	return c.breaker.Seen(revision, now)
}

// Broken says whether the group is at legacy on this gateway because its breaker is open at this revision of the group.
func (g *Gateway) Broken(group string, revision int64) bool {
	t := g.Trip(group, revision, time.Now())
	return t != nil && t.Acts()
}

// Pair counts a comparison for the judge, where its group stood when the request was drawn. What cannot be compared is not evidence.
func (g *Gateway) Pair(p shadow.Pair) {
	g.tallies.mu.Lock()
	c := g.tallies.groups[p.Request.Group]
	g.tallies.mu.Unlock()
	e := p.Evidence
	if c == nil || !e.Judged || p.Result.Outcome == diff.Uncomparable {
		return
	}
	c.Pair(&tally.Comparison{At: time.Now(), Revision: e.Revision, Weight: e.Weight, Visitor: e.Visitor, First: e.First, Pairs: pairs(p, c.Policy())})
}

func pairs(p shadow.Pair, policy judge.Policy) judge.Pairs {
	differs := p.Result.Outcome == diff.Differs
	if p.Replay {
		return judge.Pairs{Replays: 1, Noise: one(differs)}
	}
	n := judge.Pairs{Compared: 1, Differing: one(differs)}
	if p.Effect { // an amount on a page may be a total that went on between two looks
		n.Critical = one(p.Result.Critical())
	}
	old, fresh := bad(p.Legacy), bad(p.New)
	n.NewBad, n.LegacyBad = one(fresh && !old), one(old && !fresh)
	if !old && !fresh && !p.Effect {
		n.NewSlow, n.LegacySlow = one(slower(p.New.Took, p.Legacy.Took, policy)), one(slower(p.Legacy.Took, p.New.Took, policy))
	}
	return n
}

func bad(a diff.Answer) bool { return a.Failed != "" || a.Status >= 500 }

// slower says whether one wait is longer than another by more than matters (J-7).
func slower(a, than time.Duration, p judge.Policy) bool {
	return a > than+max(p.Margin, than*time.Duration(p.MarginPercent)/100)
}

func one(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// count adds a request that has ended to what the judge goes by, unless it is no evidence (J-6).
func (x *exchange) count() {
	if x.group == nil || !x.judged() {
		return
	}
	e := tally.Event{At: x.At.Add(x.Total), Revision: x.groupRevision, Weight: x.weight, Side: x.Side, Visitor: x.who()}
	class := x.Class
	if x.Reason == split.ByFallback { // the side that was drawn failed, whatever the other one did (W-79)
		e.Side, class = 1-x.Side, x.firstClass
	}
	e.Write = !x.req.Safe()
	e.Failed, e.Network = class.Upstream(), class == account.UpstreamConnect || class == account.UpstreamTLS
	e.Client = class != account.OK && !e.Failed
	switch {
	case x.Stream || x.Cold:
	case x.Censored:
		e.Took = x.Total
	case class == account.OK || class == account.Upstream5xx:
		e.Took = x.Head
	}
	if e.Write && class == account.OK && x.Status != statusGone {
		e.Posted, e.Refused = true, !x.accepted()
	}
	x.group.counted.Count(&e, x.c.shard)
	if e.Client {
		return
	}
	x.group.counted.breaker.Count(&e, x.noReturn)
	if e.Posted && !e.Refused && e.Side == split.New && x.route.Form != nil {
		x.c.g.tallies.accept(tally.Accepted{Request: string(x.ID), Group: x.Group, At: e.At, Revision: e.Revision})
	}
}

// accepted says whether a write was taken: a form's success is a redirect (D-11), other writes' is any answer that is not a refusal.
func (x *exchange) accepted() bool {
	if x.route.Form != nil {
		return (x.Status == 302 || x.Status == 303) && x.located
	}
	return x.Status < 400
}

// judged says whether a request is evidence: drawn, by a person, for a page that may be asked twice.
func (x *exchange) judged() bool {
	drawn := x.Bucket >= 0 || x.weight == 0 || x.weight == split.Full // who could not be drawn is no chance's choice
	if !drawn || x.Reason != split.ByBucket && x.Reason != split.ByFallback {
		return false
	}
	var agent []byte
	for i := range x.req.Fields {
		switch f := &x.req.Fields[i]; f.Name {
		case wire.BanyanMark:
			return false
		case wire.UserAgent:
			agent = f.Value
		}
	}
	return !x.c.robots(agent) && !sideEffects(x.req.Path, x.req.Query)
}

// who is the visitor as a hash: by what the side was drawn from, or by the address where that is a page, or an id that nobody has
// shown again yet: a client without cookies would be a new visitor with each request.
func (x *exchange) who() uint64 {
	if x.Bucket >= 0 && !x.newcomer && x.group.Key.Kind != split.URL {
		return maphash.Bytes(x.c.g.tallies.seed, x.key)
	}
	return maphash.String(x.c.g.tallies.seed, x.Client)
}

// evidence is what the judge is told of the request's copy.
func (x *exchange) evidence() shadow.Evidence {
	if !x.judged() {
		return shadow.Evidence{}
	}
	who := x.who()
	return shadow.Evidence{Judged: true, First: x.group.counted.First(who, !x.req.Safe(), x.At), Visitor: who, Revision: x.groupRevision, Weight: x.weight}
}

// robots says whether an agent is a program's; a connection's requests have one agent.
func (c *conn) robots(agent []byte) bool {
	if c.agent == nil || string(agent) != string(c.agent) {
		c.agent, c.robot = append(c.agent[:0], agent...), accesslog.Robot(agent)
		if c.agent == nil {
			c.agent = []byte{}
		}
	}
	return c.robot
}
