// Command migrate measures the backfill: it generates a dump of a million donations, moves it into an empty store with
// the command that everybody uses, in a process of its own, verifies the result and says what it took. It exits with
// 1 when a row is missing, or the speed is below the aim.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/banyan-migration/banyan/infra/command"
)

// aim is how many submissions a second the backfill must move.
const aim = 20_000

// child is the environment variable by which the program, started by itself, is the banyan command.
const child = "BANYAN_BENCH_COMMAND"

func main() {
	if os.Getenv(child) != "" {
		os.Exit(command.Main(os.Args[1:], nil, os.Stdin, os.Stdout, os.Stderr))
	}
	rows := flag.Int("rows", 1_000_000, "submissions in the dump")
	dir := flag.String("dir", "", "folder for the dump and the store; empty: a temporary one, removed at the end")
	flag.Parse()
	if err := measure(context.Background(), *rows, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "bench-backfill:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, rows int, dir string) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "banyan-backfill-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	dump, store := filepath.Join(dir, "dump.sql"), filepath.Join(dir, "services.db")
	pence, err := write(dump, rows)
	if err != nil {
		return err
	}
	fmt.Printf("dump of %d donations, 14 values each: %d MB\n", rows, size(dump)>>20)
	good := int64(rows - rows/every)
	first, took, err := backfill(ctx, "backfill", dump, store)
	if err != nil {
		return err
	}
	second, _, err := backfill(ctx, "backfill again", dump, store)
	if err != nil {
		return err
	}
	if err := check(ctx, dump, store); err != nil {
		return err
	}
	fmt.Printf("store: %d MB\n", size(store)>>20)
	speed := int64(float64(rows) / took.Seconds())
	switch {
	case first.Moved != good || first.SumPence != pence || first.Rejected["amount"] != int64(rows)-good:
		return fmt.Errorf("moved %+v, want %d rows of together %d pence", first, good, pence)
	case second.Moved != 0 || second.Unchanged != good:
		return fmt.Errorf("a second run says %+v", second)
	case speed < aim:
		return fmt.Errorf("%d submissions a second; the aim is %d", speed, aim)
	}
	fmt.Printf("%d submissions a second; the aim is %d\n", speed, aim)
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

// result is the part of the command's document that is looked at.
type result struct {
	Moved, Unchanged int64
	Rejected         map[string]int64
	SumPence         int64 `json:"sum_pence"`
}

func backfill(ctx context.Context, name, dump, store string) (result, time.Duration, error) {
	var doc struct{ Forms map[string]result }
	took, err := banyan(ctx, name, &doc, "migrate", "backfill", "--from", dump, "--to", "sqlite:"+store, "--rejects", store+".rejects", "--json")
	return doc.Forms["donate"], took, err
}

func check(ctx context.Context, dump, store string) error {
	var doc struct{ Clean bool }
	_, err := banyan(ctx, "verify", &doc, "migrate", "verify", "--from", dump, "--to", "sqlite:"+store, "--json")
	if err == nil && !doc.Clean {
		err = errors.New("verify: not clean")
	}
	return err
}

// banyan runs the command in a process of its own and prints what that took.
func banyan(ctx context.Context, name string, doc any, args ...string) (time.Duration, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	var out bytes.Buffer
	c := exec.CommandContext(ctx, self, args...)
	c.Env = append(os.Environ(), child+"=1")
	c.Stdout, c.Stderr = &out, os.Stderr
	began := time.Now()
	if err := c.Run(); err != nil {
		return 0, fmt.Errorf("%s: %w: %s", name, err, out.Bytes())
	}
	took := time.Since(began)
	peak := int64(0)
	if usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		peak = usage.Maxrss >> 10
		if runtime.GOOS == "darwin" { // bytes there, kilobytes elsewhere
			peak >>= 10
		}
	}
	cpu := c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	fmt.Printf("%-15s %6.1f s, %6.1f s of CPU, at most %d MB of memory\n", name, took.Seconds(), cpu.Seconds(), peak)
	return took, json.Unmarshal(out.Bytes(), doc)
}

func size(file string) int64 {
	info, err := os.Stat(file)
	if err != nil {
		return 0
	}
	return info.Size()
}
