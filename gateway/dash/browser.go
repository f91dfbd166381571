package dash

import (
	"embed"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/banyan-migration/banyan/gateway/dash/who"
	"github.com/banyan-migration/banyan/shared/fault"
)

//go:embed page
var files embed.FS

// browser adds the dashboard's pages. Reading needs no JavaScript.
func (a *api) browser(mux *http.ServeMux) {
	for _, name := range []string{"style.css", "live.js", "icon.svg"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "max-age=300")
			http.ServeFileFS(w, r, files, "page/"+name)
		})
	}
	mux.HandleFunc("GET /login", a.loginPage)
	mux.HandleFunc("POST /login", a.login)
	mux.HandleFunc("POST /logout", a.logout)
	for pattern, page := range map[string]func(*http.Request, *view) error{
		"GET /{$}":            a.overview,
		"GET /map":            a.mapPage,
		"GET /groups/{group}": a.groupPage,
		"GET /journal":        a.journalPage,
		"GET /decisions/{id}": a.decisionPage,
		"GET /routes":         a.routesPage,
		"GET /replicas":       a.replicasPage,
	} {
		mux.HandleFunc(pattern, a.page(page))
	}
	mux.HandleFunc("POST /groups/{group}/{verb}", a.act)
	mux.HandleFunc("GET /journal.jsonl", func(w http.ResponseWriter, r *http.Request) {
		if v, ok := a.enter(w, r); ok {
			if err := a.export(w, r, v.Person); err != nil {
				a.fail(w, r, v, err)
			}
		}
	})
}

// page makes a page's handler: who it is for, and what it says where it cannot be made.
func (a *api) page(fill func(*http.Request, *view) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, ok := a.enter(w, r)
		if !ok {
			return
		}
		if err := fill(r, v); err != nil {
			a.fail(w, r, v, err)
			return
		}
		a.show(w, http.StatusOK, v)
	}
}

// enter finds the session of a page's request and lengthens it; without one it sends to the login page.
func (a *api) enter(w http.ResponseWriter, r *http.Request) (*view, bool) {
	s, ok := a.session(r)
	if !ok {
		if p, _, err := a.who(r); err == nil { // by a header: a program that reads pages, or a proxy that knows people
			s, ok = a.sessions.Of(p), true
		}
	} else if longer, changed := a.sessions.Renew(s); changed {
		s = longer
		a.sessions.Write(w, r, s)
	}
	if !ok {
		to := "/login"
		if r.Method == http.MethodGet && r.URL.Path != "/" {
			to += "?next=" + url.QueryEscape(r.URL.RequestURI())
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
		return nil, false
	}
	v := a.blank(r, s)
	if !s.Role.May(who.View) {
		a.fail(w, r, v, denied(s.Person, who.View, "the dashboard"))
		return nil, false
	}
	return v, true
}

// fail is a page that says what was wrong.
func (a *api) fail(w http.ResponseWriter, r *http.Request, v *view, err error) {
	a.note(r, v.Person, err)
	status, p := problem(err)
	v.Page, v.Title, v.Problem = "problem", http.StatusText(status), p.Error
	a.show(w, status, v)
}

// next is where a login leads: a path of ours, nothing else.
func next(r *http.Request) string {
	to := r.FormValue("next")
	u, err := url.Parse(to)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n") {
		return "/"
	}
	return to
}

func (a *api) loginPage(w http.ResponseWriter, r *http.Request) {
	v := a.blank(r, who.Session{})
	v.Page, v.Title, v.Next = "login", "Sign in", next(r)
	a.show(w, http.StatusOK, v)
}

// crossOrigin refuses what another site's page makes a browser send.
var crossOrigin = http.NewCrossOriginProtection()

// sameOrigin says whether a form was sent from a page of ours.
func sameOrigin(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := crossOrigin.Check(r); err != nil {
		return &fault.Error{Kind: fault.Denied, Text: "the form was sent from another site's page; nothing was changed", Err: err}
	}
	if err := r.ParseForm(); err != nil {
		return &fault.Error{Kind: fault.Invalid, Text: "the form cannot be read; nothing was changed", Err: err}
	}
	return nil
}

func (a *api) login(w http.ResponseWriter, r *http.Request) {
	v := a.blank(r, who.Session{})
	v.Page, v.Title = "login", "Sign in"
	if err := sameOrigin(w, r); err != nil {
		a.fail(w, r, v, err)
		return
	}
	t, err := a.tokens.Of(strings.TrimSpace(r.PostFormValue("token")))
	if err != nil || !t.Role.May(who.View) {
		a.note(r, t.Person, &fault.Error{Kind: fault.Unauthenticated, Text: "a login with a token that opens nothing here"})
		v.Next, v.Problem = next(r), "This token does not open the dashboard: it is not known, or its role is report."
		a.show(w, http.StatusUnauthorized, v)
		return
	}
	a.sessions.Write(w, r, a.sessions.Begin(t))
	http.Redirect(w, r, next(r), http.StatusSeeOther)
}

func (a *api) logout(w http.ResponseWriter, r *http.Request) {
	s, ok := a.session(r)
	if err := sameOrigin(w, r); err != nil || ok && !a.sessions.Carries(s, r.PostFormValue("csrf")) {
		a.fail(w, r, a.blank(r, s), errors.Join(errForm, err))
		return
	}
	a.sessions.End(w, r)
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// errForm is for a form without its session's word: an old page, or somebody else's.
var errForm = &fault.Error{Kind: fault.Denied, Text: "the form is not of your session: open the page again; nothing was changed"}

// act is a button: POST /groups/{group}/{verb}. It does what the API's verb does, by the same code.
func (a *api) act(w http.ResponseWriter, r *http.Request) {
	v, ok := a.enter(w, r)
	if !ok {
		return
	}
	err := sameOrigin(w, r)
	if err == nil && !a.sessions.Carries(v.session, r.PostFormValue("csrf")) {
		err = errForm
	}
	if err == nil {
		err = a.press(r, v)
	}
	if err == nil {
		http.Redirect(w, r, fmt.Sprintf("/groups/%s?done=%s", url.PathEscape(r.PathValue("group")), url.QueryEscape(r.PathValue("verb"))), http.StatusSeeOther)
		return
	}
	a.note(r, v.Person, err)
	status, p := problem(err)
	if filled := a.groupPage(r, v); filled != nil {
		a.fail(w, r, v, err)
		return
	}
	v.Problem, v.Typed, v.Verb = p.Error, r.PostFormValue("reason"), r.PathValue("verb")
	a.show(w, status, v)
}

// press does what a button says.
func (a *api) press(r *http.Request, v *view) error {
	g, err := a.find(r.PathValue("group"))
	if err != nil {
		return err
	}
	if r.PostFormValue("sure") != "yes" {
		return fault.Wrong("sure", "tick that you have read what will happen; nothing was changed")
	}
	c, revision, err := typed(r)
	if err != nil {
		return err
	}
	if upto, err := strconv.Atoi(r.PostFormValue("upto")); err == nil {
		for _, s := range g.Policy.Steps {
			if s.Weight <= upto {
				c.Steps = append(c.Steps, step{s.Weight, s.Dwell.String(), s.Sample})
			}
		}
	}
	_, err = a.do(r.Context(), wish{Person: v.Person, group: g, verb: r.PathValue("verb"), change: c, revision: revision})
	return err
}
