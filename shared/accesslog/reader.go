package accesslog

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"sync/atomic"
)

// longest is how long a line may be; servers cut requests at 8 to 32 KB. It is also how much is read at once.
const longest = 256 << 10

// ahead is how many blocks are unpacked before somebody asks for them.
const ahead = 4

// Reader reads a log from beginning to end. Lines that cannot be read are counted, never fatal: every log that was ever
// rotated has one. It is for one goroutine; it unpacks the file in a second one.
type Reader struct {
	Skipped int    // lines that could not be read so far
	First   error  // why the first of them could not, with its name and line number
	Format  Format // found by the first lines; empty before them

	name  string
	in    io.Reader
	taken atomic.Int64
	parse *parser
	line  int
	err   error
}

// NewReader reads a log that is called name in errors, plain or gzipped.
func NewReader(name string, in io.Reader) *Reader {
	r := &Reader{name: name}
	packed := bufio.NewReaderSize(&counter{in, &r.taken}, longest)
	r.in = packed
	if head, _ := packed.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(packed)
		if err != nil {
			r.err = fmt.Errorf("accesslog: %s: gzip: %w", name, err)
			return r
		}
		r.in = z
	}
	return r
}

// Open reads the log in a file; the caller closes what it gets back after the last line.
func Open(name string) (*Reader, io.Closer, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, fmt.Errorf("accesslog: %w", err)
	}
	return NewReader(name, f), f, nil
}

// Taken is how many bytes of the file, as it lies on the disk, have been read so far. It may be asked at any time.
func (r *Reader) Taken() int64 { return r.taken.Load() }

// counter counts what is read of a file.
type counter struct {
	in io.Reader
	n  *atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// Lines are the readable lines in the log's order, which is that of the answers' ends and not strictly of time. It ends
// at the end or at the first error of the file itself, which Err then tells; it may be ranged over once.
func (r *Reader) Lines() iter.Seq[Line] {
	return func(yield func(Line) bool) {
		if r.err != nil {
			return
		}
		blocks, enough := make(chan block, ahead), make(chan struct{})
		go r.unpack(blocks, enough)
		defer func() {
			close(enough)
			for range blocks { // until it has let go of the file
			}
		}()
		for b := range blocks {
			switch {
			case b.err != nil:
				r.err = fmt.Errorf("accesslog: %s:%d: %w", r.name, r.line+1, b.err) // what stands before it may be half a line
				return
			case b.long:
				r.line++
				r.skip(fmt.Errorf("the line is longer than %d bytes", longest))
			case !r.lines(b.text, yield):
				return
			}
		}
		r.err = io.EOF
	}
}

// Err is what ended the reading, nil if that was the end of the log. A gzip file cut in the middle is an error; what
// stood before the cut was read.
func (r *Reader) Err() error {
	if r.err == io.EOF {
		return nil
	}
	return r.err
}

func (r *Reader) lines(text string, yield func(Line) bool) bool {
	if r.parse == nil && strings.TrimSpace(text) != "" {
		r.parse = find(text)
		r.Format = r.parse.format
	}
	for len(text) > 0 {
		line := text
		if end := strings.IndexByte(text, '\n'); end >= 0 {
			line, text = text[:end], text[end+1:]
		} else {
			text = ""
		}
		r.line++
		if line = strings.TrimSuffix(line, "\r"); strings.TrimSpace(line) == "" || r.parse.comment(line) {
			continue
		}
		l, err := r.parse.parse(line)
		if err != nil {
			r.skip(err)
		} else if !yield(l) {
			return false
		}
	}
	return true
}

func (r *Reader) skip(err error) {
	r.Skipped++
	if r.First == nil {
		r.First = fmt.Errorf("%s:%d: %w", r.name, r.line, err)
	}
}

// block is some whole lines, or a line that is too long to be one, or why there is no more.
type block struct {
	text string
	long bool
	err  error
}

// unpack sends the log in blocks until its end or until somebody has enough of it.
func (r *Reader) unpack(to chan<- block, enough <-chan struct{}) {
	defer close(to)
	send := func(b block) bool {
		select {
		case to <- b:
			return true
		case <-enough:
			return false
		}
	}
	buf := make([]byte, longest)
	kept, long := 0, false // the beginning of a line, and whether more of it was thrown away
	for {
		n, err := fill(r.in, buf[kept:])
		n += kept
		end := bytes.LastIndexByte(buf[:n], '\n') + 1
		if err == io.EOF {
			end = n
		}
		from := 0
		if long && (end > 0 || err != nil) { // here it ends at last
			if from = bytes.IndexByte(buf[:end], '\n') + 1; from == 0 {
				from = end
			}
			if long = false; !send(block{long: true}) {
				return
			}
		}
		if end > from && !send(block{text: string(buf[from:end])}) {
			return
		}
		switch {
		case err == io.EOF:
			return
		case err != nil:
			send(block{err: err})
			return
		case end == 0: // a full buffer without an end of line
			kept, long = 0, true
		default:
			kept = copy(buf, buf[end:n])
		}
	}
}

// fill reads until the buffer is full or there is no more.
func fill(in io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = in.Read(buf[n:])
		n += m
	}
	return n, err
}
