package cutover

import "github.com/banyan-migration/banyan/gateway/split"

// The phases of a group's life, each with the weights that it may have. A phase fixes who reads, who writes, and which way
// rows are carried over (T-1).
const (
	Off      = "off"      // weight 0
	Backfill = "backfill" // weight 0: old rows are being moved
	Shadow   = "shadow"   // weight 0: the new side gets copies
	Canary   = "canary"   // weight 1 to 9999
	Full     = "full"     // weight 10000
	Drain    = "drain"    // weight 10000: legacy answers forms in flight alone
	Retired  = "retired"  // weight 10000: legacy is gone
)

// The ways in which rows are carried over.
const (
	NoSync       = "none"
	SyncToNew    = "legacy -> new"
	SyncToLegacy = "new -> legacy"
	SyncBoth     = "both"
)

// phase is one row of the table of phases.
type phase struct {
	name        string
	least, most int // basis points
	read        string
	write       string
	sync        string
	from        []string // the phases that Enter may come from; a canary, and full from below, are reached by weight
}

var phases = []phase{
	{Off, 0, 0, "legacy", "legacy", NoSync, []string{Backfill, Shadow}},
	{Backfill, 0, 0, "legacy", "legacy", SyncToNew, []string{Off, Shadow}},
	{Shadow, 0, 0, "legacy", "legacy", SyncToNew, []string{Off, Backfill}},
	{Canary, 1, split.Full - 1, "bucket", "legacy", SyncBoth, nil},
	{Full, split.Full, split.Full, "new", "new", SyncToLegacy, []string{Drain}},
	{Drain, split.Full, split.Full, "new", "new", SyncBoth, []string{Full}},
	{Retired, split.Full, split.Full, "new", "new", NoSync, []string{Drain}},
}

// Phases are the names of all phases, in the order of a group's life.
func Phases() []string {
	all := make([]string, len(phases))
	for i, p := range phases {
		all[i] = p.name
	}
	return all
}

// phaseOf is a phase's row; an unknown name, as a later version may have written, is as off: legacy keeps everything.
func phaseOf(name string) *phase {
	for i := range phases {
		if phases[i].name == name {
			return &phases[i]
		}
	}
	return &phases[0]
}

// PhaseOf is the phase that a plain weight has.
func PhaseOf(weight int) string {
	switch weight {
	case 0:
		return Off
	case split.Full:
		return Full
	}
	return Canary
}

// Fits says whether a phase, by its name, may have a weight.
func Fits(name string, weight int) bool {
	p := phaseOf(name)
	return p.name == name && p.least <= weight && weight <= p.most
}

// ReadAuthority is which side answers reads: legacy, new, or bucket. In drain legacy still answers forms in flight.
func (g Group) ReadAuthority() string {
	if g.Killed {
		return "legacy"
	}
	return phaseOf(g.Phase).read
}

// WriteAuthority is which side a record's truth is on. In a canary it is legacy: the new side only appends.
func (g Group) WriteAuthority() string {
	if g.Killed {
		return "legacy"
	}
	return phaseOf(g.Phase).write
}

// SyncDirection is which way rows are carried over. The kill switch changes nothing of it: what the new side has taken still
// belongs on the old one.
func (g Group) SyncDirection() string { return phaseOf(g.Phase).sync }
