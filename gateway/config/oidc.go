package config

import "net/url"

// oidc reads {issuer: https://…, audience: banyan, claim: groups, roles: {web-team: operate}}: whose ID tokens open the admin API.
func (b *builder) oidc(n node) {
	o := OIDC{Claim: "groups", Roles: map[string]string{}}
	said := len(b.mistakes) + len(b.notes)
	n.fields(map[string]func(node){
		"issuer": func(n node) {
			o.Issuer = n.text()
			u, err := url.Parse(o.Issuer)
			if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && Loopback(hostPort(u))) {
				n.wrong("%q is not an issuer: https://host, as it stands in its tokens", o.Issuer)
			}
		},
		"audience": func(n node) { o.Audience = n.text() },
		"claim":    func(n node) { o.Claim = n.text() },
		"roles": func(n node) {
			for _, p := range n.pairs() {
				o.Roles[p.key] = p.value.choice("view", "operate", "approve")
			}
		},
	})
	if said == len(b.mistakes)+len(b.notes) && (o.Issuer == "" || o.Audience == "" || len(o.Roles) == 0) {
		n.wrong("issuer, audience and roles are all needed: {issuer: https://…, audience: CLIENT, roles: {GROUP: operate}}")
	}
	b.Admin.OIDC = o
}

func hostPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	return u.Host + ":80"
}
