// Package frozen gives the pages of an old site that nobody rewrites, from a folder that `banyan migrate content` has written: a manifest
// that says what stands at each address, and the answers' bodies by their hash. An address that the manifest does not know does not
// exist, and no name of a file is ever made of what a visitor sends.
package frozen

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/banyan-migration/banyan/gateway/route"
)

const (
	smallMax = 64 << 10 // a body up to this is kept in memory once it was asked for,
	heldMax  = 64 << 20 // as long as all together are no more than this
)

// Site is an open folder. It is immutable but for what it has read, and safe for concurrent use. A folder that is frozen again goes on
// as it was opened, until the freeze after the next takes its files away: open it anew before that.
type Site struct {
	stamp    string
	root     *os.Root // closed when nobody holds it any more
	manifest *Manifest
	pages    map[string]*Answer
	folded   map[string]*Answer  // by address in lower case: MySQL finds aliases in any case
	keys     map[string][]string // by path: the keys of a query that make another page of it, in order
	missing  *Answer
	held     atomic.Int64
	trouble  atomic.Pointer[string]
}

// Answer is what stands at an address. Its slices are the Site's own: do not change them.
type Answer struct {
	*Page
	site *Site
	head []byte // the header lines that every answer of a body has
	etag []byte
	body atomic.Pointer[[]byte] // if it was asked for and is small
}

// Open reads a folder's manifest and looks whether its files are there.
func Open(dir string) (*Site, error) {
	stamp := Stamp(dir)
	text, err := os.ReadFile(filepath.Join(dir, ManifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s holds no %s: `banyan migrate content` writes one", dir, ManifestName)
	} else if err != nil {
		return nil, err
	}
	m, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, ManifestName), err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	s := &Site{stamp: stamp, root: root, manifest: m, pages: map[string]*Answer{}, folded: map[string]*Answer{}, keys: map[string][]string{}}
	if err := s.place(); err != nil {
		root.Close()
		return nil, fmt.Errorf("%s: %w; run `banyan migrate content` again with the same --out: it brings back what is missing", dir, err)
	}
	return s, nil
}

// Stamp changes when a folder is frozen anew; it is empty where there is no manifest.
func Stamp(dir string) string {
	info, err := os.Stat(filepath.Join(dir, ManifestName))
	if err != nil {
		return ""
	}
	inode := uint64(0)
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		inode = s.Ino
	}
	return fmt.Sprint(dir, info.ModTime().UnixNano(), info.Size(), inode)
}

// Stamp is the folder's as it was opened.
func (s *Site) Stamp() string { return s.stamp }

// Manifest is what the folder says of itself. Do not change it.
func (s *Site) Manifest() *Manifest { return s.manifest }

func (s *Site) place() error {
	checked := map[string]bool{}
	for i := range s.manifest.Pages {
		a, err := s.answer(&s.manifest.Pages[i], checked)
		if err != nil {
			return err
		}
		s.pages[a.At] = a
		if low := strings.ToLower(a.At); low != a.At {
			s.folded[low] = a
		}
		path, query, varies := strings.Cut(a.At, "?")
		for pair := range strings.SplitSeq(query, "&") {
			if name, _, _ := strings.Cut(pair, "="); varies && !slices.Contains(s.keys[path], name) {
				s.keys[path] = append(s.keys[path], name)
			}
		}
	}
	for _, names := range s.keys {
		slices.Sort(names)
	}
	if s.manifest.Missing == nil {
		return nil
	}
	a, err := s.answer(s.manifest.Missing, checked)
	s.missing = a
	return err
}

// answer makes a page ready. Its file must be one, of the length that the manifest tells: a link leads nobody out of the folder.
func (s *Site) answer(p *Page, checked map[string]bool) (*Answer, error) {
	a := &Answer{Page: p, site: s}
	if p.Hash != "" && !checked[p.Hash] {
		info, err := s.root.Lstat(File(p.Hash))
		switch {
		case err != nil:
			return nil, fmt.Errorf("the file of %s: %w", p.At, err)
		case !info.Mode().IsRegular():
			return nil, fmt.Errorf("the file of %s, %s, is no file but a %s", p.At, File(p.Hash), info.Mode().Type())
		case info.Size() != p.Size:
			return nil, fmt.Errorf("the file of %s, %s, has %d bytes, not %d", p.At, File(p.Hash), info.Size(), p.Size)
		}
		checked[p.Hash] = true
	}
	if p.Hash != "" {
		a.etag = []byte(`"` + p.Hash[:16] + `"`)
	}
	a.head = a.lines()
	return a, nil
}

// Find is what stands at a path, as route.Canonical gives it, asked with a query as it came. An address that is not known gets the old site's
// page for such, or nil where none was kept. room is for the search to write in, and may be used again at once.
func (s *Site) Find(path, query, room []byte) (found *Answer, roomier []byte) {
	if a := s.pages[string(path)]; a != nil && (len(query) == 0 || a.Asset) { // files are served before Drupal sees a query
		return a, room
	}
	if q, reading := route.PHP(query, "q"); reading == route.Unsure {
		return s.missing, room
	} else if reading == route.Found {
		var ok bool
		if path, ok = drupalPath(q); !ok {
			return s.missing, room
		}
	}
	for len(path) > 1 && path[len(path)-1] == '/' {
		path = path[:len(path)-1]
	}
	if string(path) == "/index.php" {
		path = path[:1]
	}
	if keys := s.keys[string(path)]; keys != nil && len(query) > 0 {
		room = variant(room[:0], path, query, keys)
		if a := s.pages[string(room)]; a != nil {
			return a, room
		}
	}
	if a := s.pages[string(path)]; a != nil {
		return a, room
	}
	room = append(room[:0], path...)
	for i, c := range room {
		if 'A' <= c && c <= 'Z' {
			room[i] = c | 0x20
		}
	}
	if a := s.pages[string(room)]; a != nil {
		return a, room
	}
	if a := s.folded[string(room)]; a != nil {
		return a, room
	}
	return s.missing, room
}

// variant writes the address of a path with those of a query's keys that make another page of it.
func variant(dst, path, query []byte, keys []string) []byte {
	dst = append(dst, path...)
	sep := byte('?')
	for _, name := range keys {
		if value, reading := route.PHP(query, name); reading == route.Found {
			dst = append(append(append(append(dst, sep), name...), '='), value...)
			sep = '&'
		}
	}
	return dst
}

// drupalPath is the path that a q of Drupal's old addresses names.
func drupalPath(q []byte) ([]byte, bool) {
	q = bytes.ReplaceAll(q, []byte("+"), []byte("%20"))
	q = bytes.ReplaceAll(q, []byte("%2F"), []byte("/"))
	q = bytes.ReplaceAll(q, []byte("%2f"), []byte("/"))
	path, _, ok := route.Canonical([]byte{'/'}, bytes.Trim(q, "/"))
	return path, ok
}

// Address is the one by which a target is kept, of all its spellings: path and query as a browser would send them, of the query only what
// keys name. ok is false for a path that no site has.
func Address(path, query string, keys ...string) (at string, ok bool) {
	canonical, flags, ok := route.Canonical(nil, []byte(path))
	if !ok || flags&(route.DotSegment|route.DoubleSlash|route.Backslash|route.EncodedBackslash|route.DoubleEncoded|route.BadUTF8) != 0 {
		return "", false
	}
	slices.Sort(keys)
	return string(variant(nil, canonical, []byte(query), keys)), true
}

// Body is the whole body, kept for the next who asks if it is small; nil and no error for one that is long: Open is for those.
func (a *Answer) Body() ([]byte, error) {
	if kept := a.body.Load(); kept != nil {
		return *kept, nil
	}
	if a.Hash == "" || a.Size == 0 {
		return []byte{}, nil
	}
	if a.Size > smallMax {
		return nil, nil
	}
	f, err := a.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	body := make([]byte, a.Size)
	if _, err := io.ReadFull(f, body); err != nil {
		return nil, a.site.broken(a.Page, err)
	}
	if HashOf(body) != a.Hash {
		return nil, a.site.broken(a.Page, errors.New("its bytes are not those that were frozen"))
	}
	if a.site.held.Add(a.Size) <= heldMax {
		a.body.Store(&body)
	} else {
		a.site.held.Add(-a.Size)
	}
	a.site.trouble.Store(nil)
	return body, nil
}

// Open opens the body's file. It is the caller's to close.
func (a *Answer) Open() (*os.File, error) {
	f, err := a.site.root.OpenFile(File(a.Hash), os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, a.site.broken(a.Page, err)
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() != a.Size {
		f.Close()
		return nil, a.site.broken(a.Page, errors.Join(err, errors.New("its file has changed")))
	}
	return f, nil
}

func (s *Site) broken(p *Page, err error) error {
	err = fmt.Errorf("frozen: %s: %w", p.At, err)
	text := time.Now().UTC().Format(time.RFC3339) + " " + err.Error()
	s.trouble.Store(&text)
	return err
}

// Trouble says why the latest body could not be read; empty if it could.
func (s *Site) Trouble() string {
	if t := s.trouble.Load(); t != nil {
		return *t
	}
	return ""
}
