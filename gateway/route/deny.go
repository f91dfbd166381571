package route

import (
	"bytes"
	"fmt"
	"strings"
)

// Deny is the list of paths that the gateway itself refuses. It is immutable and safe for concurrent use.
type Deny struct{ paths []string }

// NewDeny takes paths; each denies itself and all that lies below it, since PHP runs /update.php for /update.php/x.
func NewDeny(paths []string) (*Deny, error) {
	d := &Deny{}
	for _, p := range paths {
		bare := strings.TrimSuffix(strings.TrimSuffix(p, "*"), "/")
		if _, err := ParsePath(bare); err != nil || bare == "" {
			return nil, fmt.Errorf("deny %q: write a path as /update.php; what lies below it is denied too", p)
		}
		d.paths = append(d.paths, bare)
	}
	return d, nil
}

// Paths are the denied ones. The slice is the list's own: do not change it.
func (d *Deny) Paths() []string {
	if d == nil {
		return nil
	}
	return d.paths
}

// Refuses says whether a request is denied, reading its raw path, its fully resolved path and the page that Drupal
// would take from ?q=: one of them is enough (W-11). Ordinary paths do not allocate.
func (d *Deny) Refuses(path, query []byte) bool {
	if d == nil || len(d.paths) == 0 {
		return false
	}
	if d.lists(path) || ambiguous(path) && d.lists(Resolve(path)) {
		return true
	}
	if len(query) == 0 {
		return false
	}
	page, reading := PHP(query, "q")
	return reading == Found && d.lists(Resolve([]byte("/"+Text(page))))
}

// ambiguous says whether resolving a path could change it.
func ambiguous(path []byte) bool {
	return bytes.ContainsAny(path, `%\;`) || bytes.Contains(path, []byte("//")) || bytes.Contains(path, []byte("/."))
}

func (d *Deny) lists(path []byte) bool {
	for _, p := range d.paths {
		if len(path) >= len(p) && string(path[:len(p)]) == p && (len(path) == len(p) || path[len(p)] == '/') {
			return true
		}
	}
	return false
}

// maxDecodes bounds how often an encoding within an encoding is undone; no server in use undoes more than two.
const maxDecodes = 8

// Resolve is the most that any server may make of a path: decoded until nothing is left to decode, '\' as '/',
// parameters after ';' dropped, no empty and no dot segments.
func Resolve(path []byte) []byte {
	p := bytes.Clone(path)
	for range maxDecodes {
		next := decodeOnce(p)
		if len(next) == len(p) {
			break
		}
		p = next
	}
	var kept [][]byte
	for _, s := range bytes.Split(bytes.ReplaceAll(p, []byte{'\\'}, []byte{'/'}), []byte{'/'}) {
		s, _, _ = bytes.Cut(s, []byte{';'})
		switch string(s) {
		case "", ".":
		case "..":
			kept = kept[:max(0, len(kept)-1)]
		default:
			kept = append(kept, s)
		}
	}
	return append([]byte{'/'}, bytes.Join(kept, []byte{'/'})...)
}

func decodeOnce(p []byte) []byte {
	out := make([]byte, 0, len(p))
	for i := 0; i < len(p); i++ {
		c := p[i]
		if c == '%' && i+2 < len(p) && isHex(p[i+1]) && isHex(p[i+2]) {
			c = unhex(p[i+1])<<4 | unhex(p[i+2])
			i += 2
		}
		out = append(out, c)
	}
	return out
}
