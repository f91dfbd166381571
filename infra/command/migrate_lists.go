package command

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/banyan-migration/banyan/migration/move"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// lists are the flags for what a move keeps of the rows that it did not take as they were.
func (m *migration) lists(c *cobra.Command) {
	c.Flags().StringVar(&m.rejects, "rejects", "", "file for the rows that are not moved, one JSON line each with the reason; it holds people's data")
	c.Flags().StringVar(&m.conflicts, "conflicts", "", "file for the versions that lost of rows that both sides changed, one JSON line each; it holds people's data")
}

// place says what stands against writing the lists, before anything is moved.
func (m *migration) place() error {
	if m.throttle.Rate < 0 || m.throttle.MaxLag < 0 {
		return fail(wrong, "--rate is %d and --max-lag %s: neither can be less than 0, which is no limit", m.throttle.Rate, m.throttle.MaxLag)
	}
	for flag, file := range map[string]string{"--rejects": m.rejects, "--conflicts": m.conflicts} {
		if file == "" {
			continue
		}
		if m.dry {
			return fail(wrong, "%s lists what the store keeps, and --dry-run keeps nothing: leave one of them out; nothing was moved", flag)
		}
		if err := listable(file); err != nil {
			return fail(wrong, "%s: %w; nothing was moved", flag, err)
		}
	}
	return nil
}

// listable refuses a file that cannot be written, or is there and is no list of ours: it may be the store, or the only dump of a site.
func listable(file string) error {
	if _, err := os.Stat(filepath.Dir(filepath.Clean(file))); err != nil {
		return err
	}
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	const first = `{"form":`
	begins := make([]byte, len(first))
	n, err := io.ReadFull(f, begins)
	if n == 0 && errors.Is(err, io.EOF) || strings.HasPrefix(string(begins[:n]), first) {
		return nil
	}
	return fmt.Errorf("%s is there and is no list of ours: it stays as it is, name another file", file)
}

// write puts the lists of all forms into their files.
func (m *migration) write(ctx context.Context, e *ends) error {
	if err := put(ctx, e, m.rejects, move.Rejects); err != nil {
		return fmt.Errorf("--rejects: %w", err)
	}
	if err := put(ctx, e, m.conflicts, move.Conflicts); err != nil {
		return fmt.Errorf("--conflicts: %w", err)
	}
	return nil
}

// put writes one list of all forms; file "" is none.
func put[T any](ctx context.Context, e *ends, file string, of func(context.Context, kv.Store, form.Form, func(T) error) error) error {
	if file == "" {
		return nil
	}
	return wholly(file, func(line func(any) error) (err error) {
		for _, f := range e.taken() {
			err = errors.Join(err, of(ctx, e.store(f.Service), f, func(v T) error { return line(v) }))
		}
		return err
	})
}

// wholly writes lines of JSON into a file that its owner alone may read, and puts it in its place when it is whole.
func wholly(name string, write func(line func(any) error) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // nothing is there once it is renamed
	out := bufio.NewWriter(f)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	if err := errors.Join(write(lines.Encode), out.Flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
