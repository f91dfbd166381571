package frozen

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/gateway/route"
)

// ManifestName is the manifest's file in its folder. Its rename into place is what makes a freeze.
const ManifestName = "manifest.json"

// version is the manifest's form. A later one is refused: what it means is not known here.
const version = 1

// Manifest says what stands at every address of a frozen site.
type Manifest struct {
	Version int       `json:"version"`
	Site    string    `json:"site"` // where it was frozen from: scheme://host
	Made    time.Time `json:"made"`
	Pages   []Page    `json:"pages"`             // by address, each once
	Missing *Page     `json:"missing,omitempty"` // the old site's page for addresses that it does not have
	Left    []Left    `json:"left"`              // what was not frozen
}

// Page is what stands at one address: a body, or the way to another address.
type Page struct {
	At       string      `json:"at"` // canonical path, with a query where that makes another page: /node?page=1
	Status   int         `json:"status"`
	Location string      `json:"location,omitempty"` // of a redirect
	Type     string      `json:"type,omitempty"`     // Content-Type
	File     string      `json:"file,omitempty"`     // below the folder; it follows from the hash
	Hash     string      `json:"hash,omitempty"`     // SHA-256 of the body, in hex
	Size     int64       `json:"size"`               // of the body, in bytes
	Title    string      `json:"title,omitempty"`
	Asset    bool        `json:"asset,omitempty"`   // a file, which no query makes another
	Headers  [][2]string `json:"headers,omitempty"` // further ones, as the old site sent them
	When     time.Time   `json:"when"`              // when this body was first frozen here
	ETag     string      `json:"etag,omitempty"`    // the old site's own, by which it is asked whether anything changed
	Modified string      `json:"modified,omitempty"`
}

// Left is an address that was not frozen, and why.
type Left struct {
	At  string `json:"at"`
	Why string `json:"why"`
}

// File is where a body lies below its folder.
func File(hash string) string { return path.Join("objects", hash[:2], hash) }

// HashOf is a body's hash.
func HashOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// Parse reads a manifest, and refuses one that a site could not be served by.
func Parse(text []byte) (*Manifest, error) {
	m := new(Manifest)
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(m); err != nil {
		return nil, fmt.Errorf("is no manifest: %w", err)
	}
	if m.Version != version {
		return nil, fmt.Errorf("is of version %d; this gateway reads version %d", m.Version, version)
	}
	known := map[string]bool{}
	for i := range m.Pages {
		p := &m.Pages[i]
		if err := p.check(); err != nil {
			return nil, fmt.Errorf("%q: %w", p.At, err)
		}
		if known[p.At] {
			return nil, fmt.Errorf("%q stands twice", p.At)
		}
		known[p.At] = true
	}
	if m.Missing != nil {
		if err := m.Missing.check(); err != nil {
			return nil, fmt.Errorf("missing: %w", err)
		}
	}
	return m, nil
}

func (p *Page) check() error {
	path, _, _ := strings.Cut(p.At, "?")
	canonical, _, ok := route.Canonical(nil, []byte(path))
	switch {
	case !ok || !strings.HasPrefix(path, "/") || string(canonical) != path:
		return errors.New("is no address in its canonical form")
	case p.Status >= 300 && p.Status < 400 && p.Status != 304:
		if p.Location == "" || p.Hash != "" || !lawful(p.Location) {
			return errors.New("is a redirect, which has a location and no body")
		}
		return nil
	case p.Status != 200 && p.Status != 404:
		return fmt.Errorf("has status %d: 200 is a page, 3xx a redirect", p.Status)
	case len(p.Hash) != 2*sha256.Size || strings.Trim(p.Hash, "0123456789abcdef") != "":
		return errors.New("has no SHA-256 of its body")
	case p.File != File(p.Hash):
		return fmt.Errorf("has file %q; its hash says %s", p.File, File(p.Hash))
	case p.Size < 0 || !lawful(p.Type):
		return errors.New("has no lawful size or type")
	}
	for _, h := range p.Headers {
		if !token(h[0]) || !lawful(h[1]) {
			return errors.New("has a header that no answer may have")
		}
	}
	return nil
}

// lawful says whether a text may stand in an answer's head.
func lawful(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

func token(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && c != '-' && c != '_' {
			return false
		}
	}
	return s != ""
}

// Text is the manifest as its file has it: a page a line, so that two freezes can be compared by eye and by diff.
func (m *Manifest) Text() ([]byte, error) {
	var b bytes.Buffer
	head := *m
	head.Version, head.Pages, head.Left, head.Missing = version, nil, nil, nil
	site, err := json.Marshal(head.Site)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&b, "{\"version\":%d,\"site\":%s,\"made\":%q,\n\"pages\":[", version, site, m.Made.UTC().Format(time.RFC3339))
	if err := lines(&b, m.Pages); err != nil {
		return nil, err
	}
	b.WriteString("],\n")
	if m.Missing != nil {
		text, err := json.Marshal(m.Missing)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "\"missing\":%s,\n", text)
	}
	b.WriteString("\"left\":[")
	if err := lines(&b, m.Left); err != nil {
		return nil, err
	}
	b.WriteString("]}\n")
	return b.Bytes(), nil
}

func lines[T any](b *bytes.Buffer, all []T) error {
	for i := range all {
		if i > 0 {
			b.WriteByte(',')
		}
		text, err := json.Marshal(all[i])
		if err != nil {
			return err
		}
		b.WriteByte('\n')
		b.Write(text)
	}
	return nil
}
