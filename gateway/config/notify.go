package config

import (
	"net/mail"
	"net/url"
)

// notify reads who hears of what a person should act on.
func (b *builder) notify(n node) {
	n.fields(map[string]func(node){
		"webhooks": func(n node) {
			n.texts(func(item node, s string) {
				item.link(s)
				b.Notify.Webhooks = append(b.Notify.Webhooks, s)
			})
		},
		"mail": b.mail,
		"link": func(n node) {
			if s, ok := n.scalar(); ok {
				n.link(s)
				b.Notify.Link = s
			}
		},
	})
	if said := b.lines["notify.mail"] > 0; len(b.Notify.Webhooks) == 0 && !said {
		n.wrong("nobody is named: webhooks: [https://…], or mail: {server: …, from: …, to: […]}")
	}
}

// link checks an address that is called, or clicked.
func (n node) link(s string) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		n.wrong("not an address: a whole http or https one, such as https://hooks.example/banyan") // its path may be a secret: it is not repeated
	}
}

func (b *builder) mail(n node) {
	b.lines["notify.mail"] = n.line()
	m := &b.Notify.Mail
	address := func(n node) string {
		s, ok := n.scalar()
		if a, err := mail.ParseAddress(s); ok && (err != nil || a.Name != "") {
			n.wrong("%q is not a mail address, such as night@rednosefund.example", s)
		}
		return s
	}
	said := len(b.mistakes)
	n.fields(map[string]func(node){
		"server": func(n node) { m.Server = n.address() },
		"from":   func(n node) { m.From = address(n) },
		"to": func(n node) {
			for _, item := range n.items() {
				m.To = append(m.To, address(item))
			}
		},
		"user":     func(n node) { m.User = n.text() },
		"password": func(n node) { m.Password = n.text() },
	})
	switch {
	case said != len(b.mistakes):
	case m.Server == "" || m.From == "" || len(m.To) == 0:
		n.wrong("server, from and to are all needed: {server: 127.0.0.1:25, from: banyan@rednosefund.example, to: [night@rednosefund.example]}")
	case (m.User == "") != (m.Password == ""):
		n.wrong("user and password go together: both, or neither")
	}
}
