package api

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// misplaced is how the Rust runtime ends a stream that breaks off: trailers that it announced, in the body.
const misplaced = "Lambda-Runtime-Function-Error-Type: Runtime.StreamError\r\nLambda-Runtime-Function-Error-Body: Y3V0\r\n"

func TestTrailersInTheBody(t *testing.T) {
	t.Parallel()
	const head = "POST /2018-06-01/runtime/invocation/id-1/response HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
	const trailer = "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n"
	const body = "\r\n4\r\nhalf\r\n63\r\n" + misplaced + "\r\n0\r\n\r\n"
	s, inv := invoked(t)
	wire(t, s, head+trailer+body, false)
	if r := inv.Response(); r.ErrorType != "Runtime.StreamError" || string(r.Payload) != `{"errorType":"Runtime.StreamError","errorMessage":"cut"}` {
		t.Errorf("%+v %s", r, r.Payload)
	}
	s, inv = invoked(t)
	wire(t, s, head+body, false)
	if r := inv.Response(); r.ErrorType != "" || string(r.Payload) != "half"+misplaced {
		t.Errorf("not announced, and yet: %+v %s", r, r.Payload)
	}
}

func TestPour(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"one two":                             "one two|",
		"half" + misplaced:                    "half|" + misplaced,
		"half" + misplaced + "more":           "half" + misplaced + "more|",
		"Lambda-Runtime-Function-Error-Type:": "Lambda-Runtime-Function-Error-Type:|",
		"Lambda-Runtime-Function-Error-Type: " + strings.Repeat("x", 70<<10): "Lambda-Runtime-Function-Error-Type: " + strings.Repeat("x", 70<<10) + "|",
	} {
		var got bytes.Buffer
		size, kept, err := pour(&got, strings.NewReader(body), true)
		if got.String()+"|"+string(kept) != want || size != int64(len(body)) || err != nil {
			t.Errorf("%.80q: %.80q %.80q %d %v", body, got.String(), kept, size, err)
		}
	}
	var got bytes.Buffer
	if _, _, err := pour(&got, io.MultiReader(strings.NewReader("half"), iotest.ErrReader(io.ErrUnexpectedEOF)), true); err == nil || got.String() != "half" {
		t.Errorf("%q %v", got.String(), err)
	}
}

func TestPourHasABurstAndARate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if _, _, err := pour(io.Discard, io.LimitReader(zeros{}, 10<<20), false); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began).Round(100 * time.Millisecond); took != 2*time.Second {
			t.Errorf("6 MiB at once and 4 at 2 a second took %s", took)
		}
		if _, _, err := pour(io.Discard, zeros{}, false); err != errTooLong {
			t.Errorf("an endless stream: %v", err)
		}
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func FuzzInBody(f *testing.F) {
	f.Add([]byte(misplaced))
	f.Fuzz(func(t *testing.T, text []byte) {
		kind, said, ok := inBody(text)
		if ok != (kind != "") || (!ok && said != "") {
			t.Errorf("%q: %q %q %v", text, kind, said, ok)
		}
		if ok && !json.Valid(told(kind, said)) {
			t.Errorf("%q says %s, which is no JSON", text, told(kind, said))
		}
	})
}
