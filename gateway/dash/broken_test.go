package dash_test

import (
	"testing"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/dash"
)

// J-1: a group that this gateway's breaker has taken back is at legacy, and the answer says why; testers and done pages go where they went.
func TestExplainABrokenGroup(t *testing.T) {
	t.Parallel()
	c, err := config.Parse("gateway.yaml", []byte(`
hosts: [www.rednosefund.example]
backends:
  drupal: {url: http://127.0.0.1:1, kind: drupal7}
  services: {url: http://127.0.0.1:2}
default: drupal
groups:
  postcode: {from: drupal, to: services, key: url, salt: p-1, routes: [{match: GET /postcode}]}
`), config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	plan := cutover.Fixed(9, map[string]cutover.Group{"postcode": {Weight: 10000, Phase: cutover.Full, Revision: 9}})
	for revision, want := range map[int64]string{9: "legacy breaker drupal", 8: "new bucket services"} {
		q := dash.Question{Broken: func(group string, at int64) bool { return group == "postcode" && at == revision }}
		if e := dash.Explain(c, plan, q, "GET", "/postcode"); e.Side+" "+e.Reason+" "+e.Backend != want || e.Why == "" {
			t.Errorf("a breaker open at revision %d: %+v, want %s", revision, e, want)
		}
	}
}
