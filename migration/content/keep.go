package content

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/banyan-migration/banyan/gateway/frozen"
)

// errKeep is trouble with the folder, which ends a freeze: a full disk is not the old site's failure.
var errKeep = errors.New("the folder cannot be written")

func kept(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w; the earlier freeze stands as it was: make room or mend the rights, then run the same command again", errKeep, err)
}

// keep is the folder of a freeze.
//
//	manifest.json       what stands where; its rename into place is the freeze
//	manifest.last.json  the freeze before, whose files stay for a gateway that has it open
//	objects/ab/abcd…    bodies by their hash, written before any manifest names them
//	trees/N/{public,drupal8,…}, and links public, drupal8, … to those of the latest
type keep struct {
	dir  string
	lock *os.File
	was  map[string]*frozen.Page // of the earlier freeze, by address
	last []byte                  // the earlier manifest as it was written
	tree string                  // where this freeze's trees are made
}

// open locks the folder and reads the earlier freeze. Whoever was killed at it has left at most files that nobody names.
func open(dir string) (*keep, error) {
	if err := os.MkdirAll(filepath.Join(dir, "objects"), 0o755); err != nil {
		return nil, kept(err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, kept(err)
	}
	k := &keep{dir: dir, lock: lock, was: map[string]*frozen.Page{}}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("content: %s is being frozen by another process: wait for its end", dir)
	}
	if k.last, err = os.ReadFile(filepath.Join(dir, frozen.ManifestName)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return k, nil
		}
		k.close()
		return nil, kept(err)
	}
	m, err := frozen.Parse(k.last)
	if err != nil {
		k.close()
		return nil, fmt.Errorf("content: %s: %w; name another folder, or move this one away", filepath.Join(dir, frozen.ManifestName), err)
	}
	for i, p := range m.Pages {
		if info, err := os.Lstat(filepath.Join(dir, p.File)); p.Hash == "" || err == nil && info.Mode().IsRegular() && info.Size() == p.Size {
			k.was[p.At] = &m.Pages[i] // what has gone meanwhile is asked for anew
		}
	}
	return k, nil
}

func (k *keep) close() { k.lock.Close() }

// loose is a body on the disk that has no name yet.
type loose struct {
	k    *keep
	f    *os.File
	sum  hash.Hash // SHA-256 of all of it
	size int64
}

// write puts a body on the disk as it comes.
func (k *keep) write(from io.Reader) (*loose, error) {
	f, err := os.CreateTemp(filepath.Join(k.dir, "objects"), ".loose-")
	if err != nil {
		return nil, kept(err)
	}
	l := &loose{k: k, f: f, sum: sha256.New()}
	w := &writer{f: f}
	l.size, err = io.Copy(io.MultiWriter(w, l.sum), from)
	if err != nil {
		l.discard()
		if w.err != nil {
			err = kept(w.err)
		}
		return nil, err
	}
	return l, nil
}

// writer remembers that it was the disk that failed, and not whom the bytes came from.
type writer struct {
	f   *os.File
	err error
}

func (w *writer) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	w.err = err
	return n, err
}

// keep gives the body its name, by its hash. One that is there already stays.
func (l *loose) keep() (hash string, size int64, err error) {
	defer l.discard()
	hash = l.hash()
	file := filepath.Join(l.k.dir, frozen.File(hash))
	if info, err := os.Lstat(file); err == nil && info.Mode().IsRegular() && info.Size() == l.size {
		return hash, l.size, nil
	}
	if err := errors.Join(l.f.Chmod(0o644), l.f.Sync(), os.MkdirAll(filepath.Dir(file), 0o755), os.Rename(l.f.Name(), file)); err != nil {
		return "", 0, kept(err)
	}
	return hash, l.size, nil
}

// hash is the body's, whatever becomes of it.
func (l *loose) hash() string { return hex.EncodeToString(l.sum.Sum(nil)) }

func (l *loose) discard() {
	if l.f != nil {
		l.f.Close()
		os.Remove(l.f.Name()) // it has another name if it is kept
		l.f = nil
	}
}

func (k *keep) read(p *frozen.Page) ([]byte, error) {
	body, err := os.ReadFile(filepath.Join(k.dir, p.File))
	return body, kept(err)
}

// commit makes the freeze: from the rename on, whoever opens the folder finds this one.
func (k *keep) commit(m *frozen.Manifest) error {
	text, err := m.Text()
	if err != nil {
		return err
	}
	if k.last != nil {
		if err := whole(filepath.Join(k.dir, "manifest.last.json"), k.last); err != nil {
			return kept(err)
		}
	}
	if err := whole(filepath.Join(k.dir, frozen.ManifestName), text); err != nil {
		return kept(err)
	}
	return kept(errors.Join(k.stand(), k.tidy(m)))
}

// whole writes a file beside and renames it into place.
func whole(name string, text []byte) error {
	f, err := os.OpenFile(name+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(name+".new"))
	}
	return os.Rename(name+".new", name)
}

// stand turns the links to this freeze's trees, each at once.
func (k *keep) stand() error {
	if k.tree == "" {
		return nil
	}
	entries, err := os.ReadDir(k.tree)
	if err != nil {
		return err
	}
	for _, e := range entries {
		link := filepath.Join(k.dir, e.Name())
		if err := os.Remove(link + ".new"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		to, err := filepath.Rel(k.dir, filepath.Join(k.tree, e.Name()))
		if err != nil {
			return err
		}
		if err := errors.Join(os.Symlink(to, link+".new"), os.Rename(link+".new", link)); err != nil {
			return err
		}
	}
	return nil
}

// tidy takes away what neither this freeze nor the one before names.
func (k *keep) tidy(m *frozen.Manifest) error {
	named := map[string]bool{}
	name := func(m *frozen.Manifest) {
		for _, p := range m.Pages {
			named[p.Hash] = true
		}
		if m.Missing != nil {
			named[m.Missing.Hash] = true
		}
	}
	name(m)
	if last, err := frozen.Parse(k.last); err == nil {
		name(last)
	}
	err := filepath.WalkDir(filepath.Join(k.dir, "objects"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || named[d.Name()] {
			return err
		}
		return os.Remove(path)
	})
	trees, readErr := os.ReadDir(filepath.Join(k.dir, "trees"))
	if errors.Is(readErr, fs.ErrNotExist) {
		readErr = nil
	}
	err = errors.Join(err, readErr)
	for _, t := range trees {
		if path := filepath.Join(k.dir, "trees", t.Name()); path != k.tree {
			err = errors.Join(err, os.RemoveAll(path))
		}
	}
	return err
}

// grow makes a folder of this freeze's trees, where files are put that links will lead to once it is whole.
func (k *keep) grow(name string) (string, error) {
	if k.tree == "" {
		trees := filepath.Join(k.dir, "trees")
		if err := os.MkdirAll(trees, 0o755); err != nil {
			return "", kept(err)
		}
		made, err := os.MkdirTemp(trees, "")
		if err != nil {
			return "", kept(err)
		}
		k.tree = made
		if err := os.Chmod(made, 0o755); err != nil {
			return "", kept(err)
		}
	}
	path := filepath.Join(k.tree, name)
	return path, kept(os.MkdirAll(path, 0o755))
}

// place puts a body under a name of a tree: the same file where the disk can, else a copy.
func (k *keep) place(p *frozen.Page, name string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return kept(err)
	}
	from := filepath.Join(k.dir, p.File)
	if err := os.Link(from, name); err == nil {
		return nil
	} else if errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.ENOTDIR) || strings.Contains(err.Error(), "file name too long") {
		return err
	}
	body, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(name, body, 0o644)
	}
	return kept(err)
}
