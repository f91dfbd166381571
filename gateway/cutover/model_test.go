package cutover_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/kv"
)

// model plays people, judges, crashes and cut cables over several gateways on one store, and knows what may never happen (T-9).
type model struct {
	t        *testing.T
	r        *rand.Rand
	store    kv.Store
	cables   []*away
	plans    []*cutover.Plan
	file     string
	now      time.Time
	set      int // the weight that a person has last set, by hand or by rolling back
	approved int // the last step that a person has approved since
	revision int64
	told     []string
}

func (m *model) clock() time.Time { return m.now }

func (m *model) open(i int) {
	o := cutover.Options{Open: func() (kv.Store, error) { return m.cables[i], nil }, Now: m.clock, Seeds: map[string]cutover.Seed{"donate": free}}
	switch {
	case i == 0: // the one that can start without the store; a file a gateway would make this test wait for the disk
		o.File = m.file
	case m.cables[i].err() != nil:
		return
	}
	p, err := cutover.Open(m.t.Context(), o)
	if err != nil {
		m.t.Fatal(m.told, err)
	}
	m.plans[i] = p
}

// change asks one gateway for something; what it acknowledges must be in the store.
func (m *model) change(i int) {
	p, g := m.plans[i], m.plans[i].Now().Group("donate")
	c := cutover.Change{Group: "donate", Who: "ada", Why: "x", If: g.Revision, Evidence: "v", Weight: m.r.IntN(10001)}
	if m.r.IntN(4) == 0 {
		c.If = 0
	}
	var after cutover.Group
	stored, err := cutover.Peek(m.t.Context(), m.store)
	if err != nil {
		m.t.Fatal(err)
	}
	before := stored.Group("donate")
	verb, decided := "", func() {} // what a person has decided, if it is acknowledged
	switch m.r.IntN(9) {
	case 0:
		verb, decided = "set", func() {
			if m.set = c.Weight; c.Weight < before.Weight {
				m.approved = 0
			}
		}
		after, err = p.Set(m.t.Context(), c)
	case 1, 2:
		top := 1 + m.r.IntN(3000)
		verb, decided = "approve", func() { m.approved = 3 * top }
		after, err = p.Approve(m.t.Context(), c, []judge.Step{{Weight: top}, {Weight: 2 * top}, {Weight: 3 * top}})
	case 3, 4, 5:
		verb, c.Who = "step", "judge"
		after, err = p.Step(m.t.Context(), c)
	case 6:
		verb, decided = "rollback", func() {
			if before.Weight > 0 { // else there is nothing to roll back, and what was approved stays so
				m.set, m.approved = 0, 0
			}
		}
		after, err = p.Rollback(m.t.Context(), c)
	case 7:
		verb = [...]string{"hold", "freeze", "release"}[m.r.IntN(3)]
		after, err = map[string]func() (cutover.Group, error){
			"hold":    func() (cutover.Group, error) { return p.Hold(m.t.Context(), c) },
			"freeze":  func() (cutover.Group, error) { return p.Freeze(m.t.Context(), c) },
			"release": func() (cutover.Group, error) { return p.Release(m.t.Context(), c) },
		}[verb]()
	case 8:
		phases := []string{cutover.Off, cutover.Backfill, cutover.Shadow, cutover.Full, cutover.Drain}
		c.Phase = phases[m.r.IntN(len(phases))]
		verb = "enter " + c.Phase
		after, err = p.Enter(m.t.Context(), c)
	}
	m.told = append(m.told, fmt.Sprintf("%d: %s %d if %d: %d %s rev %d, %v", i, verb, c.Weight, c.If, after.Weight, after.Phase, after.Revision, err))
	if err != nil {
		if predicate(err) == "" && !errors.Is(err, cutover.ErrStale) && !errors.Is(err, cutover.ErrNoRevision) && fault.KindOf(err) != fault.Unavailable {
			m.t.Fatal(m.told, "an error of no kind that a person could act on")
		}
		return
	}
	if after.Pending != nil { // in force at this gateway alone, until it has the store again
		if verb != "rollback" || after.Weight != 0 || m.cables[i].err() == nil {
			m.t.Fatal(m.told, "pending: ", after)
		}
		return
	}
	decided()
	m.kept(after)
}

// kept: no acknowledged change is lost.
func (m *model) kept(after cutover.Group) {
	stored, err := cutover.Peek(m.t.Context(), m.store)
	if err != nil || stored.Revision < m.revision || stored.Group("donate").Revision != after.Revision || stored.Group("donate").Weight != after.Weight {
		m.t.Fatal(m.told, "acknowledged and not in the store: ", after, stored.Group("donate"), err)
	}
	m.revision = stored.Revision
}

// holds is what must be so after every move, on every gateway.
func (m *model) holds() {
	stored, err := cutover.Peek(m.t.Context(), m.store)
	if err != nil {
		m.t.Fatal(err)
	}
	g := stored.Group("donate")
	if g.Weight > max(m.set, m.approved) {
		m.t.Fatalf("%v: at %d, and the last word of a person allows %d and %d", m.told, g.Weight, m.set, m.approved)
	}
	for i, p := range m.plans {
		s := p.Now()
		at := s.Group("donate")
		if !cutover.Fits(at.Phase, at.Weight) {
			m.t.Fatalf("%v: gateway %d is in %s at %d: who writes?", m.told, i, at.Phase, at.Weight)
		}
		if at.Pending != nil && at.WriteAuthority() == "legacy" {
			continue // rolled back here, as by the kill switch
		}
		if s.Revision > stored.Revision || s.Revision == stored.Revision && (at.Weight != g.Weight || at.WriteAuthority() != g.WriteAuthority()) {
			m.t.Fatalf("%v: gateway %d at revision %d is not what the store says", m.told, i, s.Revision)
		}
	}
}

// T-9: whatever people, judges, crashes and networks do: one write authority at a revision, no acknowledged change lost, no raise above
// what a person last decided, and a journal that holds.
func TestRandomLives(t *testing.T) {
	t.Parallel()
	for seed := range uint64(25) {
		synctest.Test(t, func(t *testing.T) { live(t, seed) }) // no machine is so busy that a store seems away
	}
}

func live(t *testing.T, seed uint64) {
	m := &model{t: t, r: rand.New(rand.NewPCG(seed, 4)), store: kv.NewMem(), file: filepath.Join(t.TempDir(), "plan.json"), now: noon}
	m.plans, m.cables = make([]*cutover.Plan, 3), make([]*away, 3)
	for i := range m.plans {
		m.cables[i] = &away{Store: m.store}
		m.open(i)
	}
	for range 150 {
		i := m.r.IntN(len(m.plans))
		switch m.r.IntN(8) {
		case 0:
			cut := m.r.IntN(2) == 0
			m.told = append(m.told, fmt.Sprintf("%d: cable cut: %v", i, cut))
			m.cables[i].set(cut)
		case 1:
			m.told = append(m.told, fmt.Sprintf("%d: crash", i))
			m.open(i)
		case 2:
			m.now = m.now.Add(time.Duration(m.r.IntN(7200)-1800) * time.Second)
		case 3: // a look at the store, as Run has it
			_ = m.plans[i].Seed(t.Context(), map[string]cutover.Seed{"donate": free})
		default:
			m.change(i)
		}
		m.holds()
	}
	m.cables[0].set(false)
	m.open(0)
	if n, err := m.plans[0].Verify(t.Context()); err != nil || n != m.plans[0].Now().Revision {
		t.Fatal(m.told, n, err)
	}
}
