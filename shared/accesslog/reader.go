package accesslog

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
)

// longest is how long a line may be; servers cut requests at 8 to 32 KB.
const longest = 256 << 10

// Reader reads a log from beginning to end. Lines that cannot be read are counted, never fatal: every log that was ever
// rotated has one. It is for one goroutine.
type Reader struct {
	Skipped int   // lines that could not be read so far
	First   error // why the first of them could not, with its name and line number

	name string
	in   *bufio.Reader
	line int
	err  error
}

// NewReader reads a log that is called name in errors, plain or gzipped.
func NewReader(name string, in io.Reader) *Reader {
	r := &Reader{name: name, in: bufio.NewReaderSize(in, longest)}
	if head, _ := r.in.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(r.in)
		if err != nil {
			r.err = fmt.Errorf("accesslog: %s: gzip: %w", name, err)
			return r
		}
		r.in = bufio.NewReaderSize(z, longest)
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

// Lines are the readable lines in the log's order, which is that of the answers' ends and not strictly of time. It ends
// at the end or at the first error of the file itself, which Err then tells; it may be ranged over once.
func (r *Reader) Lines() iter.Seq[Line] {
	return func(yield func(Line) bool) {
		for r.err == nil {
			text, err := r.next()
			if err != nil {
				r.err = err
				return
			}
			l, err := Parse(text)
			if err != nil {
				r.skip(err)
			} else if !yield(l) {
				return
			}
		}
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

func (r *Reader) skip(err error) {
	r.Skipped++
	if r.First == nil {
		r.First = fmt.Errorf("%s:%d: %w", r.name, r.line, err)
	}
}

// next is the next line that is neither empty nor too long.
func (r *Reader) next() (string, error) {
	for {
		text, err := r.in.ReadSlice('\n')
		r.line++
		if errors.Is(err, bufio.ErrBufferFull) {
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = r.in.ReadSlice('\n')
			}
			r.skip(fmt.Errorf("the line is longer than %d bytes", longest))
			continue
		}
		if err != nil && err != io.EOF {
			return "", fmt.Errorf("accesslog: %s:%d: %w", r.name, r.line, err) // what stands before it may be half a line
		}
		if len(bytes.TrimSpace(text)) > 0 {
			return string(text), nil
		}
		if err == io.EOF {
			return "", io.EOF
		}
	}
}
