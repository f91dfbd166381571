package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// cost is what a process took.
type cost struct {
	took, cpu time.Duration
	peak      int64 // MB of memory at most
}

// banyan runs the command in a process of its own and prints what that took.
func banyan(ctx context.Context, name string, doc any, args ...string) (cost, error) {
	self, err := os.Executable()
	if err != nil {
		return cost{}, err
	}
	var out bytes.Buffer
	c := exec.CommandContext(ctx, self, args...)
	c.Env = append(os.Environ(), child+"=1")
	c.Stdout, c.Stderr = &out, os.Stderr
	began := time.Now()
	if err := c.Run(); err != nil {
		return cost{}, fmt.Errorf("%s: %w: %s", name, err, out.Bytes())
	}
	spent := cost{took: time.Since(began), cpu: c.ProcessState.UserTime() + c.ProcessState.SystemTime()}
	if usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		spent.peak = usage.Maxrss >> 10
		if runtime.GOOS == "darwin" { // bytes there, kilobytes elsewhere
			spent.peak >>= 10
		}
	}
	fmt.Printf("%-15s %6.1f s, %6.1f s of CPU, at most %d MB of memory\n", name, spent.took.Seconds(), spent.cpu.Seconds(), spent.peak)
	return spent, json.Unmarshal(out.Bytes(), doc)
}

// result is the part of the command's document that is looked at.
type result struct {
	Moved, Unchanged int64
	Rejected         map[string]int64
	SumPence         int64 `json:"sum_pence"`
}

func backfill(ctx context.Context, name, from, store string) (result, cost, error) {
	var doc struct{ Forms map[string]result }
	spent, err := banyan(ctx, name, &doc, "migrate", "backfill", "--from", from, "--to", "sqlite:"+store, "--rejects", store+".rejects", "--json")
	return doc.Forms["donate"], spent, err
}

func verify(ctx context.Context, from, store string) (cost, error) {
	var doc struct{ Clean bool }
	spent, err := banyan(ctx, "verify", &doc, "migrate", "verify", "--from", from, "--to", "sqlite:"+store, "--json")
	if err == nil && !doc.Clean {
		err = errNotClean
	}
	return spent, err
}

func size(file string) int64 {
	info, err := os.Stat(file)
	if err != nil {
		return 0
	}
	return info.Size()
}
