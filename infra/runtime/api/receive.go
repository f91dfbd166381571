package api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

type problem int

const (
	none problem = iota
	tooLarge
	truncated
)

var sizeText = fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", MaxPayload)

// The trailers that tell of a failure in the middle of a body.
const (
	typeTrailer = "Lambda-Runtime-Function-Error-Type"
	bodyTrailer = "Lambda-Runtime-Function-Error-Body"
)

// receive reads a response's body, and its trailers, which say whether the body is whole: aws-lambda-go reports there that
// its reader failed in the middle.
func receive(inv *Invocation, r *http.Request, streamed bool) (Response, problem) {
	resp := Response{ContentType: r.Header.Get("Content-Type"), Streamed: streamed}
	_, announced := r.Trailer[typeTrailer]
	var misplaced []byte // trailers that came as a part of the body
	var err error
	if streamed && inv.Stream != nil {
		resp.Size, misplaced, err = pour(inv.Stream, r.Body, announced)
	} else {
		resp.Payload, err = gather(r)
		resp.Size = int64(len(resp.Payload))
		if i := bytes.LastIndex(resp.Payload, []byte(typeTrailer+": ")); announced && i >= 0 {
			misplaced = resp.Payload[i:]
		}
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
	kind, said := r.Trailer.Get(typeTrailer), r.Trailer.Get(bodyTrailer)
	if kind == "" {
		kind, said, _ = inBody(misplaced)
	}
	if kind != "" {
		resp.ErrorType, resp.Payload, resp.ContentType = kind, told(kind, said), "application/json"
	}
	return resp, none
}

// told is the error that a trailer says: JSON in base64, or a text in base64.
func told(kind, said string) []byte {
	body, err := base64.StdEncoding.DecodeString(said)
	if err == nil && json.Valid(body) {
		return body
	}
	return failure(kind, string(body)).Payload
}

// inBody reads trailers that a client has written as the last piece of the body, as the Rust runtime does where a stream
// breaks off; false: it is none, but what the function wrote.
func inBody(text []byte) (kind, said string, ok bool) {
	rest, whole := strings.CutSuffix(string(text), "\r\n")
	rest = strings.TrimSuffix(rest, "\r\n")
	first, second, two := strings.Cut(rest, "\r\n")
	kind, hasKind := strings.CutPrefix(first, typeTrailer+": ")
	said, hasBody := strings.CutPrefix(second, bodyTrailer+": ")
	if !whole || !two || !hasKind || !hasBody || kind == "" || strings.Contains(said, "\r\n") {
		return "", "", false
	}
	return kind, said, true
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
