package local

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/replica"
	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/migration/move"
	"github.com/banyan-migration/banyan/migration/verify"
	"github.com/banyan-migration/banyan/services/all"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// Data is both ends of what moves with a group: the old site's database and the services' stores.
type Data struct {
	Source drupal.Source
	Store  func(service string) kv.Store
}

// OpenData opens both ends: from is the old site as `migrate --from` names it, to the services' store, sqlite:FILE or dynamodb:PREFIX.
// The returned function closes them.
func OpenData(ctx context.Context, from, to string) (Data, func() error, error) {
	source, err := drupal.Open(ctx, from)
	if err != nil {
		return Data{}, nil, fmt.Errorf("from: %w", err)
	}
	var names []string
	for _, e := range all.Services {
		names = append(names, e.Name)
	}
	store, shut, err := OpenStore(ctx, to, names...)
	if err != nil {
		return Data{}, nil, errors.Join(fmt.Errorf("to: %w", err), source.Close())
	}
	return Data{Source: source, Store: store}, func() error { return errors.Join(shut(), source.Close()) }, nil
}

// Ports are what a gateway asks of the data.
func (d Data) Ports(c func() *config.Config) replica.Ports {
	return replica.Ports{Probe: d.Probe(c), Stored: d.Stored, Wrote: Wrote}
}

// The probe's rhythm: what took long to measure is measured seldom.
const (
	probeTime = 30 * time.Second
	probeRest = time.Second // between two measurements, at least
)

// Probe measures the data behind a group's forms. What it finds is kept for three times as long as it took to find, so that counting a
// million rows is not done every second.
func (d Data) Probe(c func() *config.Config) cutover.Probe {
	var mu sync.Mutex
	known := map[string]cutover.Facts{}
	until := map[string]time.Time{}
	return func(group string) (cutover.Facts, error) {
		mu.Lock()
		defer mu.Unlock()
		began := time.Now()
		if began.Before(until[group]) {
			return known[group], nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), probeTime)
		defer cancel()
		f, err := d.facts(ctx, formsOf(c(), group), appends(c(), group), began)
		if err != nil {
			return cutover.Facts{At: began}, fmt.Errorf("the data behind %s cannot be measured: %w", group, err)
		}
		known[group], until[group] = f, began.Add(max(probeRest, 3*time.Since(began)))
		return f, nil
	}
}

// formsOf are the old forms that a group's routes take over.
func formsOf(c *config.Config, group string) (forms []form.Form) {
	seen := map[int]bool{}
	for _, g := range c.Groups {
		for _, r := range g.Routes {
			if g.Name != group || r.Form == nil || seen[r.Form.Node] {
				continue
			}
			seen[r.Form.Node] = true
			if f, ok := form.ByNode(int64(r.Form.Node)); ok {
				forms = append(forms, f)
			}
		}
	}
	return forms
}

// appends says whether the group's new side only ever adds submissions.
func appends(c *config.Config, group string) bool {
	for _, g := range c.Groups {
		if g.Name == group {
			return g.AppendOnly()
		}
	}
	return false
}

// drift names what a webform's components were when the mapping was made and are no longer.
func (d Data) drift(ctx context.Context, f form.Form) (changed []string, err error) {
	has, err := d.Source.Components(ctx, f.Node)
	if err != nil {
		return nil, err
	}
	for _, c := range f.Components {
		if !slices.ContainsFunc(has, func(h drupal.Component) bool { return h.Key == c.Key }) {
			changed = append(changed, f.Alias+": component "+c.Key)
		}
	}
	for _, h := range has {
		if h.Type != "fieldset" && h.Type != "pagebreak" && h.Type != "markup" && !slices.ContainsFunc(f.Components, func(c form.Component) bool { return c.Key == h.Key }) {
			changed = append(changed, f.Alias+": component "+h.Key)
		}
	}
	return changed, nil
}

// facts are those of all the forms together: the worst of each.
func (d Data) facts(ctx context.Context, forms []form.Form, appends bool, now time.Time) (cutover.Facts, error) {
	f := cutover.Facts{At: now.UTC(), Known: true, Backfilled: true}
	for i, one := range forms {
		store := d.Store(one.Service)
		s, err := move.StandingOf(ctx, store, one)
		if err != nil {
			return f, err
		}
		lag, err := move.Lag(ctx, d.Source, store, one, now)
		if err != nil {
			return f, err
		}
		found, _, err := verify.Last(ctx, store, one)
		if err != nil {
			return f, err
		}
		own, err := taken(ctx, store, one)
		if err != nil {
			return f, err
		}
		back, err := move.ReversalOf(ctx, store, one)
		if err != nil {
			return f, err
		}
		drift, err := d.drift(ctx, one)
		if err != nil {
			return f, err
		}
		f.Backfilled = f.Backfilled && !s.Backfilled.IsZero()
		f.Mismatches += found.Mismatches
		lacks := max(0, own-back.Rows)
		if f.Waiting += lacks; !appends {
			f.Unsynced += lacks
		}
		for _, field := range slices.Sorted(maps.Keys(back.Homeless)) {
			f.Homeless = append(f.Homeless, one.Alias+": "+field)
		}
		f.Drift = append(f.Drift, drift...)
		if i == 0 || back.At.Before(f.Reversed) {
			f.Reversed = back.At
		}
		f.Lag = max(f.Lag, lag)
		if i == 0 || s.Synced.Before(f.Synced) {
			f.Synced = s.Synced
		}
		if i == 0 || found.At.Before(f.Verified) {
			f.Verified = found.At
		}
		if i == 0 || found.Clean.IsZero() || !f.Clean.IsZero() && found.Clean.After(f.Clean) {
			f.Clean = found.Clean
		}
	}
	return f, nil
}

// taken counts the records that the service took itself, which the old site does not have.
func taken(ctx context.Context, store kv.Store, f form.Form) (n int64, err error) {
	e, ok := all.Named(f.Service)
	if !ok || e.Records == nil {
		return 0, nil
	}
	for after := ""; ; {
		records, next, err := e.Records(ctx, store, after, 1000)
		if err != nil {
			return n, err
		}
		for _, r := range records {
			if r.SID == 0 {
				n++
			}
		}
		if after = next; next == "" {
			return n, nil
		}
	}
}
