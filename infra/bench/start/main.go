// Start measures how long `banyan up` takes from exec to the donate form through the gateway, Drupal's own slowness included,
// on an empty folder and on one that an earlier run left, and how large the binary is. It exits with 1 where either misses its aim.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

const (
	runs    = 10
	aim     = time.Second // the median, exec to answer
	largest = 40_000_000  // bytes of the binary
)

func main() {
	if err := bench(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "start:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "banyan-start-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "banyan")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	info, err := os.Stat(binary)
	if err != nil {
		return err
	}
	fmt.Printf("the binary: %.1f MB (aim: under %d)\n", float64(info.Size())/1e6, largest/1_000_000)
	var first, later []time.Duration
	for i := range runs {
		state := filepath.Join(dir, fmt.Sprint(i))
		for _, kind := range []*[]time.Duration{&first, &later} {
			took, err := start(ctx, binary, state)
			if err != nil {
				return err
			}
			*kind = append(*kind, took)
		}
	}
	held := info.Size() < largest
	held = tell("first start", first) && held
	held = tell("later start", later) && held
	if !held {
		return errors.New("the aim is missed")
	}
	return nil
}

// tell prints the figures of one kind of start and says whether its median is within the aim.
func tell(kind string, took []time.Duration) bool {
	slices.Sort(took)
	median := (took[(runs-1)/2] + took[runs/2]) / 2
	ms := time.Millisecond
	fmt.Printf("%s: median %d ms, fastest %d, slowest %d, of %d (aim: median under %d)\n",
		kind, median/ms, took[0]/ms, took[runs-1]/ms, runs, aim/ms)
	return median < aim
}

// start runs `banyan up` until it answers, and says how long that took.
func start(ctx context.Context, binary, state string) (time.Duration, error) {
	address, err := free()
	if err != nil {
		return 0, err
	}
	up := exec.CommandContext(ctx, binary, "up", "--dir", state, "--listen", address)
	up.Stderr = os.Stderr
	began := time.Now()
	if err := up.Start(); err != nil {
		return 0, err
	}
	took, err := answers(ctx, "http://"+address+"/donate", began)
	ended := errors.Join(up.Process.Signal(syscall.SIGTERM), up.Wait())
	return took, errors.Join(err, ended)
}

// answers asks for a page every millisecond until it comes.
func answers(ctx context.Context, page string, began time.Time) (time.Duration, error) {
	const patience = 30 * time.Second
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if time.Since(began) > patience {
			break
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
		if err != nil {
			return 0, err
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			continue // not yet
		}
		_, err = io.Copy(io.Discard, res.Body)
		if err = errors.Join(err, res.Body.Close()); err == nil && res.StatusCode == http.StatusOK {
			return time.Since(began), nil
		}
	}
	return 0, fmt.Errorf("%s has not answered within %s", page, patience)
}

func free() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
