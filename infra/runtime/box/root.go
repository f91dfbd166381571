// Package box is what a Lambda environment stands on: the folders that its processes see as /var/task and /opt, the
// processes themselves with their output, and their share of the processor and of memory.
package box

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Root is a version's code and layers, laid so that processes find them. All environments of a version share it; it is read
// only to them by custom, not by force. Safe for concurrent use.
type Root struct {
	Task, Opt string // where processes see code and layers
	code, opt string // where they are
	made      string // what Close removes
	real      bool   // the folders have the same names as on AWS
	thread    *thread
}

// ErrNoBootstrap is a version without a program to start.
var ErrNoBootstrap = errors.New("no bootstrap in the code, and none in the layers")

// Lay lays a version's code and its layers, the last on top, with what that needs in a folder below dir. Where a mount
// namespace is permitted and not rewrite, processes see them as /var/task and /opt; else they see the folders themselves, and
// Seen rewrites what names them.
func Lay(dir, code string, layers []string, rewrite bool) (*Root, error) {
	code, err := folder(code)
	if err != nil {
		return nil, fmt.Errorf("code: %w", err)
	}
	for i, layer := range layers {
		if layers[i], err = folder(layer); err != nil {
			return nil, fmt.Errorf("layer %d: %w", i+1, err)
		}
	}
	r := &Root{code: code}
	if r.made, err = os.MkdirTemp(dir, "root-"); err != nil {
		return nil, err
	}
	r.opt = filepath.Join(r.made, "opt")
	if len(layers) == 1 {
		r.opt = layers[0]
	} else if err := os.Mkdir(r.opt, 0o755); err != nil {
		return nil, err
	}
	for _, layer := range layers {
		if len(layers) == 1 {
			break
		}
		if err := link(layer, r.opt); err != nil {
			r.Close()
			return nil, fmt.Errorf("layer %s: %w", layer, err)
		}
	}
	r.Task, r.Opt = r.code, r.opt
	if rewrite || r.enter(layers, r.made) != nil { // where it is not permitted, the folders keep their names
		r.thread, err = newThread(func() error { return nil })
	}
	return r, err
}

// Real says whether processes see /var/task and /opt by these names.
func (r *Root) Real() bool { return r.real }

func folder(name string) (string, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(abs)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is not a folder", abs)
	}
	return abs, err
}

// link lays the files of one layer over what is there.
func link(layer, over string) error {
	return filepath.WalkDir(layer, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(layer, name)
		if err != nil || rel == "." {
			return err
		}
		to := filepath.Join(over, rel)
		there, err := os.Lstat(to)
		switch {
		case err == nil && there.IsDir() && d.IsDir():
			return nil
		case err == nil:
			if err := os.RemoveAll(to); err != nil {
				return err
			}
		}
		if d.IsDir() {
			return os.Mkdir(to, 0o755)
		}
		return os.Symlink(name, to)
	})
}

// Bootstrap is the program of the runtime as its processes see it: from the code, else from the layers.
func (r *Root) Bootstrap() (string, error) {
	for _, place := range []struct{ is, seen string }{{r.code, r.Task}, {r.opt, r.Opt}} {
		if info, err := os.Stat(filepath.Join(place.is, "bootstrap")); err == nil && !info.IsDir() {
			return filepath.Join(place.seen, "bootstrap"), nil
		}
	}
	return "", ErrNoBootstrap
}

// Extensions are the programs of external extensions, as processes see them, in the order of their names.
func (r *Root) Extensions() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(r.opt, "extensions"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []string
	for _, e := range entries {
		if info, serr := os.Stat(filepath.Join(r.opt, "extensions", e.Name())); serr == nil && info.Mode().IsRegular() {
			all = append(all, filepath.Join(r.Opt, "extensions", e.Name()))
		}
	}
	return all, err
}

// Seen is a variable's value as processes must have it: one that begins with /opt or /var/task names the laid folder.
func (r *Root) Seen(value string) string {
	for _, place := range []struct{ real, seen string }{{"/opt", r.Opt}, {"/var/task", r.Task}} {
		if rest, ok := strings.CutPrefix(value, place.real); ok && (rest == "" || rest[0] == '/') {
			return place.seen + rest
		}
	}
	return value
}

// Told is a text about a file as AWS would have it: with the real names of the folders.
func (r *Root) Told(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, r.Task, "/var/task"), r.Opt, "/opt")
}

// Close removes what Lay made. The version has no processes any more.
func (r *Root) Close() error {
	if r.thread != nil {
		r.thread.close()
	}
	return os.RemoveAll(r.made)
}
