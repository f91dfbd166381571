package api

import (
	"bytes"
	"errors"
	"io"
	"time"
)

// A streamed response has a burst at full speed, then a steady rate.
const (
	burst     = 6 << 20 // bytes
	rate      = 2 << 20 // bytes a second
	maxStream = 200 << 20
)

// maxTrailers is how much of a body is held back as perhaps being trailers.
const maxTrailers = 64 << 10

var errTooLong = errors.New("the stream is longer than 200 MiB")

// pour hands a streamed body on as it comes. Where trailers were announced, a piece that looks like them is held back, and
// given out if it is not: misplaced is what stayed behind.
func pour(to io.Writer, body io.Reader, trailers bool) (size int64, misplaced []byte, err error) {
	buffer := make([]byte, 64<<10)
	began := time.Now()
	give := func(p []byte) {
		if len(p) == 0 {
			return
		}
		if _, err := to.Write(p); err != nil {
			to = io.Discard // who asked is gone; the function is not told, as on AWS
		}
	}
	for {
		n, err := body.Read(buffer)
		size += int64(n)
		piece := buffer[:n]
		if misplaced != nil {
			misplaced = append(misplaced, piece...)
			if len(misplaced) > maxTrailers {
				give(misplaced)
				misplaced = nil
			}
		} else if i := bytes.LastIndex(piece, []byte(typeTrailer+": ")); trailers && i >= 0 {
			give(piece[:i])
			misplaced = bytes.Clone(piece[i:])
		} else {
			give(piece)
		}
		if err == nil && size > maxStream {
			err = errTooLong
		}
		if err != nil {
			if _, _, are := inBody(misplaced); !are {
				give(misplaced)
				misplaced = nil
			}
			if err == io.EOF {
				err = nil
			}
			return size, misplaced, err
		}
		if ahead := time.Duration(size-burst)*time.Second/rate - time.Since(began); ahead > 0 {
			time.Sleep(ahead)
		}
	}
}
