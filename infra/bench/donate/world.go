package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"syscall"
	"time"

	"github.com/banyan-migration/banyan/infra/local"
)

// serve is the child: it starts the world, says where it is, and answers each line on in with the CPU that it has used
// so far, in seconds. It ends with in. Everything that a real one logs is logged, to files.
func serve(ctx context.Context, dir, profile string, in io.Reader, out io.Writer) (err error) {
	config, err := os.ReadFile("gateway.yaml")
	if err != nil {
		return fmt.Errorf("%w; run it from the repository's root", err)
	}
	log, err := os.Create(filepath.Join(dir, "services.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	access, err := os.Create(filepath.Join(dir, "access.log"))
	if err != nil {
		return err
	}
	defer access.Close()
	w, err := local.Start(ctx, local.Options{Dir: dir, Config: config, Access: access, Log: slog.New(slog.NewJSONHandler(log, nil))})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close(context.WithoutCancel(ctx))) }()
	if err := w.Weigh(ctx, "donate", 10_000, "the benchmark's donors are all on the new side"); err != nil {
		return err
	}
	answers := json.NewEncoder(out)
	if err := answers.Encode(w); err != nil {
		return err
	}
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	for asked := bufio.NewScanner(in); asked.Scan(); {
		if err := answers.Encode(cpu()); err != nil {
			return err
		}
	}
	return nil
}

// cpu is what this process has used, user and system, in seconds.
func cpu() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// world is the running child, as its parent sees it.
type world struct {
	local.World
	dir     string
	process *exec.Cmd
	ask     io.WriteCloser
	answers *json.Decoder
	ended   bool
}

// begin starts the child and waits until its addresses answer.
func begin(ctx context.Context, dir, profile string) (*world, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	w := &world{dir: dir, process: exec.CommandContext(ctx, self, "-profile", profile)}
	w.process.Env = append(os.Environ(), child+"="+dir)
	w.process.Stderr = os.Stderr
	w.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt is ours to pass on, by closing its input
	if w.ask, err = w.process.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := w.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := w.process.Start(); err != nil {
		return nil, err
	}
	w.answers = json.NewDecoder(out)
	if err := w.answers.Decode(&w.World); err != nil {
		return nil, errors.Join(fmt.Errorf("the world did not start: %w", err), w.end())
	}
	return w, nil
}

// end closes the world in good order and waits for it. Ending twice is ending once.
func (w *world) end() error {
	if w.ended {
		return nil
	}
	w.ended = true
	return errors.Join(w.ask.Close(), w.process.Wait())
}

// used is the CPU that the world has used so far, in seconds.
func (w *world) used() (seconds float64, err error) {
	if _, err := io.WriteString(w.ask, "\n"); err != nil {
		return 0, fmt.Errorf("the world has ended: %w", err)
	}
	err = w.answers.Decode(&seconds)
	return seconds, err
}
