package config

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/gateway/route"
	"github.com/banyan-migration/banyan/gateway/split"
)

// builder fills a Config in the order of the file; what needs all of it is left to finish.
type builder struct {
	*Config
	*reader
	deny  []string
	lines map[string]int // of the top level's keys
	demos []node         // that name the policy demo

	unnamed bool // a host is in a variable that is not set where the file is only checked
}

func (b *builder) top(root node) {
	keys := map[string]func(node){
		"listen":     func(n node) { b.Listen = n.address() },
		"admin":      b.admin,
		"gateway_id": func(n node) { b.GatewayID = n.name() },
		"hosts":      b.hosts,
		"default_host": func(n node) {
			if h, known := n.scalar(); known {
				b.DefaultHost = strings.ToLower(h)
			}
		},
		"trusted":        b.trusted,
		"store":          b.store,
		"keys":           b.keys,
		"log":            b.log,
		"limits":         b.limits,
		"timeouts":       b.timeouts,
		"health":         func(n node) { b.Health = n.exactPath() },
		"deny":           b.denied,
		"data":           b.data,
		"backends":       b.backends,
		"default":        func(n node) { b.Default = n.text() },
		"groups":         b.groups,
		"tls":            b.tls,
		"via":            func(n node) { b.Via = n.flag() },
		"strip":          b.strip,
		"strict_framing": func(n node) { b.StrictFraming = n.flag() },
		"origins":        b.origins,
		"kill":           func(n node) { b.Kill = n.text() },
		"calendar":       b.calendar,
		"notify":         b.notify,
	}
	for name, read := range keys {
		keys[name] = func(n node) { b.lines[name] = n.line(); read(n) }
	}
	root.fields(keys)
}

func (b *builder) admin(n node) {
	n.fields(map[string]func(node){
		"listen": func(n node) { b.Admin.Listen = n.address() },
		"token":  func(n node) { b.Admin.Token = n.text() },
		"tokens": b.tokens,
		"oidc":   b.oidc,
	})
	switch {
	case b.Admin.Listen == "":
		n.wrong("listen is missing: the admin API has its own address, such as 127.0.0.1:8081")
	case b.Admin.Token == "" && len(b.Admin.Tokens) == 0 && !Loopback(b.Admin.Listen):
		n.wrong("token is missing: only an address of this machine alone, such as 127.0.0.1:8081, may do without")
	}
}

// Loopback says whether an address is reached from this machine alone.
func Loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip, parsed := netip.ParseAddr(host)
	return err == nil && (host == "localhost" || parsed == nil && ip.IsLoopback())
}

func (b *builder) hosts(n node) {
	for _, item := range n.items() {
		s, known := item.scalar()
		if !known {
			b.unnamed = b.check
			continue
		}
		h := strings.ToLower(s)
		if h != "*" {
			item.must(route.CheckHost(h))
		}
		if slices.Contains(b.Hosts, h) {
			item.wrong("%s stands twice: once is right", h)
			continue
		}
		b.Hosts = append(b.Hosts, h)
	}
}

func (b *builder) trusted(n node) {
	n.texts(func(item node, s string) {
		p, err := netip.ParsePrefix(s)
		if ip, one := netip.ParseAddr(s); err != nil && one == nil {
			p, err = ip.Prefix(ip.BitLen())
		}
		if err != nil {
			item.wrong("%q is not a network: write 10.0.0.0/8, or one address", s)
			return
		}
		b.Trusted = append(b.Trusted, p.Masked())
	})
}

func (b *builder) store(n node) {
	s, known := n.scalar()
	b.Store = s
	if !known {
		return
	}
	kind, name, _ := strings.Cut(s, ":")
	switch {
	case kind == "sqlite" && name != "":
	case kind != "dynamodb" || name == "":
		n.wrong("%q is no store of a plan: write sqlite:FILE for one gateway, or dynamodb:PREFIX for several over the table PREFIX-plan", s)
	case !prefix.MatchString(name):
		n.wrong("%q: a prefix of tables is letters, digits, dot, hyphen and underscore, at most 200", s)
	}
}

// prefix is what DynamoDB takes before the names of our tables.
var prefix = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,200}$`)

func (b *builder) keys(n node) {
	for _, p := range n.pairs() {
		if !split.Name(p.key) {
			p.value.wrong("%q is not a key's id: letters, digits and '-'", p.key)
		}
		value, known := p.value.scalar()
		value = strings.TrimSpace(value) // a file leaves a newline at its end; the services drop it too
		secret := split.Secret{ID: p.key, Value: value}
		switch {
		case known && value == "":
			p.value.wrong("is empty: a secret of 16 characters and more")
		case known && len(value) < 16:
			b.note(p.line, "%s: a secret under 16 characters can be guessed", p.value.path)
		}
		b.Keys = append(b.Keys, secret)
	}
}

func (b *builder) log(n node) {
	n.fields(map[string]func(node){
		"access": func(n node) { b.Log.Access = n.text() },
		"format": func(n node) { b.Log.Format = n.choice("json", "combined") },
	})
}

func (b *builder) limits(n node) {
	n.fields(map[string]func(node){
		"head": func(n node) { b.Limits.Head = int(n.number(1<<10, 1<<20, "bytes")) },
		"body": func(n node) { b.Limits.Body = n.number(1, 1<<33, "bytes") },
	})
}

func (b *builder) timeouts(n node) {
	t := &b.Timeouts
	fields := map[string]func(node){}
	for name, d := range map[string]*time.Duration{
		"head": &t.Head, "body": &t.Body, "idle": &t.Idle, "connect": &t.Connect, "first_byte": &t.FirstByte,
	} {
		fields[name] = func(n node) { *d = n.duration(time.Millisecond, time.Hour) }
	}
	fields["leave"] = func(n node) { t.Leave = n.duration(0, 5*time.Minute) }
	n.fields(fields)
	if t.Idle <= 60*time.Second {
		b.note(n.line(), "timeouts.idle: %s is not over 60s, an ALB's own idle limit: it would answer 502 now and then (W-71)", t.Idle)
	}
	if t.FirstByte <= 30*time.Second {
		b.note(n.line(), "timeouts.first_byte: %s hides answers that a backend gives after 30s, as the old site's 503s (W-73)", t.FirstByte)
	}
}

func (b *builder) denied(n node) {
	n.texts(func(item node, s string) {
		_, err := route.NewDeny([]string{s})
		item.must(err)
		b.deny = append(b.deny, s)
	})
}

// data is what lag, readiness and effects are measured by; with it every step is guarded.
func (b *builder) data(n node) {
	n.fields(map[string]func(node){
		"from": func(n node) { b.Data.From = n.text() },
		"to": func(n node) {
			s, ok := n.scalar()
			if b.Data.To = s; ok && !strings.HasPrefix(s, "sqlite:") && !strings.HasPrefix(s, "dynamodb:") {
				n.wrong("%q is not where services keep their data: write sqlite:FILE or dynamodb:PREFIX", s)
			}
		},
	})
	if b.Data.From == "" || b.Data.To == "" {
		n.wrong("both from and to are needed: {from: mysql://…, to: sqlite:.banyan/services.db}")
	}
}

func (b *builder) tls(n node) {
	b.TLS.Line = n.line()
	n.fields(map[string]func(node){
		"cert": func(n node) { b.TLS.Cert = n.text() },
		"key":  func(n node) { b.TLS.Key = n.text() },
	})
	if b.TLS.Cert == "" || b.TLS.Key == "" {
		n.wrong("both cert and key are needed, each a PEM file")
	}
}

func (b *builder) strip(n node) {
	n.texts(func(item node, s string) {
		if !split.Token(s) {
			item.wrong("%q is not a header's name", s)
		}
		b.Strip = append(b.Strip, s)
	})
}

func (b *builder) origins(n node) {
	n.texts(func(item node, s string) {
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || s != u.Scheme+"://"+u.Host {
			item.wrong("%q is not an origin: scheme://host or scheme://host:port, no more", s)
		}
		b.Origins = append(b.Origins, s)
	})
}
