package who_test

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/dash/who"
)

var noon = time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC)

func TestRolesBuildOnEachOther(t *testing.T) {
	t.Parallel()
	for role, want := range map[who.Role]string{who.View: "view", who.Operate: "view operate", who.Approve: "view operate approve report", who.Report: "report", "": "", "root": ""} {
		var may []string
		for _, need := range []who.Role{who.View, who.Operate, who.Approve, who.Report} {
			if role.May(need) {
				may = append(may, string(need))
			}
		}
		if got := strings.Join(may, " "); got != want {
			t.Errorf("%q may %q, want %q", role, got, want)
		}
	}
}

// A token that has left the configuration opens nothing any more, and a changed role holds at once.
func TestTokensAreAskedEachTime(t *testing.T) {
	t.Parallel()
	ada := who.Token{Person: who.Person{Name: "ada", Role: who.Approve}, SHA256: sha256.Sum256([]byte("a token"))}
	known := []who.Token{ada}
	tokens := who.Tokens{Known: func() []who.Token { return known }}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer a token")
	p, err := tokens.Who(r)
	if err != nil || p != ada.Person {
		t.Fatalf("%+v %v", p, err)
	}
	session := who.NewSessions(func() time.Time { return noon }).Begin(ada)
	known[0].Role = who.View
	if now, ok := tokens.Still(session); !ok || now.Role != who.View {
		t.Errorf("%+v %v", now, ok)
	}
	known[0].SHA256 = sha256.Sum256([]byte("what was put in the place of a token that leaked"))
	if _, ok := tokens.Still(session); ok {
		t.Error("a session goes on with a token that was replaced")
	}
	known = nil
	if _, err := tokens.Who(r); !errors.Is(err, who.ErrNobody) {
		t.Error("a token that is gone still opens")
	}
	if _, ok := tokens.Still(session); ok {
		t.Error("and its session goes on")
	}
}

// Whatever stands in the cookie: a session is read only as it was written, by the sessions that wrote it.
func FuzzSession(f *testing.F) {
	sessions := who.NewSessions(func() time.Time { return noon })
	w := httptest.NewRecorder()
	made := sessions.Begin(who.Token{Person: who.Person{Name: "ada", Role: who.Approve}})
	sessions.Write(w, httptest.NewRequest("GET", "/", nil), made)
	value := w.Result().Cookies()[0].Value
	f.Add(value)
	f.Add(value[:len(value)-1])
	f.Add("." + value)
	f.Add("")
	f.Fuzz(func(t *testing.T, cookie string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(&http.Cookie{Name: who.CookieName, Value: cookie})
		s, ok := sessions.Read(r)
		if ok && (cookie != value || s.Name != "ada" || !s.Until.Equal(made.Until)) {
			t.Errorf("%q is a session: %+v", cookie, s)
		}
		if _, other := who.NewSessions(func() time.Time { return noon }).Read(r); other {
			t.Errorf("%q is a session of another process", cookie)
		}
	})
}
