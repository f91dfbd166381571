package analysis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/gateway/cutover"
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

// word is what whoever leads tells the others: written when it changes.
type word struct {
	Verdicts map[string]string        `json:"verdicts"` // the newest record of each group
	Facts    map[string]cutover.Facts `json:"facts"`    // the newest measurements
}

func words(s kv.Store) kv.Table[word] { return kv.Table[word]{Store: s, Name: "judge/word"} }

const wordID = "latest"

// pass tells the others what is new.
func (a *Analysis) pass(ctx context.Context, store kv.Store) error {
	a.mu.Lock()
	is := word{map[string]string{}, maps.Clone(a.facts)}
	for group, r := range a.latest {
		is.Verdicts[group] = r.ID
	}
	a.mu.Unlock()
	if reflect.DeepEqual(is, a.word) {
		return nil
	}
	err := store.Commit(ctx, words(store).Put(wordID, is, kv.Always))
	if err == nil {
		a.word = is
	}
	return err
}

// follow takes over what whoever leads has told.
func (a *Analysis) follow(ctx context.Context, store kv.Store) error {
	is, _, err := words(store).Get(ctx, wordID)
	if errors.Is(err, kv.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	a.word = is
	a.take(is.Facts)
	for group, id := range is.Verdicts {
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
	return nil
}
