package who

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// How long a session lasts without use, and with it. Whoever watches a night does not want to type a token in its middle.
const (
	Idle    = time.Hour
	Longest = 12 * time.Hour
)

// CookieName is the session's cookie.
const CookieName = "banyan_session"

// Session is a browser's: a signed note of who typed a token, and when.
type Session struct {
	Person
	Token []byte // the beginning of the hash of the token, with which the session ends, whoever has its name then; nil: of no token
	Began time.Time
	Until time.Time
	Nonce string
}

// Sessions makes and reads sessions. Its key is made anew with it: a restart asks everybody for their token again. It is safe for
// concurrent use.
type Sessions struct {
	key []byte
	now func() time.Time
}

// NewSessions makes a key.
func NewSessions(now func() time.Time) *Sessions {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails: the program ends instead
	return &Sessions{key, now}
}

func (s *Sessions) mac(of, text string) string {
	m := hmac.New(sha256.New, s.key)
	m.Write([]byte(of + "\x00" + text))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// Begin is a new session of whoever has typed a token.
func (s *Sessions) Begin(t Token) Session {
	now := s.now()
	return Session{Person: t.Person, Token: t.mark(), Began: now, Until: now.Add(Idle), Nonce: rand.Text()}
}

// Of is the session of somebody whom each request names anew, as a proxy that knows people does: it has no cookie, and its forms are
// bound to the person.
func (s *Sessions) Of(p Person) Session {
	now := s.now()
	return Session{Person: p, Began: now, Until: now.Add(Idle), Nonce: "of " + p.Name}
}

// Read finds the session of a request; false where it has none that holds.
func (s *Sessions) Read(r *http.Request) (Session, bool) {
	var found Session
	c, err := r.Cookie(CookieName)
	if err != nil {
		return found, false
	}
	text, mac, ok := strings.Cut(c.Value, ".")
	if !ok || !hmac.Equal([]byte(mac), []byte(s.mac("session", text))) {
		return found, false
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(raw, &found) != nil || !s.now().Before(found.Until) {
		return Session{}, false
	}
	return found, true
}

// Renew lengthens a session that is used in the second half of its hour; false where there is nothing to lengthen.
func (s *Sessions) Renew(of Session) (Session, bool) {
	now := s.now()
	longest := of.Began.Add(Longest)
	if of.Until.Sub(now) > Idle/2 || !of.Until.Before(longest) {
		return of, false
	}
	if of.Until = now.Add(Idle); of.Until.After(longest) {
		of.Until = longest
	}
	return of, true
}

// Write sets the cookie.
func (s *Sessions) Write(w http.ResponseWriter, r *http.Request, of Session) {
	raw, err := json.Marshal(of)
	if err != nil {
		panic(err) // strings and times of our own
	}
	text := base64.RawURLEncoding.EncodeToString(raw)
	http.SetCookie(w, cookie(r, text+"."+s.mac("session", text), int(of.Until.Sub(s.now()).Seconds())))
}

// End takes the cookie away.
func (s *Sessions) End(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, cookie(r, "", -1))
}

// cookie lasts for so many seconds, by the browser's own clock.
func cookie(r *http.Request, value string, seconds int) *http.Cookie {
	secure := r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
	return &http.Cookie{Name: CookieName, Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode}
}

// CSRF is the word that every form of a session carries.
func (s *Sessions) CSRF(of Session) string { return s.mac("csrf", of.Nonce) }

// Carries says whether a form carries its session's word.
func (s *Sessions) Carries(of Session, word string) bool {
	return hmac.Equal([]byte(word), []byte(s.CSRF(of)))
}
