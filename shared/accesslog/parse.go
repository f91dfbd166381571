package accesslog

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Parse reads one line:
//
//	203.0.113.9 - - [15/Mar/2019:21:00:03 +0000] "GET /donate HTTP/1.1" 200 1764 "-" "Mozilla/5.0" 0.073
//
// The last field may be absent. An error names the field that is wrong; the line's strings share text's memory.
func Parse(text string) (Line, error) {
	s := scanner{rest: strings.TrimRight(text, "\r\n")}
	var l Line
	l.Addr = s.until(" ", "the address")
	s.until("[", "the time") // identity and user, which may hold spaces
	l.At = s.time(s.until("] ", "the time"))
	request := s.quoted("the request")
	status := s.until(" ", "the status")
	size := s.until(" ", "the size")
	s.quoted("the referrer")
	l.Agent = s.quoted("the agent")
	l.Method, l.Target = split(request)
	l.Status = int(s.number(status, 3, "the status"))
	if size != "-" { // Apache's word for none
		l.Bytes = s.number(size, 18, "the size")
	}
	l.Duration = s.seconds(s.rest)
	if s.err != nil {
		return Line{}, s.err
	}
	return l, nil
}

// split takes "GET /path HTTP/1.1" apart; what is no such thing is kept whole as the target.
func split(request string) (method, target string) {
	method, rest, ok := strings.Cut(request, " ")
	at := strings.LastIndex(rest, " HTTP/")
	if !ok || at < 0 || method == "" {
		return "", request
	}
	return method, rest[:at]
}

// scanner walks over a line; its first error sticks, and everything after it is empty.
type scanner struct {
	rest string
	err  error
}

func (s *scanner) fail(field, got string) {
	if s.err == nil {
		s.err = fmt.Errorf("%s: %q is not what a combined log has there", field, clip(got))
	}
}

func clip(text string) string {
	if len(text) > 40 {
		return text[:40] + "…"
	}
	return text
}

func (s *scanner) until(sep, field string) string {
	if s.err != nil {
		return ""
	}
	got, rest, ok := strings.Cut(s.rest, sep)
	if !ok {
		s.fail(field, s.rest)
		return ""
	}
	s.rest = rest
	return got
}

// quoted reads "…" and the space after it. Apache writes a quote inside as \", nginx as \x22.
func (s *scanner) quoted(field string) string {
	if s.err != nil {
		return ""
	}
	if !strings.HasPrefix(s.rest, `"`) {
		s.fail(field, s.rest)
		return ""
	}
	for i := 1; i < len(s.rest); i++ {
		switch s.rest[i] {
		case '\\':
			i++
		case '"':
			got := s.rest[1:i]
			s.rest = strings.TrimPrefix(s.rest[i+1:], " ")
			return got
		}
	}
	s.fail(field, s.rest)
	return ""
}

// number reads at most digits decimal digits, so that nothing overflows.
func (s *scanner) number(text string, digits int, field string) int64 {
	if s.err != nil {
		return 0
	}
	if text == "" || len(text) > digits {
		s.fail(field, text)
		return 0
	}
	var n int64
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			s.fail(field, text)
			return 0
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

// seconds reads nginx's $request_time, "0.073"; nothing, and fields that other formats append, are no duration.
func (s *scanner) seconds(text string) time.Duration {
	text, _, _ = strings.Cut(text, " ")
	whole, part, ok := strings.Cut(text, ".")
	if s.err != nil || !ok || len(part) != 3 || len(whole) > 6 {
		return 0
	}
	return time.Duration(s.number(whole, 6, "the request time"))*time.Second +
		time.Duration(s.number(part, 3, "the request time"))*time.Millisecond
}

const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

// time reads "15/Mar/2019:21:00:03 +0000". time.Parse takes four times as long, and a log has many lines.
func (s *scanner) time(text string) time.Time {
	if s.err != nil {
		return time.Time{}
	}
	const shape = "15/Mar/2019:21:00:03 +0000"
	if len(text) != len(shape) || text[2] != '/' || text[6] != '/' || text[11] != ':' || text[14] != ':' ||
		text[17] != ':' || text[20] != ' ' {
		s.fail("the time", text)
		return time.Time{}
	}
	month := strings.Index(months, text[3:6])
	at := func(from, to int) int { return int(s.number(text[from:to], 4, "the time")) }
	day, year, hour, minute, second := at(0, 2), at(7, 11), at(12, 14), at(15, 17), at(18, 20)
	hours, minutes := at(22, 24), at(24, 26)
	if s.err != nil || month%3 != 0 || hour > 23 || minute > 59 || second > 60 || hours > 14 || minutes > 59 ||
		(text[21] != '+' && text[21] != '-') {
		s.fail("the time", text)
		return time.Time{}
	}
	zone := time.UTC
	if east := hours*3600 + minutes*60; east != 0 {
		if text[21] == '-' {
			east = -east
		}
		zone = time.FixedZone(text[21:], east)
	}
	t := time.Date(year, time.Month(month/3+1), day, hour, minute, second, 0, zone)
	if t.Day() != day && second < 60 {
		s.fail("the time", text) // the 31st of a short month
	}
	return t
}

// String is the line in the format that Parse reads, its unkept fields as "-".
func (l Line) String() string {
	request := l.Target
	if l.Method != "" {
		request = l.Method + " " + l.Target + " HTTP/1.1"
	}
	text := l.Addr + " - - [" + l.At.Format("02/Jan/2006:15:04:05 -0700") + `] "` + request + `" ` +
		fmt.Sprintf("%03d", l.Status) + " " + strconv.FormatInt(l.Bytes, 10) + ` "-" "` + l.Agent + `"`
	if l.Duration > 0 {
		text += fmt.Sprintf(" %d.%03d", l.Duration/time.Second, l.Duration%time.Second/time.Millisecond)
	}
	return text
}
