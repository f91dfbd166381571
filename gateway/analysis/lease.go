package analysis

import (
	"context"
	"errors"
	"time"

	"github.com/banyan-migration/banyan/shared/kv"
)

// patience is for how many turns in a row a replica must be seen to do nothing before the others go on without it.
const patience = 5

// lease says who leads. It is renewed every turn, under the condition that nobody else has it meanwhile; so two never hold it at once.
// It ends by being watched, not by a date: a replica takes it when it has seen it unrenewed for patience turns of its own. A clock
// that jumps, the holder's or the watcher's, therefore ends nothing and prolongs nothing.
type lease struct {
	seen  kv.Condition // the stored lease's revision at the last look
	still int          // looks at which it was the same
}

// held is the lease as it is stored.
type held struct {
	Holder string `json:"holder"`
	Beat   int64  `json:"beat"`
}

func leases(s kv.Store) kv.Table[held] { return kv.Table[held]{Store: s, Name: "judge/lease"} }

const leaseID = "lead"

// hold takes or renews the lease and says whether it is held now. It is held until the next call, or until the caller is late for that
// by patience turns: then whatever it writes meets a newer revision of what it read, and is not written.
func (l *lease) hold(ctx context.Context, store kv.Store, me string) (bool, error) {
	t := leases(store)
	now, rev, err := t.Get(ctx, leaseID)
	switch {
	case errors.Is(err, kv.ErrNotFound):
		rev = kv.Absent
	case err != nil:
		return false, err
	case now.Holder != me:
		if rev != l.seen {
			l.seen, l.still = rev, 0
			return false, nil
		}
		if l.still++; l.still < patience {
			return false, nil
		}
	}
	err = store.Commit(ctx, t.Put(leaseID, held{me, now.Beat + 1}, rev))
	if errors.Is(err, kv.ErrConflict) {
		l.forget()
		return false, nil
	}
	return err == nil, err
}

func (l *lease) forget() { *l = lease{} }

// leave gives back what others would wait for: the lease, and the place among the replicas.
func (a *Analysis) leave(ctx context.Context) {
	store, err := a.o.Store()
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	a.gather(a.o.Now())
	if err := a.send(ctx, store, a.o.Now()); err == nil {
		gone := replicas(store).Put(a.o.Replica, a.report.doc(a, a.o.Now(), true), a.report.rev)
		gone.Expires = a.o.Now().Add(remembered)
		_ = store.Commit(ctx, gone) // else the others forget it in their own time
		a.report.rev = 0
	}
	t := leases(store)
	if now, rev, err := t.Get(ctx, leaseID); err == nil && now.Holder == a.o.Replica+" "+a.boot {
		_ = store.Commit(ctx, kv.Write{Key: t.Key(leaseID), Delete: true, If: rev}) // else the others wait for patience turns
	}
}
