package diff

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// largest is how many bytes of rows, or of evidence, a snapshot holds: it fits into one item of any store. What is seldom goes first.
const largest = 256 << 10

// The form in which a ledger, or what was learned, outlives the process.
type (
	ledgerFile struct {
		Tallies map[string]Tally  `json:"tallies"`
		Rows    []json.RawMessage `json:"rows"`
	}
	noiseFile struct {
		Groups map[string]groupNoise `json:"groups"`
		Fields []json.RawMessage     `json:"fields"`
	}
	fieldNoise struct {
		Group string `json:"group"`
		Evidence
	}
)

// fitting are as many of the values as fit into a snapshot, from the first on.
func fitting[T any](all []T) ([]json.RawMessage, error) {
	var list []json.RawMessage
	left := largest
	for _, v := range all {
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		if left -= len(text); left < 0 {
			break
		}
		list = append(list, text)
	}
	return list, nil
}

// unpacked reads what fitting made.
func unpacked[T any](list []json.RawMessage) ([]T, error) {
	all := make([]T, len(list))
	for i, text := range list {
		if err := json.Unmarshal(text, &all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Snapshot is the ledger's counts and rows as JSON, for Restore after a restart. What it holds is redacted. Samples are not in it:
// they come anew.
func (l *Ledger) Snapshot() ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := ledgerFile{Tallies: map[string]Tally{}}
	for name, g := range l.groups {
		f.Tallies[name] = g.tally
	}
	var err error
	if f.Rows, err = fitting(l.rows("")); err != nil {
		return nil, err
	}
	return json.Marshal(f)
}

// Restore adds what a Snapshot held. It is meant for an empty ledger, before the first Add. A snapshot that cannot be read changes
// nothing.
func (l *Ledger) Restore(snapshot []byte) error {
	var f ledgerFile
	err := json.Unmarshal(snapshot, &f)
	var rows []Row
	if err == nil {
		rows, err = unpacked[Row](f.Rows)
	}
	if err != nil {
		return fmt.Errorf("diff: the ledger of differences cannot be read, so counting begins anew: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, t := range f.Tallies {
		if g := l.group(name); g != nil {
			g.tally.plus(t)
		}
	}
	for _, r := range rows {
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
	for _, field := range slices.Sorted(maps.Keys(g.fields)) {
		all = append(all, *g.fields[field])
	}
	return all
}

// Snapshot is what was learned as JSON, for Restore after a restart.
func (n *Noise) Snapshot() ([]byte, error) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	f := noiseFile{Groups: map[string]groupNoise{}}
	var all []fieldNoise
	for name, g := range n.groups {
		f.Groups[name] = groupNoise{Pairs: g.Pairs, Replays: g.Replays}
		for _, e := range g.fields {
			all = append(all, fieldNoise{name, *e})
		}
	}
	slices.SortFunc(all, func(a, b fieldNoise) int {
		return cmp.Or(cmp.Compare(b.Raw+b.Noise, a.Raw+a.Noise), cmp.Compare(a.Group, b.Group), cmp.Compare(a.Field, b.Field))
	})
	var err error
	if f.Fields, err = fitting(all); err != nil {
		return nil, err
	}
	return json.Marshal(f)
}

// Restore takes what a Snapshot held for what is known now. A snapshot that cannot be read changes nothing.
func (n *Noise) Restore(snapshot []byte) error {
	var f noiseFile
	err := json.Unmarshal(snapshot, &f)
	var fields []fieldNoise
	if err == nil {
		fields, err = unpacked[fieldNoise](f.Fields)
	}
	if err != nil {
		return fmt.Errorf("diff: the learned noise cannot be read, so learning begins anew: %w", err)
	}
	known := map[string]*groupNoise{}
	for name, g := range f.Groups {
		if len(known) < mostGroups {
			known[name] = &groupNoise{Pairs: g.Pairs, Replays: g.Replays, fields: map[string]*Evidence{}}
		}
	}
	for _, e := range fields {
		if g := known[e.Group]; g != nil && len(g.fields) < mostFields {
			e.Learned = e.learned() // by this version's rule
			g.fields[e.Field] = &e.Evidence
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.groups = known
	return nil
}
