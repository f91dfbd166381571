package drupal

import (
	"bytes"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/drupal/php"
	"github.com/banyan-migration/banyan/infra/fakes/drupal/theme"
	"github.com/banyan-migration/banyan/infra/fakes/drupal/wire"
)

// released is when the files of Drupal 7.105 were made.
var released = time.Unix(1759353900, 0)

var kinds = map[string]string{".js": "application/javascript", ".css": "text/css", ".png": "image/png", ".jpg": "image/jpeg", ".ico": "image/x-icon"}

var assets = func() map[string]bool {
	all := map[string]bool{}
	for _, p := range theme.Assets() {
		all[p] = true
	}
	return all
}()

// file answers what nginx serves without PHP, nil for everything else.
func (s *Site) file(q *wire.Request) *wire.Response {
	raw, _, _ := strings.Cut(q.Target, "?")
	name := strings.TrimPrefix(php.Decode(raw), "/")
	kind := kinds[path.Ext(name)]
	picture := strings.HasPrefix(name, "sites/default/files/") && strings.HasPrefix(kind, "image/")
	if kind == "" || !assets[name] && !picture {
		return nil
	}
	if q.Method != http.MethodGet && q.Method != http.MethodHead {
		return wire.Page(http.StatusMethodNotAllowed)
	}
	body := theme.File(name)
	if body == nil {
		body = filler(name)
	}
	size := len(body)
	a := &wire.Response{Status: http.StatusOK, Type: kind, LastModified: wire.Date(released), Body: body, Known: true}
	tag := fmt.Sprintf(`"%x-%x"`, released.Unix(), size)
	a.Add("ETag", tag)
	if unchanged(q.Header, tag) {
		a.Status, a.Type, a.Body = http.StatusNotModified, "", nil
		return a
	}
	from, to, state := span(q.Header, tag, size)
	switch state {
	case partial:
		a.Status, a.Body = http.StatusPartialContent, body[from:to]
		a.Add("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, size))
	case beyond:
		a = wire.Page(http.StatusRequestedRangeNotSatisfiable)
		a.Add("Content-Range", fmt.Sprintf("bytes */%d", size))
	default:
		a.Add("Accept-Ranges", "bytes")
	}
	return a
}

// filler is a body that says it is none: of drupal.js as recorded, of the others a comment of a length of its own.
func filler(name string) []byte {
	const note, end = "/* body left out */", "*/"
	if name == "misc/drupal.js" {
		return append([]byte(note), bytes.Repeat([]byte("x"), 20611-len(note))...)
	}
	open := strings.TrimSuffix(note, end)
	return append(append([]byte(open), bytes.Repeat([]byte("x"), 600+97*len(name))...), end...)
}

func unchanged(h http.Header, tag string) bool {
	if match := h.Get("If-None-Match"); match != "" {
		return match == "*" || strings.Contains(match, tag)
	}
	since, err := http.ParseTime(h.Get("If-Modified-Since"))
	return err == nil && since.Unix() == released.Unix() // nginx compares exactly
}

type extent int

const (
	whole extent = iota
	partial
	beyond
)

// span is the part of a file that one range asks for. Several ranges get the whole file, which they may.
func span(h http.Header, tag string, size int) (from, to int, state extent) {
	spec, ok := strings.CutPrefix(h.Get("Range"), "bytes=")
	if is := h.Get("If-Range"); is != "" && is != tag && is != wire.Date(released) {
		return 0, 0, whole
	}
	first, last, dash := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok || !dash || strings.Contains(spec, ",") {
		return 0, 0, whole
	}
	if first == "" {
		n, err := strconv.Atoi(last)
		if err != nil || n <= 0 {
			return 0, 0, beyond
		}
		return max(0, size-n), size, partial
	}
	from, err := strconv.Atoi(first)
	to = size
	if last != "" {
		n, err2 := strconv.Atoi(last)
		if err2 != nil || n < from {
			return 0, 0, beyond
		}
		to = min(size, n+1)
	}
	if err != nil || from >= size {
		return 0, 0, beyond
	}
	return from, to, partial
}
