package drupal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// edge is how much of a dump's beginning and of its end is looked at for mysqldump's own lines.
const edge = 1 << 10

// edges keeps both of what is written to it.
type edges struct {
	first, last []byte
}

// Write never fails.
func (e *edges) Write(p []byte) (int, error) {
	e.first = append(e.first, p[:min(len(p), edge-len(e.first))]...)
	e.last = append(e.last, p[max(0, len(p)-edge):]...)
	e.last = e.last[:copy(e.last, e.last[max(0, len(e.last)-edge):])]
	return len(p), nil
}

// completed reads the line that mysqldump ends with, "-- Dump completed on 2019-03-31  4:00:00". The time is zero where the line says
// none. A dump whose head is mysqldump's and that lacks the line is not whole; one that was made without comments has
// neither.
func (e *edges) completed() (at time.Time, whole bool) {
	const line = "\n-- DUMP COMPLETED"
	last := strings.ToUpper(string(e.last))
	i := strings.LastIndex(last, line)
	if i < 0 {
		first := bytes.ToUpper(e.first)
		return time.Time{}, !bytes.Contains(first, []byte("-- MYSQL DUMP")) && !bytes.Contains(first, []byte("-- MARIADB DUMP"))
	}
	rest, _, _ := strings.Cut(last[i+len(line):], "\n")
	on := strings.Fields(rest)
	if len(on) != 3 || on[0] != "ON" {
		return time.Time{}, true
	}
	at, err := time.Parse(time.DateTime, on[1]+" "+on[2])
	if err != nil {
		return time.Time{}, true
	}
	return at, true
}

// lastLine is what a dump's last line says, once somebody has seen it. It is safe for concurrent use.
type lastLine struct {
	mu   sync.Mutex
	seen bool
	at   time.Time
}

// learn is told of a dump that was read to its end, and found whole.
func (l *lastLine) learn(e *edges) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at, _ = e.completed()
	l.seen = true
}

// Made looks at a plain file's end, and unpacks a gzipped one to its end, without reading what it says; neither where
// Records has been there.
func (s *dumpSource) Made(ctx context.Context) (time.Time, error) {
	s.end.mu.Lock()
	defer s.end.mu.Unlock()
	if s.end.seen {
		return s.end.at, nil
	}
	e, err := s.edges(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: %w", s.file, err)
	}
	at, whole := e.completed()
	if !whole {
		return time.Time{}, fmt.Errorf("%s: %w", s.file, &Damage{Text: middle})
	}
	s.end.seen, s.end.at = true, at
	return at, nil
}

func (s *dumpSource) edges(ctx context.Context) (*edges, error) {
	f, r, packed, err := s.unpacked(nil)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	e := &edges{}
	if !packed {
		return e, e.of(f)
	}
	for {
		_, err := io.CopyN(e, r, 64<<20)
		switch {
		case errors.Is(err, io.EOF):
			return e, nil
		case err != nil:
			return nil, &Damage{Text: middle, Err: err}
		case ctx.Err() != nil:
			return nil, ctx.Err()
		}
	}
}

// of reads those of a plain file.
func (e *edges) of(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	first := min(edge, size)
	for _, part := range []*io.SectionReader{io.NewSectionReader(f, 0, first), io.NewSectionReader(f, max(first, size-edge), size)} {
		if _, err := io.Copy(e, part); err != nil {
			return err
		}
	}
	return nil
}
