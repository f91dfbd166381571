// Package issuer knows people by the ID token that their organisation's identity provider has signed (OpenID Connect). Programs send it
// as Authorization: Bearer; for browsers a proxy that signs people in, such as oauth2-proxy, sends it along.
package issuer

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/dash/who"
	"github.com/banyan-migration/banyan/shared/fault"
)

// Issuer is a who.Identity.
type Issuer struct {
	c      config.OIDC
	client *http.Client
	now    func() time.Time

	mu       sync.Mutex
	verifier *oidc.IDTokenVerifier // nil until the provider has said where its keys are
}

// New makes one. The provider is asked for its keys with the first token, again until it answers: a provider that is away keeps nobody
// out who has a token of gateway.yaml. now nil is the clock.
func New(c config.OIDC, now func() time.Time) *Issuer {
	return &Issuer{c: c, client: &http.Client{Timeout: 10 * time.Second}, now: now}
}

// Who reads the Authorization header. What is no ID token is nobody; one that does not hold, or came from another, is refused.
func (i *Issuer) Who(r *http.Request) (who.Person, error) {
	raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || strings.Count(raw, ".") != 2 {
		return who.Person{}, who.ErrNobody
	}
	verifier, err := i.keys()
	if err != nil {
		return who.Person{}, &fault.Error{Kind: fault.Unavailable, Text: "the identity provider cannot be reached: nothing was changed; a token of gateway.yaml works without it", Err: err}
	}
	token, err := verifier.Verify(oidc.ClientContext(r.Context(), i.client), raw)
	if err != nil {
		return who.Person{}, &fault.Error{Kind: fault.Unauthenticated, Text: "the ID token does not hold: sign in again; nothing was changed", Err: err}
	}
	return i.person(token)
}

func (i *Issuer) keys() (*oidc.IDTokenVerifier, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.verifier == nil {
		// The context outlives the request: new keys are fetched by it.
		provider, err := oidc.NewProvider(oidc.ClientContext(context.Background(), i.client), i.c.Issuer)
		if err != nil {
			return nil, err
		}
		i.verifier = provider.Verifier(&oidc.Config{ClientID: i.c.Audience, Now: i.now})
	}
	return i.verifier, nil
}

// person is whom a token names, with the highest of the roles that its groups have here. Without one it is refused by whatever it asks.
func (i *Issuer) person(token *oidc.IDToken) (who.Person, error) {
	var claims map[string]any
	if err := token.Claims(&claims); err != nil {
		return who.Person{}, &fault.Error{Kind: fault.Unauthenticated, Text: "the ID token cannot be read", Err: err}
	}
	p := who.Person{Name: token.Subject}
	if email, ok := claims["email"].(string); ok && email != "" && claims["email_verified"] == true {
		p.Name = email // other names a person may choose, and the journal must not be told who it was by whom it was
	}
	groups, _ := claims[i.c.Claim].([]any)
	if one, ok := claims[i.c.Claim].(string); ok {
		groups = []any{one}
	}
	for _, g := range groups {
		name, _ := g.(string)
		if role := who.Role(i.c.Roles[name]); role != "" && !p.Role.May(role) {
			p.Role = role
		}
	}
	return p, nil
}
