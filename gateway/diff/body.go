package diff

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/andybalholm/brotli"
)

// bodies compares two bodies by what they are. The answers stay as they are: codings are undone in a copy.
func (x *comparison) bodies(legacy, new Answer) {
	a, errA := x.decode(legacy)
	b, errB := x.decode(new)
	switch {
	case errors.Is(errA, errCapped) || errors.Is(errB, errCapped):
		x.capped(legacy.Body, new.Body)
		return
	case errA != nil || errB != nil:
		x.broken(errA, errB, legacy.Body, new.Body)
		return
	case bytes.Equal(a, b):
		return
	}
	before := len(x.all)
	if !x.meaning(form(legacy, a), form(new, b), a, b) || x.over {
		x.all = x.all[:before] // half a comparison would name what is not there
		x.over = true
		x.capped(a, b)
	}
}

var errCapped = errors.New("over the cap")

// decode undoes gzip and br, up to the cap: a bomb ends there.
func (x *comparison) decode(a Answer) ([]byte, error) {
	if a.Cut || len(a.Body) > x.c.caps.Bytes {
		return nil, errCapped
	}
	plain := a.Body
	codings := words(values(a.Header, "content-encoding"))
	for i := len(codings) - 1; i >= 0 && len(plain) > 0; i-- {
		var r io.Reader
		var err error
		switch codings[i] {
		case "identity":
			continue
		case "gzip", "x-gzip":
			r, err = gzip.NewReader(bytes.NewReader(plain))
		case "br":
			r = brotli.NewReader(bytes.NewReader(plain))
		default:
			err = fmt.Errorf("coding %q is not known", codings[i])
		}
		if err != nil {
			return nil, err
		}
		if plain, err = io.ReadAll(io.LimitReader(r, int64(x.c.caps.Bytes)+1)); err != nil {
			return nil, err
		}
		if len(plain) > x.c.caps.Bytes || !x.spend(len(plain)) {
			return nil, errCapped
		}
	}
	return plain, nil
}

func values(head [][2]string, name string) (all []string) {
	for _, h := range head {
		if strings.EqualFold(h[0], name) {
			all = append(all, h[1])
		}
	}
	return all
}

// capped compares lengths and hashes only.
func (x *comparison) capped(a, b []byte) {
	x.over = true
	if !bytes.Equal(a, b) {
		x.found("body", Cut, sum(a), sum(b), false)
	}
}

// broken is for a body whose coding cannot be undone.
func (x *comparison) broken(errA, errB error, a, b []byte) {
	say := func(err error, body []byte) string {
		if err != nil {
			return "cannot be decoded: " + err.Error()
		}
		return sum(body)
	}
	if errA == nil || errB == nil || !bytes.Equal(a, b) {
		x.found("body", Changed, say(errA, a), say(errB, b), false)
	}
}

func sum(body []byte) string {
	h := sha256.Sum256(body)
	return fmt.Sprintf("%d bytes, SHA-256 %x", len(body), h[:6])
}

// The forms of bodies.
const (
	asHTML = iota
	asJSON
	asXML
	asText
	asBinary
)

// form is how a body is to be read, by its type and, without one, by its looks.
func form(a Answer, body []byte) int {
	kind := ""
	if all := values(a.Header, "content-type"); len(all) > 0 {
		kind, _, _ = mime.ParseMediaType(all[0])
	}
	switch {
	case kind == "text/html" || kind == "application/xhtml+xml":
		return asHTML
	case kind == "application/json" || strings.HasSuffix(kind, "+json"):
		return asJSON
	case kind == "application/xml" || kind == "text/xml" || strings.HasSuffix(kind, "+xml"):
		return asXML
	case strings.HasPrefix(kind, "text/") || kind == "application/javascript" || kind == "application/x-www-form-urlencoded":
		return asText
	case kind == "" && utf8.Valid(body) && bytes.IndexByte(body, 0) < 0:
		return asText
	}
	return asBinary
}

// meaning compares two bodies of which one byte at least differs. It is false if that went over a cap.
func (x *comparison) meaning(formA, formB int, a, b []byte) bool {
	if formA != asBinary {
		x.single("body charset", valid(a), valid(b))
	}
	switch {
	case formA != formB || formA == asBinary:
		x.single("body", sum(a), sum(b))
		return true
	case formA == asHTML:
		return x.pages(a, b)
	case formA == asJSON:
		return x.documents("json ", a, b)
	case formA == asXML:
		return x.feeds(a, b)
	}
	return x.texts(a, b)
}

// valid says whether a text is UTF-8: what was sent in another charset than it says shows as broken letters.
func valid(body []byte) string {
	if utf8.Valid(body) {
		return "UTF-8"
	}
	return "not UTF-8"
}

// texts compares line by line.
func (x *comparison) texts(a, b []byte) bool {
	x.list("text", false, lines(a), lines(b))
	return true
}

func lines(body []byte) (all []item) {
	for line := range strings.SplitSeq(strings.ReplaceAll(string(body), "\r\n", "\n"), "\n") {
		all = append(all, item{value: strings.TrimRight(line, " \t")})
	}
	return all
}
