package frozen

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Ask is what of a request decides how a page is answered besides its address. Empty fields were not sent.
type Ask struct {
	Match, NoneMatch, ModifiedSince, Range, IfRange []byte
}

// Reply is how a page is answered: a status, and of a body the bytes from From to, but without, To.
type Reply struct {
	Status   int
	From, To int64
}

// lines are the header lines of the answer with its whole body, without the length.
func (a *Answer) lines() []byte {
	var b bytes.Buffer
	line := func(name, value string) {
		if value != "" {
			b.WriteString(name + ": " + value + "\r\n")
		}
	}
	line("Location", a.Location)
	line("Content-Type", a.Type)
	for _, h := range a.Headers {
		line(h[0], h[1])
	}
	if a.Hash != "" && a.Status == http.StatusOK {
		line("ETag", string(a.etag))
		line("Last-Modified", a.modified())
		line("Accept-Ranges", "bytes")
	}
	return b.Bytes()
}

// modified is when the body changed: the old site's word for a file, and for a page, whose own word is when its cache was filled, when it
// was frozen.
func (a *Answer) modified() string {
	if a.Asset && a.Modified != "" {
		return a.Modified
	}
	return a.When.UTC().Format(http.TimeFormat)
}

// Decide says how the page is answered to what was asked.
func (a *Answer) Decide(q Ask) Reply {
	whole := Reply{a.Status, 0, a.Size}
	if a.Status != http.StatusOK {
		return whole
	}
	switch {
	case len(q.Match) > 0 && !listed(q.Match, a.etag, false):
		return Reply{Status: http.StatusPreconditionFailed}
	case len(q.NoneMatch) > 0:
		if listed(q.NoneMatch, a.etag, true) {
			return Reply{Status: http.StatusNotModified}
		}
	case len(q.ModifiedSince) > 0 && a.unmodified(q.ModifiedSince):
		return Reply{Status: http.StatusNotModified}
	}
	if len(q.Range) == 0 || len(q.IfRange) > 0 && !bytes.Equal(q.IfRange, a.etag) && string(q.IfRange) != a.modified() {
		return whole
	}
	return span(string(q.Range), whole)
}

// listed says whether an entity tag stands in a list of them, or the list is *.
func listed(list, etag []byte, weak bool) bool {
	for one := range bytes.SplitSeq(list, []byte{','}) {
		one = bytes.TrimSpace(one)
		if weak {
			one = bytes.TrimPrefix(one, []byte("W/"))
		}
		if len(one) == 1 && one[0] == '*' || bytes.Equal(one, etag) {
			return true
		}
	}
	return false
}

func (a *Answer) unmodified(since []byte) bool {
	if string(since) == a.modified() {
		return true
	}
	at, err := http.ParseTime(string(since))
	changed, err2 := http.ParseTime(a.modified())
	return err == nil && err2 == nil && !changed.Truncate(time.Second).After(at)
}

// span reads a Range of one part; one of several, or of another unit, gets the whole body, which it may.
func span(text string, whole Reply) Reply {
	spec, ok := strings.CutPrefix(text, "bytes=")
	first, last, dash := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok || !dash || strings.Contains(spec, ",") {
		return whole
	}
	size := whole.To
	none := Reply{Status: http.StatusRequestedRangeNotSatisfiable}
	if first == "" {
		n, ok := number(last)
		switch {
		case !ok:
			return whole
		case n == 0 || size == 0:
			return none
		}
		return Reply{http.StatusPartialContent, max(0, size-n), size}
	}
	from, ok := number(first)
	to := size
	if last != "" {
		end, fine := number(last)
		if ok = ok && fine && end >= from; ok {
			to = min(size, end+1)
		}
	}
	switch {
	case !ok:
		return whole
	case from >= size:
		return none
	}
	return Reply{http.StatusPartialContent, from, to}
}

func number(s string) (int64, bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// AppendHead writes the header lines of a reply, its length among them. The status line, Date and the empty line are the caller's.
func (a *Answer) AppendHead(dst []byte, r Reply) []byte {
	switch r.Status {
	case http.StatusPreconditionFailed:
		return append(dst, "Content-Length: 0\r\n"...)
	case http.StatusRequestedRangeNotSatisfiable:
		dst = append(dst, "Content-Range: bytes */"...)
		return append(strconv.AppendInt(dst, a.Size, 10), "\r\nContent-Length: 0\r\n"...)
	case http.StatusNotModified:
		return append(dst, a.head...)
	case http.StatusPartialContent:
		dst = append(dst, "Content-Range: bytes "...)
		dst = append(strconv.AppendInt(dst, r.From, 10), '-')
		dst = append(strconv.AppendInt(dst, r.To-1, 10), '/')
		dst = append(strconv.AppendInt(dst, a.Size, 10), "\r\n"...)
	}
	dst = append(dst, a.head...)
	dst = append(dst, "Content-Length: "...)
	return append(strconv.AppendInt(dst, r.To-r.From, 10), "\r\n"...)
}

// Head is the answer's head as a differ takes it.
func (a *Answer) Head() (all [][2]string) {
	for line := range strings.SplitSeq(string(a.head), "\r\n") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			all = append(all, [2]string{name, value})
		}
	}
	return all
}
