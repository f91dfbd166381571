package drupal

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/drupal/php"
	"github.com/banyan-migration/banyan/infra/fakes/drupal/wire"
)

// visit is one request on its way through PHP.
type visit struct {
	*Site
	ctx   context.Context
	q     *wire.Request
	now   time.Time
	base  string // scheme and host
	query *php.Values
	post  *php.Values // nil unless the request is a post with a body that PHP reads
	path  string      // the system path; the front page is "node"
	args  []string    // its parts
	front bool

	session
	messages php.Messages // what the next page drawn tells
	spoke    bool         // this request added to them
	writes   []write      // in one transaction, before the answer
	ids      map[string]int
	trusted  []string
	login    loginForm
}

// visit reads a request as PHP and Drupal's bootstrap do.
func (s *Site) visit(ctx context.Context, q *wire.Request) *visit {
	v := &visit{Site: s, ctx: ctx, q: q, now: s.opt.Now(), base: s.base(q), ids: map[string]int{}}
	v.name, v.domain = s.cookieName(v.base)
	v.sid, v.sent = cookie(q.Header, v.name)
	raw, query, _ := strings.Cut(q.Target, "?")
	v.query = php.ParseQuery(query)
	path := php.Decode(raw)
	if given, ok := v.query.Get("q"); ok {
		path = given
	}
	path = strings.Trim(path, "/")
	if path == "index.php" || path == "cron.php" {
		path = ""
	}
	if source, ok := s.content.sources[strings.ToLower(path)]; ok {
		path = source
	}
	if path == "" {
		path = "node"
	}
	v.path, v.args, v.front = path, strings.Split(path, "/"), path == "node"
	if q.Method == "POST" {
		v.post = readBody(q)
	}
	return v
}

func (s *Site) base(q *wire.Request) string {
	if s.opt.BaseURL != "" {
		return s.opt.BaseURL
	}
	return "http://" + strings.ToLower(q.Host)
}

// random is 32 random bytes as Drupal writes them in tokens and session ids: 43 characters.
func (v *visit) random() string {
	b := make([]byte, 32)
	v.dice.Lock()
	defer v.dice.Unlock()
	if _, err := io.ReadFull(v.opt.Rand, b); err != nil {
		panic("drupal: the source of random bytes failed: " + err.Error()) // a site without tokens is no site
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func (v *visit) buildID() string { return "form-" + v.random() }

// token is drupal_get_token: it holds for one session.
func (v *visit) token(value string) string {
	mac := hmac.New(sha256.New, []byte(v.sid+v.content.key))
	mac.Write([]byte(value))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// formToken stands in the forms of signed-in visitors alone (D-6).
func (v *visit) formToken(form string) string {
	if v.user.uid == 0 {
		return ""
	}
	return v.token(form)
}

// id is drupal_html_id: what stood on the page before gets a number.
func (v *visit) id(name string) string {
	v.ids[name]++
	if n := v.ids[name]; n > 1 {
		return name + "--" + strconv.Itoa(n)
	}
	return name
}

func (v *visit) trust(action string) {
	if !slices.Contains(v.trusted, action) {
		v.trusted = append(v.trusted, action)
	}
}

// say is drupal_set_message: it also keeps the page out of the cache.
func (v *visit) say(kind, line string) {
	if v.messages == nil {
		v.messages = php.Messages{}
	}
	v.spoke = true
	v.messages[kind] = append(v.messages[kind], line)
}

// destination is drupal_get_destination: the way back to this page.
func (v *visit) destination() string {
	if d, ok := v.query.Get("destination"); ok {
		return d
	}
	if rest := v.query.Build("q"); rest != "" {
		return v.path + "?" + rest
	}
	return v.path
}

// remote is the visitor's address: a proxy's word for it counts only if the proxy is known (D-13).
func (v *visit) remote() string {
	if slices.Contains(v.opt.Proxies, v.q.Remote) {
		hops := strings.Split(v.q.Header.Get("X-Forwarded-For"), ",")
		for _, hop := range slices.Backward(hops) {
			if hop = strings.TrimSpace(hop); hop != "" && !slices.Contains(v.opt.Proxies, hop) {
				return hop
			}
		}
	}
	return v.q.Remote
}

// class is the body's: what the path is made of, numbers as wildcards too.
func (v *visit) class(sidebar bool, more ...string) string {
	class := "html not-front"
	if v.front {
		class = "html front"
	}
	if v.user.uid > 0 {
		class += " logged-in"
	} else {
		class += " not-logged-in"
	}
	if sidebar {
		class += " one-sidebar sidebar-first"
	} else {
		class += " no-sidebars"
	}
	prefix := "page"
	for _, arg := range v.args {
		part := prefix + "-" + className(arg)
		if _, err := strconv.ParseFloat(arg, 64); err == nil {
			class += fmt.Sprintf(" %s- %s", prefix, part)
			continue
		}
		class += " " + part
		prefix = part
	}
	return strings.Join(append([]string{class}, more...), " ")
}

// className is drupal_html_class.
func className(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ', r == '_', r == '[':
			return '-'
		case r == '-', r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 0xa1 && r <= 0xffff:
			return r
		}
		return -1
	}, strings.ToLower(s))
}
