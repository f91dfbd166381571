package permissions

import (
	"fmt"
	"slices"
	"strings"
)

// Exception is a grant that stands although no call of a function uses it, or although it is wide, with the reason.
type Exception struct {
	Action   string // may end with a star: "logs:*"
	Resource string // a text that the resource must contain; empty: any
	Why      string
}

// ByAWS are the grants that AWS itself uses with a function's role: no line of the function's log tells of them.
var ByAWS = []Exception{
	{"logs:*", "", "Lambda writes the function's log"},
	{"xray:*", "", "Lambda sends the traces of sampled requests; they name no resource"},
	{"sqs:ReceiveMessage", "", "Lambda's poller takes messages from the queue"},
	{"sqs:DeleteMessage", "", "Lambda's poller removes what the function has taken"},
	{"sqs:GetQueueAttributes", "", "Lambda's poller looks how full the queue is"},
	{"sqs:ChangeMessageVisibility", "", "Lambda's poller gives back what was not taken"},
	{"sqs:SendMessage", "", "Lambda sends what an asynchronous event came to in the end to its OnFailure queue"},
	{"kms:Decrypt", "", "Lambda, Secrets Manager and SSM decrypt what lies under a key of ours with the role's rights"},
}

// Finding is one thing that a comparison has found.
type Finding struct {
	What string // an action and its resource
	Why  string // the call, the policy, or the reason of the exception
}

func (f Finding) String() string { return f.What + ": " + f.Why }

// Report is a role's policies held against the calls of its function. Only Excused is fine.
type Report struct {
	Missing []Finding // used and not granted
	Unused  []Finding // granted and never used
	Wide    []Finding // granted with a wildcard
	Unknown []Finding // calls that the map does not know
	Excused []Finding // unused or wide, with the reason why
	Stale   []Finding // exceptions for which there is no grant
}

// Fine says that nothing stands against the role. Stale exceptions do not: they are one list for several roles.
func (r Report) Fine() bool { return len(r.Missing)+len(r.Unused)+len(r.Wide)+len(r.Unknown) == 0 }

func (r Report) String() string {
	var b strings.Builder
	for _, part := range []struct {
		title string
		found []Finding
	}{{"used and not granted", r.Missing}, {"granted and never used", r.Unused}, {"granted with a wildcard", r.Wide}, {"not in the map of actions", r.Unknown}, {"granted, with a reason", r.Excused}} {
		for _, f := range part.found {
			fmt.Fprintf(&b, "%s: %s\n", part.title, f)
		}
	}
	return b.String()
}

// Compare holds a role's policies against the calls of its function. A grant is used when some call takes it; an exception
// excuses one that is not, and one that is wide.
func Compare(calls []Call, role []Policy, exceptions []Exception) Report {
	var r Report
	var needs []Need
	for _, c := range calls {
		some, err := Needs(c)
		if err != nil {
			r.Unknown = append(r.Unknown, Finding{c.String(), err.Error()})
		}
		for _, n := range some {
			if why := denied(role, n); why != "" {
				r.Missing = append(r.Missing, Finding{n.String(), c.String() + ": " + why})
			}
		}
		needs = append(needs, some...)
	}
	excuses := make([]bool, len(exceptions))
	for _, p := range role {
		for _, s := range p.Statement {
			if !s.Deny {
				r.grants(p.Name, s, needs, exceptions, excuses)
			}
		}
	}
	for i, e := range exceptions {
		if !excuses[i] {
			r.Stale = append(r.Stale, Finding{strings.TrimSpace(e.Action + " " + e.Resource), e.Why})
		}
	}
	for _, found := range []*[]Finding{&r.Missing, &r.Unused, &r.Wide, &r.Unknown, &r.Excused} {
		slices.SortFunc(*found, func(a, b Finding) int { return strings.Compare(a.String(), b.String()) })
		*found = slices.Compact(*found)
	}
	return r
}

// denied says why a role does not allow something; empty: it does.
func denied(role []Policy, n Need) string {
	why := "no policy allows it"
	for _, p := range role {
		for _, s := range p.Statement {
			switch {
			case !s.grants(n):
			case s.Deny:
				return "the policy " + p.Name + " denies it"
			default:
				why = ""
			}
		}
	}
	return why
}

// grants looks at each action of a statement on each of its resources.
func (r *Report) grants(policy string, s Statement, needs []Need, exceptions []Exception, excuses []bool) {
	for _, action := range s.Actions {
		for _, resource := range s.Resources {
			one := Statement{Actions: []string{action}, Resources: []Pattern{resource}}
			used, broad := slices.ContainsFunc(needs, one.grants), wide(action, resource)
			if used && !broad {
				continue
			}
			what := action + " on " + resource.String()
			if i := slices.IndexFunc(exceptions, func(e Exception) bool { return e.excuses(action, resource) }); i >= 0 {
				excuses[i] = true
				r.Excused = append(r.Excused, Finding{what, exceptions[i].Why})
				continue
			}
			if !used {
				r.Unused = append(r.Unused, Finding{what, "the policy " + policy})
			}
			if broad {
				r.Wide = append(r.Wide, Finding{what, "the policy " + policy})
			}
		}
	}
}

func (e Exception) excuses(action string, resource Pattern) bool {
	return like(strings.ToLower(e.Action), strings.ToLower(action)) && strings.Contains(resource.String(), e.Resource)
}
