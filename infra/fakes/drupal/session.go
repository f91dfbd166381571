package drupal

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/drupal/php"
)

// session is who makes a request.
type session struct {
	name   string // the cookie's
	domain string // the cookie's, "" for none
	sent   bool   // the request had the cookie
	stored bool   // and the session was found
	sid    string // what it said, or a new one
	kept   string // what the table holds of it
	user   user   // uid 0 is nobody
}

type user struct {
	uid     int64
	name    string
	created int64
	access  int64
}

// write is one change to the database, made in the transaction that goes before the answer.
type write func(context.Context, *sql.Tx) error

// cookieName is D-1: SESS and 32 hexadecimal digits of the SHA-256 of the cookie's domain, which without a configured
// one is the host and port themselves.
func (s *Site) cookieName(base string) (name, domain string) {
	domain = s.opt.CookieDomain
	seed := domain
	if domain == "" {
		_, seed, _ = strings.Cut(base, "://")
		host, _, err := net.SplitHostPort(seed)
		if err != nil {
			host = seed
		}
		domain = "." + strings.TrimPrefix(host, "www.")
		if net.ParseIP(strings.Trim(host, "[]")) != nil || strings.Count(domain, ".") < 2 {
			domain = "" // a name needs two dots, RFC 2109 says
		}
	}
	sum := sha256.Sum256([]byte(seed))
	return "SESS" + hex.EncodeToString(sum[:16]), domain
}

// cookie is a cookie's value in a request.
func cookie(h http.Header, name string) (string, bool) {
	for _, line := range h["Cookie"] {
		for part := range strings.SplitSeq(line, ";") {
			if value, ok := strings.CutPrefix(strings.TrimSpace(part), name+"="); ok && value != "" {
				return php.Decode(value), true
			}
		}
	}
	return "", false
}

// begin finds the visitor's session. An id that nobody knows is taken over, as Drupal does.
func (v *visit) begin() error {
	if !v.sent {
		v.sid = v.random()
		return nil
	}
	var data []byte
	err := v.opt.DB.QueryRowContext(v.ctx, `SELECT u.uid, u.name, u.created, u.access, coalesce(s.session, '') FROM sessions s
		JOIN users u ON u.uid = s.uid WHERE s.sid = ? AND (u.uid = 0 OR u.status = 1)`, stored(v.sid)).
		Scan(&v.user.uid, &v.user.name, &v.user.created, &v.user.access, &data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	v.stored = true
	v.kept = string(data)
	if v.messages, err = php.DecodeSession(v.kept); err != nil {
		v.opt.Log.Warn("drupal: a session cannot be read and is taken for empty", "err", err)
	}
	if v.user.uid > 0 && v.now.Unix()-v.user.access > 180 {
		v.later(`UPDATE users SET access = ? WHERE uid = ?`, v.now.Unix(), v.user.uid)
	}
	return nil
}

// stored is how a session's id stands in the table: hashed, so that who reads the table cannot use it.
func stored(sid string) string {
	sum := sha256.Sum256([]byte(sid))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (v *visit) later(query string, args ...any) {
	v.writes = append(v.writes, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	})
}

// keep ends the request's session and returns the Set-Cookie line, "" for none. Nobody's session that says nothing is
// deleted (D-10: the page after a donation deletes it), one that says something begins (D-10: so does the feed).
func (v *visit) keep() string {
	data := php.EncodeSession(v.messages)
	switch {
	case v.user.uid == 0 && data == "" && v.sent:
		return v.drop()
	case v.user.uid == 0 && data == "":
		return ""
	case v.stored && data == v.kept:
		return ""
	}
	v.saveSession(data)
	if v.sent {
		return ""
	}
	return v.setCookie()
}

func (v *visit) saveSession(data string) {
	v.later(`INSERT INTO sessions (uid, sid, ssid, hostname, timestamp, cache, session) VALUES (?, ?, '', ?, ?, 0, ?)
		ON CONFLICT (sid, ssid) DO UPDATE SET uid = excluded.uid, timestamp = excluded.timestamp, session = excluded.session`,
		v.user.uid, stored(v.sid), v.remote(), v.now.Unix(), []byte(data))
}

func (v *visit) drop() string {
	if v.stored {
		v.later(`DELETE FROM sessions WHERE sid = ?`, stored(v.sid))
	}
	return v.name + "=deleted; expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0" + v.attributes()
}

const cookieLife = 2000000 * time.Second

func (v *visit) setCookie() string {
	return v.name + "=" + v.sid + "; expires=" + v.now.Add(cookieLife).UTC().Format(http.TimeFormat) + "; Max-Age=2000000" + v.attributes()
}

func (v *visit) attributes() string {
	if v.domain == "" {
		return "; path=/; HttpOnly"
	}
	return "; path=/; domain=" + v.domain + "; HttpOnly"
}
