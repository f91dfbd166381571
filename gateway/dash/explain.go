package dash

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/route"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/shared/fault"
)

// Question is a request that was not made.
type Question struct {
	Request string            `json:"request"` // METHOD TARGET, such as POST /donate
	Host    string            `json:"host,omitempty"`
	Key     string            `json:"key,omitempty"` // what the group's key is drawn from: a visitor's id, an address, a header's value
	Headers map[string]string `json:"headers,omitempty"`

	Broken Broken `json:"-"` // of the gateway that is asked; nil: of a gateway whose breakers are all closed
}

// Header makes a Question what header conditions ask.
func (q Question) Header(name string) ([]byte, int) {
	for k, v := range q.Headers {
		if strings.EqualFold(k, name) {
			return []byte(v), 1
		}
	}
	return nil, 0
}

// Explanation is where a request would go, with the reason that the access log would hold (L-12).
type Explanation struct {
	Request  string `json:"request"`
	Status   int    `json:"status,omitempty"` // the gateway's own answer; no backend is asked
	Route    string `json:"route,omitempty"`
	Group    string `json:"group,omitempty"`
	Phase    string `json:"phase,omitempty"`
	Weight   int    `json:"weight"`
	Bucket   *int   `json:"bucket,omitempty"` // absent where the question has no key
	Side     string `json:"side,omitempty"`   // legacy or new; absent when it depends on the bucket
	Backend  string `json:"backend,omitempty"`
	Reason   string `json:"reason"`
	Why      string `json:"why"`
	Revision int64  `json:"revision"`
}

func (a *api) explain(r *http.Request) (any, error) {
	var q Question
	if err := read(r, &q); err != nil {
		return nil, err
	}
	return a.ask(q)
}

// ask answers a question, or says that it is none.
func (a *api) ask(q Question) (Explanation, error) {
	method, target, ok := strings.Cut(q.Request, " ")
	if !ok || !strings.HasPrefix(target, "/") {
		return Explanation{}, fault.Wrong("request", fmt.Sprintf("%q is not a request: write METHOD and path, such as POST /donate", q.Request))
	}
	q.Broken = a.Broken
	return Explain(a.Config(), a.Plan.Now(), q, method, target), nil
}

// Broken says whether a gateway's breaker has taken a group back at a revision of it (J-1). Another gateway may see it otherwise.
type Broken func(group string, revision int64) bool

// asked is a question taken apart.
type asked struct {
	Question
	method, path, query string
	canonical           []byte
	flags               route.Flags
}

// Explain asks the same table, plan and arithmetic that a request meets, in the same order (S-3).
func Explain(c *config.Config, plan *cutover.Snapshot, q Question, method, target string) Explanation {
	e := Explanation{Request: method + " " + target, Revision: plan.Revision}
	a := asked{Question: q, method: method}
	a.path, a.query, _ = strings.Cut(target, "?")
	var readable bool
	a.canonical, a.flags, readable = route.Canonical(nil, []byte(a.path))
	host, accepted := c.Table.Host([]byte(hostOf(c, q)))
	switch {
	case route.CheckMethod(method) != nil:
		return e.own(501, "the method does not pass (W-3)")
	case !accepted:
		return e.own(421, fmt.Sprintf("host %q is not among hosts (W-16)", hostOf(c, q)))
	case !readable:
		return e.own(400, "the path has %00, or % without two hex digits (W-12)")
	case c.Health != "" && a.path == c.Health:
		return e.own(200, "the gateway's own health path")
	case c.Deny.Refuses([]byte(a.path), []byte(a.query)):
		return e.own(403, "denied by the configuration (deny)")
	}
	found, sure := c.Table.Match(&route.Request{Host: host, Method: []byte(method), Path: a.canonical, Query: []byte(a.query), Headers: q})
	e.Side, e.Backend = split.Legacy.String(), c.Default
	switch {
	case found != nil:
		e.decide(found, plan.Group(found.Group.Name), a)
	case a.flags != 0:
		e.Reason, e.Why = split.Noncanonical.String(), odd(a.flags)
	case !sure:
		e.Reason, e.Why = split.Uncertain.String(), "PHP may read the query differently: the route's condition is unknown (W-13)"
	default:
		e.Reason, e.Why = split.ByDefault.String(), "no route takes it"
	}
	return e
}

func odd(flags route.Flags) string {
	return fmt.Sprintf("two programs may read the path differently (%s): only legacy may judge it (W-11)", flags)
}

func hostOf(c *config.Config, q Question) string {
	switch {
	case q.Host != "":
		return q.Host
	case c.DefaultHost != "":
		return c.DefaultHost
	}
	return c.Hosts[0]
}

func (e Explanation) own(status int, why string) Explanation {
	e.Status, e.Reason, e.Why = status, "gateway", why
	return e
}

func (e *Explanation) decide(r *route.Route, at cutover.Group, a asked) {
	e.Route, e.Group, e.Phase, e.Weight = r.ID, r.Group.Name, at.Phase, at.Weight
	f := split.Facts{Killed: at.Killed, Noncanonical: a.flags != 0, Weight: at.Weight, Broken: a.Broken != nil && a.Broken(r.Group.Name, at.Revision)}
	if r.Done {
		f.Form, f.InForm = doneSide(a.query), true
	}
	if a.Key != "" || r.Group.Key.Kind == split.URL {
		f.Bucket = split.Bucket(r.Group.Salt, r.Group.Key.Append(nil, []byte(a.Key), []byte(a.method), a.canonical))
		e.Bucket = &f.Bucket
	}
	side, reason := split.Decide(f)
	e.Reason = reason.String()
	if reason == split.ByBucket && e.Bucket == nil && at.Weight > 0 && at.Weight < split.Full {
		e.Side, e.Backend = "", ""
		e.Why = fmt.Sprintf("%s for buckets under %d of %d, drawn from %s; give a key to know which", split.New, at.Weight, split.Full, r.Group.Key)
		return
	}
	e.Side, e.Backend = side.String(), r.Group.From
	if side == split.New {
		e.Backend = r.Group.To
	}
	e.Why = sentence(reason, e, a.flags)
}

func sentence(reason split.Reason, e *Explanation, flags route.Flags) string {
	switch {
	case reason == split.ByKill:
		return "the kill switch is on for the group"
	case reason == split.Noncanonical:
		return odd(flags)
	case reason == split.ByForm:
		return "a done page goes to the side that took the form, which its sid says"
	case reason == split.ByBreaker:
		return "this gateway's breaker is open: the new side failed so badly here that everybody is taken back until the plan changes"
	case e.Bucket != nil:
		return fmt.Sprintf("bucket %d, weight %d: the new side takes buckets under the weight", *e.Bucket, e.Weight)
	}
	return fmt.Sprintf("at weight %d everybody is on one side", e.Weight)
}

// firstNew is the lowest sid of the new side, for show; Drupal's own stay below it.
const firstNew = 1 << 31

// doneSide reads which side's form a done page thanks for.
func doneSide(query string) split.Side {
	value, reading := route.PHP([]byte(query), "sid")
	sid, err := strconv.ParseUint(route.Text(value), 10, 32)
	if reading == route.Found && err == nil && sid >= firstNew {
		return split.New
	}
	return split.Legacy
}
