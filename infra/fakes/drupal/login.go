package drupal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/drupal/theme"
)

// loginForm is what a refused login shows again.
type loginForm struct {
	name             string
	nameErr, passErr bool
}

const (
	forgotten = `Sorry, unrecognized username or password. <a href="/user/password">Have you forgotten your password?</a>`
	tooMany   = `Sorry, there have been more than 5 failed login attempts for this account. It is temporarily blocked. Try again later or <a href="/user/password">request a new password</a>.`
	tooManyIP = `Sorry, too many failed login attempts from your IP address. This IP address is temporarily blocked. Try again later or <a href="/user/password">request a new password</a>.`
)

func (v *visit) drawLogin(template, action string) string {
	return theme.Draw(template, map[string]any{"Action": action, "Site": v.content.name, "Name": v.login.name,
		"NameError": v.login.nameErr, "PassError": v.login.passErr, "BuildID": v.buildID(),
		"Actions": v.id("edit-actions"), "Submit": v.id("edit-submit")})
}

// account is everything below /user.
func (v *visit) account() (*page, error) {
	below := ""
	if len(v.args) > 1 {
		below = v.args[1]
	}
	in := v.user.uid > 0
	switch {
	case below == "logout" && in:
		return &page{location: v.absolute("/"), cookie: v.drop()}, nil
	case below == "login" && in:
		return &page{location: v.absolute("/user/" + strconv.FormatInt(v.user.uid, 10))}, nil
	case below == "login", below == "" && !in:
		return v.loginPage()
	case below == "" && in:
		v.path = "user/" + strconv.FormatInt(v.user.uid, 10)
		v.args = strings.Split(v.path, "/")
		return v.profile(), nil
	case in && below == strconv.FormatInt(v.user.uid, 10):
		return v.profile(), nil
	case below == "logout", isNumber(below):
		return v.denied(), nil
	}
	return v.missing(), nil
}

func (v *visit) loginPage() (*page, error) {
	if v.post.Value("form_id") == "user_login" {
		if p, err := v.tryLogin(); p != nil || err != nil {
			return p, err
		}
	}
	v.trust(v.q.Target)
	return v.draw(drawing{title: "User account", content: v.drawLogin("login", v.q.Target), tabs: []theme.Link{
		{Path: "/user/register", Title: "Create new account"}, {Path: "/user", Title: "Log in", Active: true},
		{Path: "/user/password", Title: "Request new password"}}}), nil
}

// blockLogin takes the login block's post, which any page gets. It is nil where there was none, or it was refused.
func (v *visit) blockLogin() (*page, error) {
	if v.user.uid > 0 || v.post.Value("form_id") != "user_login_block" {
		return nil, nil
	}
	return v.tryLogin()
}

// tryLogin signs the visitor in and says where to go; nil: the page says why not.
func (v *visit) tryLogin() (*page, error) {
	name, pass := strings.TrimSpace(v.post.Value("name")), v.post.Value("pass")
	v.login.name = v.post.Value("name")
	if name == "" {
		v.login.nameErr = true
		v.say("error", "Username field is required.")
	}
	if pass == "" {
		v.login.passErr = true
		v.say("error", "Password field is required.")
	}
	if name == "" || pass == "" {
		return nil, nil
	}
	who, refused, err := v.authenticate(v.ctx, name, pass)
	if err != nil {
		return nil, fmt.Errorf("login: %w", err)
	}
	if refused != "" {
		v.login.nameErr = true
		v.say("error", refused)
		return nil, nil
	}
	old := v.sid
	v.user, v.sid, v.messages = who, v.random(), nil
	v.later(`DELETE FROM sessions WHERE sid = ?`, stored(old))
	v.later(`UPDATE users SET login = ? WHERE uid = ?`, v.now.Unix(), who.uid)
	v.later(`DELETE FROM flood WHERE event = 'failed_login_attempt_user' AND identifier = ?`, v.floodID(who.uid))
	v.saveSession("")
	goal := "/user/" + strconv.FormatInt(who.uid, 10)
	if d, ok := v.query.Get("destination"); ok && !strings.Contains(d, ":") {
		path, query, more := strings.Cut(d, "?")
		if goal = v.content.path(strings.Trim(path, "/")); more {
			goal += "?" + query
		}
	}
	return &page{location: v.absolute(goal), cookie: v.setCookie()}, nil
}

func (v *visit) floodID(uid int64) string { return strconv.FormatInt(uid, 10) + "-" + v.remote() }

// authenticate checks a password behind Drupal's flood control: five failures of one account from one address in six
// hours, fifty of an address in one.
func (v *visit) authenticate(ctx context.Context, name, pass string) (who user, refused string, err error) {
	if many, err := v.flooded(ctx, "failed_login_attempt_ip", v.remote(), 50, time.Hour); many || err != nil {
		return user{}, tooManyIP, err
	}
	var hash string
	err = v.opt.DB.QueryRowContext(ctx, `SELECT uid, name, created, access, pass FROM users WHERE name = ? COLLATE NOCASE AND uid > 0 AND status = 1`, name).
		Scan(&who.uid, &who.name, &who.created, &who.access, &hash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return user{}, "", err
	}
	if who.uid > 0 {
		if many, err := v.flooded(ctx, "failed_login_attempt_user", v.floodID(who.uid), 5, 6*time.Hour); many || err != nil {
			return user{}, tooMany, err
		}
	}
	if who.uid > 0 && checkPassword(pass, hash) {
		return who, "", nil
	}
	v.failed("failed_login_attempt_ip", v.remote(), time.Hour)
	if who.uid > 0 {
		v.failed("failed_login_attempt_user", v.floodID(who.uid), 6*time.Hour)
	}
	return user{}, forgotten, nil
}

func (v *visit) flooded(ctx context.Context, event, id string, limit int, window time.Duration) (bool, error) {
	var n int
	err := v.opt.DB.QueryRowContext(ctx, `SELECT count(*) FROM flood WHERE event = ? AND identifier = ? AND timestamp > ?`,
		event, id, v.now.Add(-window).Unix()).Scan(&n)
	return n >= limit, err
}

func (v *visit) failed(event, id string, window time.Duration) {
	v.later(`INSERT INTO flood (event, identifier, timestamp, expiration) VALUES (?, ?, ?, ?)`,
		event, id, v.now.Unix(), v.now.Add(window).Unix())
}

// profile is the visitor's own account.
func (v *visit) profile() *page {
	own := "/user/" + strconv.FormatInt(v.user.uid, 10)
	return v.draw(drawing{title: v.user.name, content: theme.Draw("account", map[string]any{"UID": v.user.uid,
		"Age": interval(v.now.Sub(time.Unix(v.user.created, 0)))}),
		meta: []string{`<meta about="` + own + `#me" typeof="foaf:Person" rel="foaf:account" resource="` + own + `" />`,
			`<meta about="` + own + `" property="foaf:name" content="` + plain(v.user.name) + `" />`},
		tabs: []theme.Link{{Path: own, Title: "View", Active: true}, {Path: own + "/edit", Title: "Edit"},
			{Path: own + "/shortcuts", Title: "Shortcuts"}, {Path: own + "/contact", Title: "Contact"}}})
}

// interval is format_interval: the two largest units.
func interval(d time.Duration) string {
	left, parts := int64(d/time.Second), 0
	var said []string
	for _, u := range []struct {
		one, many string
		seconds   int64
	}{{"year", "years", 31536000}, {"month", "months", 2592000}, {"week", "weeks", 604800}, {"day", "days", 86400},
		{"hour", "hours", 3600}, {"min", "min", 60}, {"sec", "sec", 1}} {
		n := left / u.seconds
		if n > 0 && parts < 2 {
			word := u.many
			if n == 1 {
				word = u.one
			}
			said = append(said, fmt.Sprintf("%d %s", n, word))
			left -= n * u.seconds
			parts++
		}
	}
	if len(said) == 0 {
		return "0 sec"
	}
	return strings.Join(said, " ")
}
