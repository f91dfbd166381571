package rig

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Visitor is one kept connection that asks as a browser does, with the cookie that it was given.
type Visitor struct {
	c       net.Conn
	r       *bufio.Reader
	request []byte
}

// Connections is how many visitors ask at once.
const Connections = 64

const page = "GET /donate/now?utm_source=bbc HTTP/1.1\r\nHost: www.rednosefund.example\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\n" +
	"Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-GB,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\nReferer: http://www.rednosefund.example/\r\n" +
	"Cookie: has_js=1%s\r\n\r\n"

func visit(addr string) (*Visitor, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	v := &Visitor{c: c, r: bufio.NewReaderSize(c, 8192), request: []byte(fmt.Sprintf(page, ""))}
	head, err := v.ask()
	if err != nil {
		return nil, err
	}
	for l := range strings.SplitSeq(head, "\r\n") {
		if set, ok := strings.CutPrefix(l, "Set-Cookie: "); ok {
			cookie, _, _ := strings.Cut(set, ";")
			v.request = []byte(fmt.Sprintf(page, "; "+cookie))
		}
	}
	return v, nil
}

// ask sends the request and reads the whole answer, of which it returns the head.
func (v *Visitor) ask() (string, error) {
	if _, err := v.c.Write(v.request); err != nil {
		return "", err
	}
	return v.answer()
}

func (v *Visitor) answer() (string, error) {
	for {
		b, _ := v.r.Peek(v.r.Buffered())
		end := bytes.Index(b, []byte("\r\n\r\n"))
		if end < 0 {
			if _, err := v.r.Peek(len(b) + 1); err != nil {
				return "", err
			}
			continue
		}
		head := string(b[:end])
		if !strings.HasPrefix(head, "HTTP/1.1 200") {
			return "", errors.New("answered " + head)
		}
		length := 0
		if i := max(strings.Index(head, "Content-Length: "), strings.Index(head, "content-length: ")); i >= 0 { // HAProxy writes names small
			number, _, _ := strings.Cut(head[i+16:], "\r\n")
			length, _ = strconv.Atoi(number)
		}
		v.r.Discard(end + 4)
		_, err := io.CopyN(io.Discard, v.r, int64(length))
		return head, err
	}
}

// VisitAll connects as many visitors as a measurement has.
func VisitAll(addr string) (all []*Visitor, err error) {
	for range Connections {
		v, err := visit(addr)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// Load asks as fast as the visitors can, for so long, and says how often they were answered.
func Load(all []*Visitor, length time.Duration) (n int64, took time.Duration, err error) {
	var count atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	began := time.Now()
	for _, v := range all {
		wg.Go(func() {
			for time.Since(began) < length {
				if _, err := v.ask(); err != nil {
					failed.Store(&err)
					return
				}
				count.Add(1)
			}
		})
	}
	wg.Wait()
	if e := failed.Load(); e != nil {
		err = *e
	}
	return count.Load(), time.Since(began), err
}

// Paced asks at a steady rate, through a proxy and without it by turns, so that both are measured in the same seconds. It says what the
// slowest hundredth of each took.
func Paced(through, direct []*Visitor, rate int, length time.Duration) (proxied99, direct99 time.Duration, err error) {
	var mu sync.Mutex
	var times [2][]time.Duration
	var wg sync.WaitGroup
	gap := time.Second * Connections / time.Duration(rate)
	began := time.Now().Add(10 * time.Millisecond)
	for way, all := range [][]*Visitor{through, direct} {
		for i, v := range all {
			first := began.Add(gap * time.Duration(2*i+way) / (2 * Connections))
			wg.Go(func() {
				mine, e := v.pace(first, began.Add(length), gap)
				mu.Lock()
				defer mu.Unlock()
				if times[way] = append(times[way], mine...); e != nil {
					err = e
				}
			})
		}
	}
	wg.Wait()
	if err != nil {
		return 0, 0, err
	}
	for way := range times {
		slices.Sort(times[way])
	}
	return times[0][len(times[0])*99/100], times[1][len(times[1])*99/100], nil
}

// pace asks once every gap. A request that is late because the answer before it was counts from when it was due; the load generator's own
// oversleeping is nobody's fault.
func (v *Visitor) pace(due, end time.Time, gap time.Duration) (times []time.Duration, err error) {
	for ; due.Before(end); due = due.Add(gap) {
		from := due
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
			from = time.Now()
		}
		if _, err := v.ask(); err != nil {
			return nil, err
		}
		times = append(times, time.Since(from))
	}
	return times, nil
}
