package replica

import (
	"strings"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/route"
	"github.com/banyan-migration/banyan/gateway/shadow"
)

// Nobody is woken for a dead shadow of a group that has none.
func TestOnlyAGroupWithCopiesHasADeadShadow(t *testing.T) {
	t.Parallel()
	with := &config.Group{Group: &route.Group{To: "services", Routes: []*route.Route{{}, {Options: route.Options{Shadow: 1}}}}}
	without := &config.Group{Group: &route.Group{To: "services", Routes: []*route.Route{{}}}}
	for _, phase := range cutover.Phases() {
		want := phase == cutover.Shadow || phase == cutover.Canary || phase == cutover.Full
		if copied(with, phase) != want || copied(without, phase) {
			t.Errorf("%s: %v and %v", phase, copied(with, phase), copied(without, phase))
		}
	}
	dead := shadow.Status{Backend: "services", Address: "10.0.0.5:8080", Dead: true, Since: time.Unix(0, 0), Text: "upstream_closed"}
	why := deaf(with, []shadow.Status{{Backend: "drupal"}, dead})
	for _, part := range []string{"services (10.0.0.5:8080) has not answered copies since 1970-01-01 00:00:00 UTC", "upstream_closed", "look whether it runs"} {
		if !strings.Contains(why, part) {
			t.Errorf("no %q in %q", part, why)
		}
	}
	if why := deaf(&config.Group{Group: &route.Group{From: "drupal", To: "other"}}, []shadow.Status{dead}); why != "" {
		t.Errorf("another group's backend: %s", why)
	}
}
