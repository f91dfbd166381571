package judge_test

import (
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// ready is a group of which everything but its evidence allows a step up.
var ready = judge.Situation{At: noon, Group: "donate", Revision: 7, Phase: "canary", Weight: 5000, Since: noon.Add(-48 * time.Hour), Next: 10000,
	Dwell: 24 * time.Hour, Sample: 1827, Readiness: "green", Replicas: 2, Reports: 2}
