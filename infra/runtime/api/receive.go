package api

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"time"
)

type problem int

const (
	none problem = iota
	tooLarge
	truncated
)

var sizeText = fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", MaxPayload)

// receive reads a response's body, and its trailers, which say whether the body is whole: aws-lambda-go reports there that
// its reader failed in the middle.
func receive(inv *Invocation, r *http.Request, streamed bool) (Response, problem) {
	resp := Response{ContentType: r.Header.Get("Content-Type"), Streamed: streamed}
	var err error
	if streamed && inv.Stream != nil {
		resp.Size, err = pour(inv.Stream, r.Body)
	} else {
		resp.Payload, err = gather(r)
		resp.Size = int64(len(resp.Payload))
	}
	if resp.Size > MaxPayload && resp.Payload != nil {
		drain(r.Body)
		return failure("Function.ResponseSizeTooLarge", sizeText), tooLarge
	}
	if err != nil {
		resp := failure("Runtime.TruncatedResponse", "RequestId: "+inv.ID+" Error: HTTP request detected as truncated")
		resp.Streamed = streamed
		return resp, truncated
	}
	if kind := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); kind != "" {
		resp.ErrorType = kind
		resp.Payload = nil
		if body, err := base64.StdEncoding.DecodeString(r.Trailer.Get("Lambda-Runtime-Function-Error-Body")); err == nil && len(body) > 0 {
			resp.Payload = body
		} else {
			resp.Payload = failure(kind, "").Payload
		}
		resp.ContentType = "application/json"
	}
	return resp, none
}

// gather reads a body up to one byte more than is allowed.
func gather(r *http.Request) ([]byte, error) {
	var b bytes.Buffer
	if n := r.ContentLength; n > 0 && n <= MaxPayload {
		b.Grow(int(n) + bytes.MinRead)
	}
	_, err := b.ReadFrom(io.LimitReader(r.Body, MaxPayload+1))
	if b.Bytes() == nil {
		return []byte{}, err
	}
	return b.Bytes(), err
}

// drain reads what is left, within reason: a client that writes its whole body before it looks for an answer would
// otherwise see a broken connection and not the answer.
func drain(body io.Reader) { io.Copy(io.Discard, io.LimitReader(body, 64<<20)) }

// A streamed response has a burst at full speed, then a steady rate.
const (
	burst     = 6 << 20 // bytes
	rate      = 2 << 20 // bytes a second
	maxStream = 200 << 20
)

// pour hands a streamed body on as it comes.
func pour(to io.Writer, body io.Reader) (int64, error) {
	buffer := make([]byte, 64<<10)
	began := time.Now()
	var size int64
	for {
		n, err := body.Read(buffer)
		size += int64(n)
		if n > 0 {
			if _, werr := to.Write(buffer[:n]); werr != nil {
				to = io.Discard // who asked is gone; the function is not told, as on AWS
			}
		}
		if err == io.EOF {
			return size, nil
		}
		if err == nil && size > maxStream {
			err = io.ErrShortBuffer
		}
		if err != nil {
			return size, err
		}
		if ahead := time.Duration(size-burst)*time.Second/rate - time.Since(began); ahead > 0 {
			time.Sleep(ahead)
		}
	}
}
