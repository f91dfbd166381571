package issuer_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/dash/issuer"
	"github.com/banyan-migration/banyan/gateway/dash/who"
	"github.com/banyan-migration/banyan/shared/fault"
)

var noon = time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC)

// provider is an identity provider with one key.
type provider struct {
	t    *testing.T
	url  string
	key  *ecdsa.PrivateKey
	away atomic.Bool

	asked  atomic.Int64 // for where its keys are
	silent func()       // called once before it answers; nil: it answers at once
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{t: t, key: key}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": p.url, "jwks_uri": p.url + "/keys", "authorization_endpoint": p.url + "/auth", "token_endpoint": p.url + "/token", "id_token_signing_alg_values_supported": []string{"ES256"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		public, err := key.PublicKey.Bytes()
		if err != nil {
			t.Error(err)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []map[string]string{{"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "k1", "x": text(public[1:33]), "y": text(public[33:])}}})
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/.well-known/openid-configuration" {
			p.asked.Add(1)
			if p.silent != nil {
				p.silent()
			}
		}
		if p.away.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

func text(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// sign makes an ID token of claims, over those that every token has.
func (p *provider) sign(more map[string]any) string {
	p.t.Helper()
	claims := map[string]any{"iss": p.url, "aud": "banyan", "sub": "u-17", "iat": noon.Unix(), "exp": noon.Add(time.Hour).Unix()}
	maps.Copy(claims, more)
	body, err := json.Marshal(claims)
	if err != nil {
		p.t.Fatal(err)
	}
	signed := text([]byte(`{"alg":"ES256","kid":"k1","typ":"JWT"}`)) + "." + text(body)
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, sum[:])
	if err != nil {
		p.t.Fatal(err)
	}
	return signed + "." + text(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

func ask(i *issuer.Issuer, token string) (who.Person, error) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return i.Who(r)
}

func (p *provider) config() config.OIDC {
	return config.OIDC{Issuer: p.url, Audience: "banyan", Claim: "groups", Roles: map[string]string{"web": "operate", "trustees": "view", "leads": "approve"}}
}

// A person has the highest role of the groups in a token; a name that people choose themselves is no name in the journal.
func TestRolesComeFromGroups(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	i := issuer.New(p.config(), func() time.Time { return noon })
	for _, c := range []struct {
		claims map[string]any
		want   who.Person
	}{
		{map[string]any{"groups": []string{"trustees", "web"}, "email": "ada@rednosefund.example", "email_verified": true}, who.Person{Name: "ada@rednosefund.example", Role: who.Operate}},
		{map[string]any{"groups": []string{"leads", "trustees"}, "email": "eve@rednosefund.example", "preferred_username": "ada"}, who.Person{Name: "u-17", Role: who.Approve}},
		{map[string]any{"groups": "trustees"}, who.Person{Name: "u-17", Role: who.View}},
		{map[string]any{"groups": []string{"strangers"}}, who.Person{Name: "u-17"}},
		{nil, who.Person{Name: "u-17"}},
	} {
		if got, err := ask(i, p.sign(c.claims)); err != nil || got != c.want {
			t.Errorf("%v: %+v %v, want %+v", c.claims, got, err, c.want)
		}
	}
}

// What is out of date, made out to another, or signed by another is refused; what is no ID token is left to others.
func TestABadTokenIsRefused(t *testing.T) {
	t.Parallel()
	p, stranger := newProvider(t), newProvider(t)
	stranger.url = p.url
	i := issuer.New(p.config(), func() time.Time { return noon })
	for name, token := range map[string]string{
		"out of date":       p.sign(map[string]any{"exp": noon.Add(-time.Second).Unix()}),
		"to another":        p.sign(map[string]any{"aud": "wiki"}),
		"of another issuer": p.sign(map[string]any{"iss": "https://evil.example"}),
		"signed by another": stranger.sign(nil),
		"unsigned":          text([]byte(`{"alg":"none"}`)) + "." + text([]byte(`{"sub":"x"}`)) + ".",
	} {
		if got, err := ask(i, token); fault.KindOf(err) != fault.Unauthenticated || got != (who.Person{}) {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
	if _, err := ask(i, "a token of gateway.yaml"); !errors.Is(err, who.ErrNobody) {
		t.Errorf("what is no ID token: %v", err)
	}
}

// A provider that is away keeps nobody out who has another token, and is asked again by an ID token some seconds later, not by each.
func TestAProviderThatIsAway(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	p.away.Store(true)
	var late atomic.Int64
	i := issuer.New(p.config(), func() time.Time { return noon.Add(time.Duration(late.Load())) })
	token := p.sign(map[string]any{"groups": "web"})
	for range 3 {
		if _, err := ask(i, token); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("while it is away: %v", err)
		}
	}
	if n := p.asked.Load(); n != 1 {
		t.Errorf("by three tokens at once it was asked %d times", n)
	}
	if _, err := ask(i, "a token of gateway.yaml"); !errors.Is(err, who.ErrNobody) {
		t.Errorf("another token meanwhile: %v", err)
	}
	p.away.Store(false)
	late.Store(int64(10 * time.Second))
	if got, err := ask(i, token); err != nil || got.Role != who.Operate {
		t.Errorf("when it is back: %+v %v", got, err)
	}
}

// While a provider that was away is asked again and does not say a word, one caller waits for it, and no queue of them.
func TestASilentProviderHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	p.away.Store(true)
	var late atomic.Int64
	i := issuer.New(p.config(), func() time.Time { return noon.Add(time.Duration(late.Load())) })
	if _, err := ask(i, "a.b.c"); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("while it is away: %v", err)
	}
	p.away.Store(false)
	late.Store(int64(10 * time.Second))
	reached, release := make(chan struct{}), make(chan struct{})
	p.silent = func() { close(reached); <-release }
	first := make(chan error)
	token := p.sign(map[string]any{"groups": "web"})
	go func() {
		_, err := ask(i, token)
		first <- err
	}()
	<-reached
	for range 3 {
		if _, err := ask(i, "a.b.c"); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("while it says nothing: %v", err)
		}
	}
	close(release)
	if err := <-first; err != nil {
		t.Errorf("who waited: %v", err)
	}
}
