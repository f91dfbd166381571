package dash

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"

	"github.com/banyan-migration/banyan/gateway/dash/who"
	"github.com/banyan-migration/banyan/shared/fault"
)

// call is one endpoint of the API.
type call struct {
	pattern string
	need    who.Role
	handle  func(w http.ResponseWriter, r *http.Request, p who.Person) error
}

// calls is the whole API but health and metrics; openapi.json describes each, and a test compares them.
func (a *api) calls() []call {
	return []call{
		{"GET /v1/status", who.View, answer(a.status)},
		{"GET /v1/config", who.View, a.configuration},
		{"GET /v1/groups/{group}", who.View, answer(a.group)},
		{"GET /v1/groups/{group}/plan", who.View, answer(a.planned)},
		{"PATCH /v1/groups/{group}", who.Operate, a.once(a.patch)},
		{"POST /v1/groups/{verb}", who.Operate, a.once(a.verb)},
		{"POST /v1/explain", who.View, answer(a.explain)},
		{"POST /v1/validate", who.View, answer(a.validate)},
		{"GET /v1/decisions", who.View, answer(a.decisions)},
		{"GET /v1/decisions/{id}", who.View, answer(a.decision)},
		{"GET /v1/decisions/{id}/why", who.View, answer(a.why)},
		{"GET /v1/diffs", who.View, answer(a.diffs)},
		{"GET /v1/readiness", who.View, answer(a.readinesses)},
		{"GET /v1/replicas", who.View, answer(a.replicas)},
		{"GET /v1/events", who.View, a.events},
		{"POST /v1/outcomes", who.Report, a.once(a.outcomes)},
		{"GET /v1/history", who.View, answer(a.history)},
		{"GET /v1/journal", who.View, a.export},
		{"GET /v1/journal/verify", who.View, answer(a.verify)},
		{"GET /v1/openapi.json", who.View, a.openapi},
	}
}

// answer writes what a function returns.
func answer(f func(*http.Request) (any, error)) func(http.ResponseWriter, *http.Request, who.Person) error {
	return func(w http.ResponseWriter, r *http.Request, _ who.Person) error {
		out, err := f(r)
		if err != nil {
			return err
		}
		tell(w, out)
		return nil
	}
}

func tell(w http.ResponseWriter, out any) {
	if g, ok := out.(interface{ revision() int64 }); ok {
		w.Header().Set("ETag", etag(g.revision()))
	}
	status := http.StatusOK
	if g, ok := out.(Group); ok && g.Pending {
		status = http.StatusAccepted // done here, and not everywhere yet
	}
	write(w, status, out)
}

// maxBody bounds what the API reads: a gateway.yaml to validate is the largest.
const maxBody = 1 << 20

// guard asks who it is and what they may do, and writes the error.
func (a *api) guard(c call) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, session, err := a.who(r)
		if errors.Is(err, who.ErrNobody) || err == nil && session && r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("WWW-Authenticate", "Bearer")
			err = &fault.Error{Kind: fault.Unauthenticated, Text: "the admin API needs a token: Authorization: Bearer TOKEN"}
		} else if err == nil && !p.Role.May(c.need) {
			err = denied(p, c.need, c.pattern)
		}
		if err == nil {
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			err = c.handle(w, r, p)
		}
		if err != nil {
			a.note(r, p, err)
			refuse(w, err)
		}
	})
}

func denied(p who.Person, need who.Role, what string) error {
	return &fault.Error{Kind: fault.Denied, Text: fmt.Sprintf("%s asks for the role %s, and %s has %s; nothing was changed", what, need, p.Name, p.Role)}
}

// note logs what was refused, for whoever looks for a break-in or for the cause of an error of ours.
func (a *api) note(r *http.Request, p who.Person, err error) {
	status, _ := problem(err)
	if status == http.StatusUnauthorized || status == http.StatusForbidden || status >= 500 {
		a.Log.Warn("the admin API refused", "status", status, "method", r.Method, "path", r.URL.Path, "who", p.Name, "from", r.RemoteAddr, "error", err)
	}
}

// who says from whom a request is, and whether a browser's session says so.
func (a *api) who(r *http.Request) (p who.Person, session bool, err error) {
	ways := []who.Identity{a.tokens}
	if a.Identity != nil {
		ways = append(ways, a.Identity)
	}
	for _, way := range ways {
		if p, err = way.Who(r); !errors.Is(err, who.ErrNobody) {
			return p, false, err
		}
	}
	if r.Header.Get("Authorization") != "" {
		return who.Person{}, false, who.ErrNobody
	}
	s, ok := a.session(r)
	if !ok {
		return who.Person{}, false, who.ErrNobody
	}
	return s.Person, true, nil
}

// session is a browser's, with the role that its token has now.
func (a *api) session(r *http.Request) (who.Session, bool) {
	s, ok := a.sessions.Read(r)
	if !ok {
		return s, false
	}
	s.Person, ok = a.tokens.Still(s)
	return s, ok
}

// adminName is what the admin token is called where it names nobody.
const adminName = "admin"

// known are the tokens in force.
func (a *api) known() []who.Token {
	all := []who.Token{{Person: who.Person{Name: adminName, Role: who.Approve, Speaks: true}, SHA256: sha256.Sum256([]byte(a.Token))}}
	for _, t := range a.Config().Admin.Tokens {
		all = append(all, who.Token{Person: who.Person{Name: t.Name, Role: who.Role(t.Role)}, SHA256: t.SHA256})
	}
	return all
}
