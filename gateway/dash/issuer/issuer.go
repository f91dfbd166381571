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

	mu       sync.Mutex            // protects what is below
	verifier *oidc.IDTokenVerifier // nil until the provider has said where its keys are
	away     error                 // why the last asking failed
	failed   time.Time             // and when
	asking   chan struct{}         // closed when the asking that is under way has ended; nil: none is
}

// pause is how long a provider that was away is left alone: anybody may send what looks like an ID token.
const pause = 5 * time.Second

// New makes one. The provider is asked for its keys with the first token, and some seconds later again until it answers: a provider that
// is away keeps nobody out who has a token of gateway.yaml. now nil is the clock.
func New(c config.OIDC, now func() time.Time) *Issuer {
	if now == nil {
		now = time.Now
	}
	return &Issuer{c: c, client: &http.Client{Timeout: 10 * time.Second}, now: now}
}

// Who reads the Authorization header. What is no ID token is nobody; one that does not hold, or came from another, is refused.
func (i *Issuer) Who(r *http.Request) (who.Person, error) {
	raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || strings.Count(raw, ".") != 2 {
		return who.Person{}, who.ErrNobody
	}
	verifier, err := i.keys(r.Context())
	if err != nil {
		return who.Person{}, &fault.Error{Kind: fault.Unavailable, Text: "the identity provider cannot be reached: nothing was changed; a token of gateway.yaml works without it", Err: err}
	}
	token, err := verifier.Verify(oidc.ClientContext(r.Context(), i.client), raw)
	if err != nil {
		return who.Person{}, &fault.Error{Kind: fault.Unauthenticated, Text: "the ID token does not hold: sign in again; nothing was changed", Err: err}
	}
	return i.person(token)
}

// keys waits for the provider's keys. All first callers wait for the same answer; once it failed, only who asks again does.
func (i *Issuer) keys(ctx context.Context) (*oidc.IDTokenVerifier, error) {
	i.mu.Lock()
	if i.verifier != nil || i.away != nil && (i.asking != nil || i.now().Sub(i.failed) < pause) {
		defer i.mu.Unlock()
		return i.verifier, i.away
	}
	if i.asking == nil {
		i.asking = make(chan struct{})
		go i.ask()
	}
	asked := i.asking
	i.mu.Unlock()
	select {
	case <-asked:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.verifier, i.away
}

// ask asks the provider once. The context outlives the request: new keys are fetched by it.
func (i *Issuer) ask() {
	provider, err := oidc.NewProvider(oidc.ClientContext(context.Background(), i.client), i.c.Issuer)
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.away, i.failed = err, i.now(); err == nil {
		i.verifier = provider.Verifier(&oidc.Config{ClientID: i.c.Audience, Now: i.now})
	}
	close(i.asking)
	i.asking = nil
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
