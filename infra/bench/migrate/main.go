// Command migrate measures the move out of a live MariaDB of its own, with a million donations in it: backfill and
// verify with the command that everybody uses, in processes of their own, beside mysqldump of the same tables in the
// same run; then how far sync is behind while donations go on coming. It exits with 1 where a row is missing or an aim
// is missed. With -dump it measures the backfill from a dump instead, which needs no MariaDB.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/banyan-migration/banyan/infra/command"
)

// child is the environment variable by which the program, started by itself, is the banyan command.
const child = "BANYAN_BENCH_COMMAND"

func main() {
	if os.Getenv(child) != "" {
		os.Exit(command.Main(os.Args[1:], nil, os.Stdin, os.Stdout, os.Stderr))
	}
	var b bench
	flag.IntVar(&b.rows, "rows", 1_000_000, "submissions, 14 values each")
	flag.StringVar(&b.dir, "dir", "", "folder for the database and the store; empty: a temporary one, removed at the end")
	flag.StringVar(&b.server, "mariadbd", "mariadbd", "the server's program; its tools are found on the PATH")
	flag.DurationVar(&b.follow, "follow", 20*time.Second, "how long sync is watched; 0: not at all")
	dumped := flag.Bool("dump", false, "from a dump, without a MariaDB")
	flag.Parse()
	run := b.live
	if *dumped {
		run = b.dumped
	}
	if err := b.in(context.Background(), run); err != nil {
		fmt.Fprintln(os.Stderr, "bench-migrate:", err)
		os.Exit(1)
	}
}

// bench is one run.
type bench struct {
	rows   int
	dir    string
	server string
	follow time.Duration
	missed []string // aims
}

// in does a measurement in the folder.
func (b *bench) in(ctx context.Context, measure func(context.Context) error) (err error) {
	if b.dir == "" {
		if b.dir, err = os.MkdirTemp("", "bench"); err != nil { // a short name: a socket's path must be
			return err
		}
		defer os.RemoveAll(b.dir)
	}
	if err := measure(ctx); err != nil {
		return err
	}
	if len(b.missed) > 0 {
		return fmt.Errorf("missed: %q", b.missed)
	}
	return nil
}

// held prints a figure beside its aim and remembers one that was missed.
func (b *bench) held(name, figure string, aim string, ok bool) {
	mark := "held"
	if !ok {
		mark = "MISSED"
		b.missed = append(b.missed, name)
	}
	fmt.Printf("%-36s %14s   aim %-12s %s\n", name, figure, aim, mark)
}

var errNotClean = errors.New("verify: not clean")
