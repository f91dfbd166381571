package analysis

import (
	"context"
	"strconv"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/shared/kv"
)

// peer is what this replica knows of one replica, itself among them. Whether it lives is seen by its heartbeat's changing, not by
// the time in it: clocks differ.
type peer struct {
	heartbeat
	rev   kv.Condition
	still int              // looks at which the heartbeat was the same
	drawn map[string]int64 // by group: the last cell that Curves has
	heard int64            // the last outcome that was read
}

// lives says whether the replica reports.
func (p *peer) lives() bool { return !p.Left && p.still < patience }

// meet reads what the replicas say of themselves, and their cells for the curves.
func (a *Analysis) meet(ctx context.Context, store kv.Store) error {
	rows, _, err := replicas(store).List(ctx, "", 1000)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, row := range rows {
		there[row.ID] = true
		p := a.peers[row.ID]
		if p == nil {
			p = &peer{drawn: map[string]int64{}}
			a.peers[row.ID] = p
		}
		if p.still++; p.rev != row.Rev {
			p.still = 0
		}
		p.heartbeat, p.rev = row.Value, row.Rev
		a.gifts.know(p.Told)
		if err := a.hear(ctx, store, row.ID, p); err != nil {
			return err
		}
		for group, last := range p.Last {
			if err := a.draw(ctx, store, row.ID, group, p, last); err != nil {
				return err
			}
		}
	}
	var living []Replica
	for id, p := range a.peers {
		if !there[id] {
			delete(a.peers, id)
		} else if p.lives() {
			living = append(living, Replica{ID: id, Revision: p.Revision, Seen: p.Seen, Leads: p.Leads})
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.replicas = living
	return nil
}

// draw adds a replica's new cells to the curves.
func (a *Analysis) draw(ctx context.Context, store kv.Store, replica, group string, p *peer, last int64) error {
	for p.drawn[group] < last {
		some, err := after(ctx, store, group, replica, p.drawn[group])
		if err != nil {
			return err
		}
		a.mu.Lock()
		for _, c := range some {
			a.curve(group).add(c.cell)
			p.drawn[group] = c.n
		}
		a.mu.Unlock()
		if len(some) == 0 {
			p.drawn[group] = last // older ones are no longer kept
		}
	}
	return nil
}

type numbered struct {
	n    int64
	cell judge.Cell
}

// page is how many cells are read at once.
const page = 500

// after reads a replica's cells of a group that follow one, a page of them.
func after(ctx context.Context, store kv.Store, group, replica string, n int64) ([]numbered, error) {
	t := cells(store, group, replica)
	rows, _, err := t.List(ctx, "0/"+cellID(n), page)
	if err != nil {
		return nil, err
	}
	all := make([]numbered, len(rows))
	for i, row := range rows {
		all[i] = numbered{number(row.ID), row.Value}
	}
	return all, nil
}

// number reads what cellID wrote; what is none is 0.
func number(id string) int64 {
	n, _ := strconv.ParseInt(id, 16, 64)
	return n
}

// presence counts the replicas that the judge should hear of and those that it hears. Who has been silent for longer than a verdict may
// be stale is no longer waited for; who left, from then on.
func (a *Analysis) presence(stale time.Duration) (all, heard int) {
	looks := max(patience, int(stale/a.pace()))
	for _, p := range a.peers {
		if p.Left || p.still >= looks {
			continue
		}
		all++
		if p.still <= 1 { // turns of two gateways are not in step
			heard++
		}
	}
	return all, heard
}
