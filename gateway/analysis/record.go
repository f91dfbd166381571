package analysis

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/gateway/judge"
	"github.com/banyan-migration/banyan/shared/kv"
)

// How long verdicts are kept: those that changed something or said something new, and those that say again what the one before said.
const (
	keepNew   = 30 * 24 * time.Hour
	keepAgain = 2 * 24 * time.Hour
)

func records(s kv.Store, group string) kv.Table[judge.Record] {
	return kv.Table[judge.Record]{Store: s, Name: "judge/record/" + group}
}

const idTime = "20060102T150405.000Z"

// recordID names a verdict: its group and its time, which is the moment of the look.
func recordID(group string, at time.Time) string { return group + "-" + at.UTC().Format(idTime) }

// place is where a verdict lies: the newest first.
func place(at time.Time) string { return fmt.Sprintf("%016x", math.MaxInt64-at.UnixMilli()) }

func placeOf(id string) (group, sort string, ok bool) {
	cut := strings.LastIndexByte(id, '-')
	if cut < 0 {
		return "", "", false
	}
	at, err := time.Parse(idTime, id[cut+1:])
	return id[:cut], place(at), err == nil
}

// Record is a stored verdict by its id. kv.ErrNotFound: there is none, or it is older than thirty days.
func (a *Analysis) Record(ctx context.Context, id string) (judge.Record, error) {
	group, sort, ok := placeOf(id)
	if !ok {
		return judge.Record{}, kv.ErrNotFound
	}
	store, err := a.o.Store()
	if err != nil {
		return judge.Record{}, err
	}
	r, _, err := records(store, group).Get(ctx, sort)
	return r, err
}

// Records are a group's stored verdicts, the newest first, at most limit.
func (a *Analysis) Records(ctx context.Context, group string, limit int) ([]judge.Record, error) {
	store, err := a.o.Store()
	if err != nil {
		return nil, err
	}
	rows, _, err := records(store, group).List(ctx, "", limit)
	if err != nil {
		return nil, err
	}
	all := make([]judge.Record, len(rows))
	for i, row := range rows {
		all[i] = row.Value
	}
	return all, nil
}

// follow takes over the verdicts and measurements of whoever leads.
func (a *Analysis) follow(ctx context.Context) error {
	for _, p := range a.peers {
		if !p.lives() {
			continue
		}
		a.take(p.Facts)
		for group, id := range p.Verdicts {
			if have, _ := a.Latest(group); have.ID == id {
				continue
			}
			r, err := a.Record(ctx, id)
			if err != nil && !errors.Is(err, kv.ErrNotFound) {
				return err
			}
			if err == nil {
				a.mu.Lock()
				a.latest[group] = r
				a.mu.Unlock()
			}
		}
	}
	return nil
}
