package config_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/gateway/config"
)

const withOIDC = `
hosts: [www.rednosefund.example]
admin: {listen: 127.0.0.1:8081, oidc: OIDC}
backends: {drupal: {url: http://127.0.0.1:9001}}
default: drupal
`

func TestOIDC(t *testing.T) {
	t.Parallel()
	parse := func(oidc string) (*config.Config, error) {
		return config.Parse("gateway.yaml", []byte(strings.Replace(withOIDC, "OIDC", oidc, 1)), config.Options{})
	}
	c, err := parse(`{issuer: https://id.rednosefund.example, audience: banyan, roles: {web: operate, trustees: view}}`)
	want := config.OIDC{Issuer: "https://id.rednosefund.example", Audience: "banyan", Claim: "groups", Roles: map[string]string{"web": "operate", "trustees": "view"}}
	if err != nil || !reflect.DeepEqual(c.Admin.OIDC, want) {
		t.Fatalf("%+v %v", c, err)
	}
	for oidc, says := range map[string]string{
		`{issuer: https://id.rednosefund.example, roles: {web: view}}`:                               "issuer, audience and roles are all needed",
		`{issuer: https://id.rednosefund.example, audience: b}`:                                      "issuer, audience and roles are all needed",
		`{issuer: http://id.rednosefund.example, audience: b, roles: {web: view}}`:                   "is not an issuer",
		`{issuer: https://id.rednosefund.example, audience: b, roles: {web: report}}`:                "report",
		`{issuer: https://id.rednosefund.example, audience: b, roles: {web: view}, secret: hunter2}`: "secret",
	} {
		var mistakes config.Mistakes
		if _, err := parse(oidc); !errors.As(err, &mistakes) || mistakes[0].Line != 3 || !strings.Contains(mistakes[0].Text, says) {
			t.Errorf("%s: %v, want %q on line 3", oidc, err, says)
		}
	}
}
