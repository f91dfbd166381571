package dash

import (
	"context"
	"fmt"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/shared/fault"
)

// maxOverride bounds how long an override may hold: who has it keeps it.
const maxOverride = 30 * 24 * time.Hour

// Override is a header for a tester, until it expires (S-4).
type Override struct {
	Header  string    `json:"header"`
	Value   string    `json:"value"`
	Expires time.Time `json:"expires"`
}

func (a *api) override(ctx context.Context, w wish, c cutover.Change) (any, error) {
	side := map[string]split.Side{"new": split.New, "legacy": split.Legacy}
	want, known := side[w.Side]
	if !known {
		return nil, fault.Wrong("side", fmt.Sprintf("%q is no side: new or legacy", w.Side))
	}
	d, err := time.ParseDuration(w.For)
	if err != nil || d < time.Second || d > maxOverride {
		return nil, fault.Wrong("for", fmt.Sprintf("%q is not right: how long it holds, from 1s to %s, such as 1h", w.For, maxOverride))
	}
	o := split.Override{Side: want, Group: c.Group, Expires: a.Now().Add(d).UTC().Truncate(time.Second)}
	why := fmt.Sprintf("%s: %s until %s: %s", c.Group, w.Side, o.Expires.Format(time.RFC3339), c.Why)
	if c.Why == "" {
		why = "" // the journal refuses it
	}
	if err := a.Plan.Note(ctx, "override", c.Who, why); err != nil {
		return nil, err
	}
	return Override{split.OverrideHeader, a.Keys.SignOverride(o), o.Expires}, nil
}
