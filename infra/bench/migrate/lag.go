package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/banyan-migration/banyan/infra/fakes/mariadb"
	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/migration/move"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/kv/sqlite"
)

const (
	perSecond = 350             // donations, the case's busiest second
	lagMost   = 1 * time.Second // from a donation's commit in the old site until it is in the store
)

// lag lets donations come into the old site while sync follows, and measures how long each takes to arrive.
func (b *bench) lag(ctx context.Context, m *mariadb.Server, store string) error {
	source, err := drupal.Open(ctx, m.Source("root", "d7"))
	if err != nil {
		return err
	}
	defer source.Close()
	db, err := sqlite.Open(store)
	if err != nil {
		return err
	}
	defer db.Close()
	f, _ := form.ByAlias("donate")
	w := &watch{committed: map[int64]time.Time{}, arrived: map[int64]bool{}, asked: map[kv.Key]int64{}}
	parts := move.Parts(f, db.Store)
	parts[0].Import = w.importing(parts[0].Import)
	parts[0].Store = watched{parts[0].Store, w}
	following, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		ended <- move.Job{Source: source, Form: f, Parts: parts}.Follow(following, 100*time.Millisecond, nil)
	}()
	if err := b.donate(ctx, m, w); err != nil {
		return err
	}
	if err := w.wait(ctx, ended); err != nil {
		return err
	}
	stop()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	slices.Sort(w.lags)
	worst := w.lags[len(w.lags)-1]
	fmt.Printf("sync: %d donations in %s; behind by %s in the middle, %s at most\n", len(w.lags), b.follow, w.lags[len(w.lags)/2].Round(time.Millisecond), worst.Round(time.Millisecond))
	b.held(fmt.Sprintf("sync at %d a second is behind by", perSecond), worst.Round(time.Millisecond).String(), "< "+lagMost.String(), worst < lagMost)
	return nil
}

// donate inserts donations at the rate, each as webform does: the submission, then its values.
func (b *bench) donate(ctx context.Context, m *mariadb.Server, w *watch) error {
	c := mysql.NewConfig()
	c.User, c.Net, c.Addr, c.DBName = "root", "unix", m.Socket, "d7"
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	random := rand.New(rand.NewPCG(2019, 4))
	began := time.Now()
	tick := time.NewTicker(time.Second / perSecond)
	defer tick.Stop()
	for n := range int(b.follow.Seconds() * perSecond) {
		sid := b.rows + 1 + n
		if err := insert(ctx, db, random, sid); err != nil {
			return err
		}
		w.mark(int64(sid))
		if time.Since(began) < time.Duration(n)*time.Second/perSecond {
			<-tick.C
		}
	}
	return nil
}

func insert(ctx context.Context, db *sql.DB, random *rand.Rand, sid int) error {
	values, _ := donation(random, sid)
	if sid%every == 0 {
		values[0] = "10.00" // all are to arrive
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after the commit it says so, which is of no interest
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("INSERT INTO webform_submissions VALUES (%d,2,0,0,%d,'198.51.100.7')", sid, time.Now().Unix())); err != nil {
		return err
	}
	rows := make([]string, len(values))
	for i, v := range values {
		rows[i] = fmt.Sprintf("(2,%d,%d,'0','%s')", sid, i+1, v)
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO webform_submitted_data VALUES "+strings.Join(rows, ",")); err != nil {
		return err
	}
	return tx.Commit()
}

// watch knows when each donation was committed on both sides.
type watch struct {
	mu        sync.Mutex
	committed map[int64]time.Time // in the old site, and not yet in the store
	arrived   map[int64]bool      // in the store before its donor was told so
	asked     map[kv.Key]int64    // the sid of an imported record's first key
	lags      []time.Duration
}

func (w *watch) mark(sid int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.arrived[sid] {
		w.lags = append(w.lags, 0)
		return
	}
	w.committed[sid] = time.Now()
}

func (w *watch) importing(take func(form.Record) ([]kv.Write, error)) func(form.Record) ([]kv.Write, error) {
	return func(r form.Record) ([]kv.Write, error) {
		writes, err := take(r)
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(writes) > 0 {
			w.asked[writes[0].Key] = r.SID
		}
		return writes, err
	}
}

// wait ends when all have arrived, or when sync has ended by itself.
func (w *watch) wait(ctx context.Context, ended <-chan error) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		w.mu.Lock()
		left := len(w.committed)
		w.mu.Unlock()
		if left == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case err := <-ended:
			return fmt.Errorf("sync ended with %d donations on the way: %w", left, err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// watched is a store whose commits are timed.
type watched struct {
	kv.Store
	watch *watch
}

func (s watched) Commit(ctx context.Context, writes ...kv.Write) error {
	if err := s.Store.Commit(ctx, writes...); err != nil {
		return err
	}
	now := time.Now()
	s.watch.mu.Lock()
	defer s.watch.mu.Unlock()
	for _, write := range writes {
		sid, ours := s.watch.asked[write.Key]
		at, waiting := s.watch.committed[sid]
		switch {
		case ours && waiting:
			s.watch.lags = append(s.watch.lags, now.Sub(at))
			delete(s.watch.committed, sid)
		case ours:
			s.watch.arrived[sid] = true
		}
	}
	return nil
}
