package diff

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// The file in which a ledger, or what was learned, outlives the process.
type (
	ledgerFile struct {
		Tallies map[string]Tally    `json:"tallies"`
		Rows    []Row               `json:"rows"`
		Samples map[string][]Sample `json:"samples"` // the newest first
	}
	noiseFile struct {
		Groups map[string]*groupNoise `json:"groups"`
	}
)

// Snapshot is the ledger as JSON, for Restore after a restart. What it holds is redacted.
func (l *Ledger) Snapshot() ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := ledgerFile{map[string]Tally{}, l.rows(""), map[string][]Sample{}}
	for name, g := range l.groups {
		f.Tallies[name], f.Samples[name] = g.tally, g.newest(sampleRing, l.now())
	}
	return json.Marshal(f)
}

// Restore adds what a Snapshot held. It is meant for an empty ledger, before the first Add. A snapshot that cannot be read changes
// nothing.
func (l *Ledger) Restore(snapshot []byte) error {
	var f ledgerFile
	if err := json.Unmarshal(snapshot, &f); err != nil {
		return fmt.Errorf("diff: the ledger of differences cannot be read, so counting begins anew: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, t := range f.Tallies {
		if g := l.group(name); g != nil {
			g.tally.plus(t)
			all := f.Samples[name]
			g.samples = slices.Clone(all[:min(len(all), sampleRing)])
			slices.Reverse(g.samples)
			g.next = 0
		}
	}
	for _, r := range f.Rows {
		if g := l.group(r.Group); g != nil {
			g.room(l.now())
			g.rows[kind{r.Route, stem(r.Example.Field), r.Example.Kind}] = &r
		}
	}
	return nil
}

// Evidence is what is known of each field of a group that ever differed, in order of the fields.
func (n *Noise) Evidence(group string) []Evidence {
	n.mu.RLock()
	defer n.mu.RUnlock()
	all := []Evidence{}
	g := n.groups[group]
	if g == nil {
		return all
	}
	for _, field := range slices.Sorted(maps.Keys(g.Fields)) {
		all = append(all, *g.Fields[field])
	}
	return all
}

// Snapshot is what was learned as JSON, for Restore after a restart.
func (n *Noise) Snapshot() ([]byte, error) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return json.Marshal(noiseFile{n.groups})
}

// Restore takes what a Snapshot held for what is known now. A snapshot that cannot be read changes nothing.
func (n *Noise) Restore(snapshot []byte) error {
	f := noiseFile{}
	if err := json.Unmarshal(snapshot, &f); err != nil {
		return fmt.Errorf("diff: the learned noise cannot be read, so learning begins anew: %w", err)
	}
	known := map[string]*groupNoise{}
	for name, g := range f.Groups {
		if g == nil || len(known) >= mostGroups {
			continue
		}
		kept := &groupNoise{Pairs: g.Pairs, Replays: g.Replays, Fields: map[string]*Evidence{}}
		for field, e := range g.Fields {
			if e != nil && len(kept.Fields) < mostFields {
				e.Field, e.Learned = field, e.learned()
				kept.Fields[field] = e
			}
		}
		known[name] = kept
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.groups = known
	return nil
}
