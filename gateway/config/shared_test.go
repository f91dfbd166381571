package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/config"
)

// A plan that several gateways share needs one key for all, a name for each, and a prefix that tables can have.
func TestASharedPlan(t *testing.T) {
	t.Parallel()
	const rest = "hosts: [\"*\"]\nbackends:\n  drupal: {url: http://127.0.0.1:9001}\ndefault: drupal\n"
	read := func(text, host string, check bool) (*config.Config, error) {
		return config.Parse("gateway.yaml", []byte(text+rest), config.Options{Check: check, Host: func() (string, error) { return host, nil }})
	}
	const keys = "keys: {k1: a-key-of-sixteen}\n"
	for text, want := range map[string]string{
		"store: dynamodb:banyan\n":            "gateway.yaml:1: keys: missing: gateways that share a plan sign cookies and marks with one key",
		"store: \"dynamodb:\"\n" + keys:       `gateway.yaml:1: store: "dynamodb:" is no store of a plan: write sqlite:FILE for one gateway, or dynamodb:PREFIX for several`,
		"store: redis:banyan\n" + keys:        `"redis:banyan" is no store of a plan`,
		"store: dynamodb:bany an\n" + keys:    "a prefix of tables is letters, digits, dot, hyphen and underscore, at most 200",
		"store: dynamodb:banyan-dev\n" + keys: "gateway_id: missing, and this machine has no name to stand for it",
	} {
		if _, err := read(text, "localhost", false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v\nwant %s", text, err, want)
		}
	}
	c, err := read("store: dynamodb:banyan-dev\n"+keys, "ip-10-0-1-23.eu-west-1.compute.internal", false)
	if err != nil || c.GatewayID != "ip-10-0-1-23-eu-west-1-compute-internal" || !c.Shared() {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err = read("gateway_id: gw-7\nstore: dynamodb:banyan-dev\n"+keys, "localhost", false); err != nil || c.GatewayID != "gw-7" {
		t.Errorf("a name that is given: %+v, %v", c, err)
	}
	if _, err := read("store: dynamodb:banyan-dev\n"+keys, "localhost", true); err != nil {
		t.Errorf("a check is made on another machine: %v", err)
	}
	if c, err = read("timeouts: {leave: 15s}\n", "", false); err != nil || c.Timeouts.Leave != 15*time.Second || c.Shared() {
		t.Errorf("leave: %+v, %v", c, err)
	}
}
