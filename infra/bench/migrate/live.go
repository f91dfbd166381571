package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/mariadb"
)

// What is asked of a million submissions, beside mysqldump of the same two tables in the same run.
const (
	backfillTimes = 4.0
	verifyTimes   = 3.0
	verifyMost    = 20 * time.Second
	memoryMost    = 200 // MB, of each process
)

// live moves out of a MariaDB, verifies, and follows what goes on coming.
func (b *bench) live(ctx context.Context) error {
	m, pence, err := b.fill(ctx)
	if err != nil {
		return err
	}
	defer m.Stop()
	var dumps [4]time.Duration
	dump := func(i int) (err error) {
		dumps[i], err = mysqldump(ctx, m)
		return err
	}
	if err := errors.Join(dump(0), dump(1)); err != nil { // the first reads from the disk, and is not counted
		return err
	}
	store, from := filepath.Join(b.dir, "services.db"), m.Source("root", "d7")
	got, moved, err := backfill(ctx, "backfill", from, store)
	if err == nil {
		err = errors.Join(b.whole(got, pence), dump(2))
	}
	if err != nil {
		return err
	}
	verified, err := verify(ctx, from, store)
	if err = errors.Join(err, dump(3)); err != nil {
		return err
	}
	fmt.Printf("%-15s %6.1f s before, %.1f s between, %.1f s after; store: %d MB\n\n", "mysqldump", dumps[1].Seconds(), dumps[2].Seconds(), dumps[3].Seconds(), size(store)>>20)
	// Each beside the two around it, since a machine is seldom as busy for long.
	b.beside("backfill", moved, (dumps[1]+dumps[2])/2, backfillTimes)
	b.beside("verify", verified, (dumps[2]+dumps[3])/2, verifyTimes)
	b.held("verify takes", fmt.Sprintf("%.1f s", verified.took.Seconds()), "< "+verifyMost.String(), verified.took < verifyMost)
	if b.follow == 0 {
		return nil
	}
	return b.lag(ctx, m, store)
}

// fill starts a server with the generated donations in it.
func (b *bench) fill(ctx context.Context) (*mariadb.Server, int64, error) {
	server, err := exec.LookPath(b.server)
	if err != nil {
		return nil, 0, fmt.Errorf("a MariaDB is needed (apt-get install mariadb-server), or -dump: %w", err)
	}
	dir := filepath.Join(b.dir, "m")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, 0, err
	}
	m, err := mariadb.Start(ctx, server, dir, "--innodb-buffer-pool-size=512M", "--innodb-log-file-size=256M", "--innodb-doublewrite=0")
	if err != nil {
		return nil, 0, err
	}
	began := time.Now()
	script, to := io.Pipe()
	pence := int64(0)
	go func() {
		p, err := generate(to, b.rows)
		pence = p
		to.CloseWithError(err)
	}()
	err = m.Load(ctx, "d7", script)
	if err = errors.Join(err, script.Close()); err != nil {
		m.Stop()
		return nil, 0, err
	}
	fmt.Printf("a MariaDB with %d donations, 14 values each, filled in %.0f s\n", b.rows, time.Since(began).Seconds())
	return m, pence, nil
}

// mysqldump is how long that takes for the submissions.
func mysqldump(ctx context.Context, m *mariadb.Server) (time.Duration, error) {
	began := time.Now()
	err := m.Dump(ctx, io.Discard, "--single-transaction", "--result-file="+os.DevNull, "d7", "webform_submissions", "webform_submitted_data")
	return time.Since(began), err
}

// beside holds a process against mysqldump.
func (b *bench) beside(name string, spent cost, dump time.Duration, times float64) {
	ratio := spent.took.Seconds() / dump.Seconds()
	b.held(name+" beside mysqldump", fmt.Sprintf("%.2f times", ratio), fmt.Sprintf("<= %.0f times", times), ratio <= times)
	b.held(name+"'s memory", fmt.Sprintf("%d MB", spent.peak), fmt.Sprintf("< %d MB", memoryMost), spent.peak < memoryMost)
}
