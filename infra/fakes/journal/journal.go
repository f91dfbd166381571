// Package journal keeps a fake's state in a file of records: what was waited for is on the disk, however the process ends,
// and the next start reads it all again.
package journal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// Journal is an open one. Safe for concurrent use; records lie in the order of Append. The nil Journal keeps nothing.
type Journal struct {
	file *os.File

	mu       sync.Mutex
	moved    sync.Cond // written or failed has changed
	buffer   bytes.Buffer
	appended int64 // records, of which so many
	written  int64 // are on the disk
	failed   error // the disk's answer, for good: what it holds after an error nobody knows
	closed   bool
	ended    chan struct{}
}

// Open reads the records of a file, which is made where it is missing, and then takes more. A last record that was
// half written was never answered for, and goes. An error of replay, and a record damaged before the last, is told with
// its line.
func Open(name string, replay func(record []byte) error) (*Journal, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	whole, err := read(f, replay)
	if err == nil {
		err = f.Truncate(whole)
	}
	if err == nil {
		_, err = f.Seek(whole, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("journal: %s: %w", name, err), f.Close())
	}
	return begin(f), nil
}

func begin(f *os.File) *Journal {
	j := &Journal{file: f, ended: make(chan struct{})}
	j.moved.L = &j.mu
	go j.write()
	return j
}

// A line is eight digits of its record's CRC-32, a space, and the record.
const head = 9

func read(f *os.File, replay func([]byte) error) (whole int64, err error) {
	lines := bufio.NewReaderSize(f, 1<<20)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return whole, nil // what follows the last newline was torn
		}
		if err != nil {
			return 0, err
		}
		record, ok := sound(line)
		if !ok {
			if _, err := lines.Peek(1); errors.Is(err, io.EOF) {
				return whole, nil
			}
			return 0, fmt.Errorf("line %d is damaged: the disk or another program did that. Move the file away and start anew, or cut it before that line", n)
		}
		if err := replay(record); err != nil {
			return 0, fmt.Errorf("line %d: %w", n, err)
		}
		whole += int64(len(line))
	}
}

func sound(line []byte) (record []byte, ok bool) {
	if len(line) <= head || line[head-1] != ' ' {
		return nil, false
	}
	record = line[head : len(line)-1]
	sum, err := strconv.ParseUint(string(line[:head-1]), 16, 32)
	return record, err == nil && uint32(sum) == crc32.ChecksumIEEE(record)
}

func put(to io.Writer, record []byte) error {
	_, err := fmt.Fprintf(to, "%08x %s\n", crc32.ChecksumIEEE(record), record)
	return err
}

// Append puts a record, a line of text, behind the others. Wait says when it is on the disk.
func (j *Journal) Append(record []byte) {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	_ = put(&j.buffer, record) // a buffer takes everything
	j.appended++
	j.moved.Broadcast()
}

// Wait returns when everything that was appended before is on the disk, many callers' records with one fsync; or with what
// the disk said.
func (j *Journal) Wait() error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for mine := j.appended; j.written < mine && j.failed == nil; {
		j.moved.Wait()
	}
	return j.failed
}

// Lasts returns what the disk said as soon as it has failed, for who would rather end than refuse from then on; nil when the
// journal is closed before.
func (j *Journal) Lasts() error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.failed == nil && !j.closed {
		j.moved.Wait()
	}
	if j.closed {
		return nil // Close tells it
	}
	return j.failed
}

// write takes to the disk what has gathered while it was there before.
func (j *Journal) write() {
	defer close(j.ended)
	j.mu.Lock()
	defer j.mu.Unlock()
	var batch bytes.Buffer
	for {
		for j.buffer.Len() == 0 && !j.closed {
			j.moved.Wait()
		}
		if j.buffer.Len() == 0 || j.failed != nil {
			return
		}
		batch.Reset()
		batch, j.buffer = j.buffer, batch
		upTo := j.appended
		j.mu.Unlock()
		_, err := j.file.Write(batch.Bytes())
		if err == nil {
			err = j.file.Sync()
		}
		j.mu.Lock()
		if err != nil {
			j.failed = fmt.Errorf("journal: nothing more is kept, what was answered before is: %w; make room and start again", err)
		} else {
			j.written = upTo
		}
		j.moved.Broadcast()
	}
}

// Close waits for what was appended and closes the file. What comes later is refused by Wait.
func (j *Journal) Close() error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	j.closed = true
	j.moved.Broadcast()
	j.mu.Unlock()
	<-j.ended
	j.mu.Lock()
	defer j.mu.Unlock()
	err := j.failed
	j.failed = fmt.Errorf("journal: %w", os.ErrClosed) // for who comes later
	j.moved.Broadcast()
	return errors.Join(err, j.file.Close())
}

// Rewrite makes a closed journal's file anew from records that say the same shorter. Whenever it is stopped, one of the two
// is there whole.
func Rewrite(name string, records func(put func(record []byte) error) error) error {
	next := name + ".next"
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	to := bufio.NewWriterSize(f, 1<<20)
	err = records(func(record []byte) error { return put(to, record) })
	if err = errors.Join(err, to.Flush(), f.Sync(), f.Close()); err == nil {
		err = os.Rename(next, name)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(name))
	}
	if err != nil {
		return fmt.Errorf("journal: %s: %w", name, err)
	}
	return nil
}

func syncFolder(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, fs.ErrInvalid) || errors.Is(err, errors.ErrUnsupported) { // some file systems sync no folder
		err = nil
	}
	return errors.Join(err, d.Close())
}
