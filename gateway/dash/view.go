package dash

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/banyan-migration/banyan/gateway/dash/who"
)

// view is what a page is made from. Each page fills Body with its own.
type view struct {
	who.Person
	session who.Session
	Page    string // the template
	Title   string
	Path    string // of the page in the navigation
	CSRF    string
	Now     time.Time
	Zone    *time.Location
	Stale   bool
	Killed  []string // groups that the kill switch holds
	Site    string
	Gateway string
	Body    any

	Problem string   // what was wrong with what was asked for
	Done    string   // what was done
	Despite []string // what it went on in spite of
	Typed   string   // the reason, kept when a form comes back
	Verb    string   // whose form comes back
	Next    string
}

func (a *api) blank(r *http.Request, s who.Session) *view {
	c, plan := a.Config(), a.Plan.Now()
	v := &view{Person: s.Person, session: s, Path: "/" + strings.Split(r.URL.Path, "/")[1], Now: a.Now(), Zone: a.zone(), Stale: plan.Stale, Gateway: c.GatewayID}
	if s.Nonce != "" {
		v.CSRF = a.sessions.CSRF(s)
	}
	if len(c.Hosts) > 0 && c.Hosts[0] != "*" {
		v.Site = c.Hosts[0]
	}
	for _, g := range c.Groups {
		if plan.Group(g.Name).Killed {
			v.Killed = append(v.Killed, g.Name)
		}
	}
	return v
}

// zone is in which times are shown: the calendar's, else UTC.
func (a *api) zone() *time.Location {
	if c := a.Config().Calendar; c != nil && c.Zone != nil {
		return c.Zone
	}
	return time.UTC
}

// pages are the templates, one a page, each with the layout.
type pages struct{ all map[string]*template.Template }

var pageNames = []string{"overview", "map", "group", "journal", "decision", "routes", "replicas", "login", "problem"}

func parsePages() *pages {
	p := &pages{all: map[string]*template.Template{}}
	base := template.Must(template.New("layout.html").Funcs(words).ParseFS(files, "page/layout.html", "page/parts.html"))
	for _, name := range pageNames {
		p.all[name] = template.Must(template.Must(base.Clone()).ParseFS(files, "page/"+name+".html"))
	}
	return p
}

// show writes a page whole, or none of it.
func (a *api) show(w http.ResponseWriter, status int, v *view) {
	var b bytes.Buffer
	if err := a.pages.all[v.Page].Execute(&b, v); err != nil {
		a.Log.Error("a page cannot be made", "page", v.Page, "error", err)
		http.Error(w, "this page cannot be made; the gateway's log says why, and nothing was changed", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // a client that has left is no error of ours
}

// words are what templates say things with.
var words = template.FuncMap{
	"percent":  percent,
	"verdict":  verdictOf,
	"ready":    readyOf,
	"stamp":    stamp,
	"clock":    func(v *view, t time.Time) template.HTML { return timeTag(t, t.In(v.Zone).Format("15:04:05")) },
	"day":      func(v *view, t time.Time) template.HTML { return timeTag(t, t.In(v.Zone).Format("2 Jan 2006")) },
	"ago":      ago,
	"lasting":  Lasting,
	"n":        Thousands,
	"add":      func(a, b int) int { return a + b },
	"evidence": Evidence,
	"links":    links,
	"said":     said,
}

// percent writes basis points as people say them.
func percent(weight int) string {
	return share(weight) + "\u00a0%" // which does not begin a line
}

// share is basis points as a number of percents.
func share(weight int) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%02d", weight/100, weight%100), "0"), ".")
}

func timeTag(t time.Time, text string) template.HTML {
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s</time>`, t.UTC().Format(time.RFC3339), template.HTMLEscapeString(text)))
}

func stamp(v *view, t time.Time) template.HTML {
	if t.IsZero() {
		return "never"
	}
	return timeTag(t, t.In(v.Zone).Format("2 Jan 2006, 15:04:05"))
}

// ago is how long before now a time was.
func ago(v *view, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	if v.Now.Sub(t) < time.Second {
		return "just now"
	}
	return Lasting(v.Now.Sub(t)) + " ago"
}

// Lasting writes a duration by its largest unit that matters.
func Lasting(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d >= time.Second || d <= 0:
		return fmt.Sprintf("%d s", max(0, int(d.Seconds())))
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

// said makes a sentence of what the judge or a meter says.
func said(s string) string {
	if s == "" {
		return s
	}
	first, size := utf8.DecodeRuneInString(s)
	if s = string(unicode.ToUpper(first)) + s[size:]; !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}

// Thousands writes 12400 as 12,400.
func Thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// sign is a state as a symbol, a class for its colour, and a word.
type sign struct{ Symbol, Class, Word string }

func verdictOf(kind string) sign {
	switch kind {
	case "PROMOTE_OK":
		return sign{"▲", "good", "may be raised"}
	case "ROLLBACK":
		return sign{"▼", "bad", "roll back"}
	case "FREEZE":
		return sign{"■", "bad", "frozen"}
	}
	return sign{"●", "calm", "hold"}
}

func readyOf(state string) sign {
	switch state {
	case "green":
		return sign{"✓", "good", "green"}
	case "amber":
		return sign{"!", "warn", "amber"}
	}
	return sign{"✗", "bad", "red"}
}

// Evidence writes how much likelier a harm is than none.
func Evidence(e float64) string {
	switch {
	case e >= 1e12:
		return "over 10¹²"
	case e >= 1000:
		return Thousands(int64(e))
	}
	return fmt.Sprintf("%.3g", e)
}
