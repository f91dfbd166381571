package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// dumpSpeed is how many submissions a second the backfill of a dump must move.
const dumpSpeed = 20_000

// dumped moves a dump twice, the second time over what is there.
func (b *bench) dumped(ctx context.Context) error {
	dump, store := filepath.Join(b.dir, "dump.sql"), filepath.Join(b.dir, "services.db")
	pence, err := write(dump, b.rows)
	if err != nil {
		return err
	}
	fmt.Printf("dump of %d donations, 14 values each: %d MB\n", b.rows, size(dump)>>20)
	first, spent, err := backfill(ctx, "backfill", dump, store)
	if err != nil {
		return err
	}
	second, _, err := backfill(ctx, "backfill again", dump, store)
	if err != nil {
		return err
	}
	if _, err := verify(ctx, dump, store); err != nil {
		return err
	}
	fmt.Printf("store: %d MB\n", size(store)>>20)
	if err := b.whole(first, pence); err != nil {
		return err
	}
	if second.Moved != 0 || second.Unchanged != first.Moved {
		return fmt.Errorf("a second run says %+v", second)
	}
	speed := int64(float64(b.rows) / spent.took.Seconds())
	b.held("backfill of a dump", fmt.Sprintf("%d a second", speed), fmt.Sprint(dumpSpeed), speed >= dumpSpeed)
	return nil
}

// whole holds what was moved against what was generated.
func (b *bench) whole(got result, pence int64) error {
	bad := int64(b.rows / every)
	if got.Moved != int64(b.rows)-bad || got.SumPence != pence || got.Rejected["amount"] != bad {
		return fmt.Errorf("moved %+v, want %d rows of together %d pence", got, int64(b.rows)-bad, pence)
	}
	return nil
}

func write(file string, rows int) (pence int64, err error) {
	f, err := os.Create(file)
	if err != nil {
		return 0, err
	}
	pence, err = generate(f, rows)
	return pence, errors.Join(err, f.Close())
}
