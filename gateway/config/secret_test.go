package config_test

import (
	"strings"
	"testing"

	"github.com/banyan-migration/banyan/gateway/config"
)

// The services read the same secret: a newline that a file left at its end is no part of it on either side, and nobody tells its text.
func TestSecretIsReadAsTheServicesReadIt(t *testing.T) {
	t.Parallel()
	read := func(secret string) (*config.Config, error) {
		return config.Parse("gateway.yaml", []byte("hosts: [\"*\"]\nbackends: {a: {url: http://127.0.0.1:9001, kind: drupal7}}\ndefault: a\nkeys: {k1: \"${BANYAN_KEY}\"}\n"),
			config.Options{Getenv: func(string) (string, bool) { return secret, true }})
	}
	c, err := read("sixteen letters!\n")
	if err != nil || len(c.Keys) != 1 || c.Keys[0].Value != "sixteen letters!" {
		t.Errorf("%v, %v", c, err)
	}
	for _, bad := range []string{" \n", "sixteen ${letters!"} {
		if _, err := read(bad); err == nil || strings.Contains(err.Error(), "sixteen") {
			t.Errorf("%q: %v: want a mistake that does not tell it", bad, err)
		}
	}
}
