package accesslog

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Parse reads one line of the combined format:
//
//	203.0.113.9 - - [15/Mar/2019:21:00:03 +0000] "GET /donate HTTP/1.1" 200 1764 "-" "Mozilla/5.0" 0.073
//
// The last field may be absent, and a whole number there is Apache's %D, in microseconds. An error names the field that is
// wrong; the line's strings share text's memory.
func Parse(text string) (Line, error) {
	p := parser{format: Combined, whole: time.Microsecond}
	return p.parse(strings.TrimRight(text, "\r\n"))
}

func (p *parser) combined(text string) (Line, error) {
	var l Line
	s := scanner{rest: text, format: p.format}
	if p.format == Vhost {
		var ok bool
		if l.Host, s.rest, ok = hosted(text); !ok {
			s.fail("the host")
		}
	}
	l.Addr = s.until(" ", "the address")
	s.until("[", "the time") // identity and user, which may hold spaces
	l.At = p.time(&s, s.until("] ", "the time"))
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
	if s.err != nil {
		return Line{}, s.err
	}
	l.Duration = p.took(&s)
	return l, nil
}

// took is the first field after the agent that stands in no quotes, such as nginx's $request_time, "0.073", Apache's %D,
// "73000", or either with its name, "rt=0.073". What is no time is something else that the log has there.
func (p *parser) took(s *scanner) time.Duration {
	for strings.HasPrefix(s.rest, `"`) {
		if s.quoted("an extra field"); s.err != nil {
			return 0
		}
	}
	text, _, _ := strings.Cut(s.rest, " ")
	if at := strings.IndexByte(text, '='); at >= 0 {
		text = text[at+1:]
	}
	if digits(text) && len(text) <= 11 {
		return time.Duration(number(text)) * p.whole
	}
	d, _ := seconds(text)
	return d
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

const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

// time reads "15/Mar/2019:21:00:03 +0000". time.Parse takes four times as long, and a log has many lines.
func (p *parser) time(s *scanner, text string) time.Time {
	if s.err != nil {
		return time.Time{}
	}
	if text == p.stamp {
		return p.at
	}
	const shape = "15/Mar/2019:21:00:03 +0000"
	if len(text) != len(shape) || text[2] != '/' || text[6] != '/' || text[11] != ':' || text[14] != ':' ||
		text[17] != ':' || text[20] != ' ' || text[21] != '+' && text[21] != '-' {
		s.fail("the time")
		return time.Time{}
	}
	month := strings.Index(months, text[3:6])
	at := func(from, to int) int { return int(s.number(text[from:to], 4, "the time")) }
	day, year, hour, minute, second := at(0, 2), at(7, 11), at(12, 14), at(15, 17), at(18, 20)
	hours, minutes := at(22, 24), at(24, 26)
	if s.err != nil || month%3 != 0 || hours > 14 || minutes > 59 {
		s.fail("the time")
		return time.Time{}
	}
	east := hours*60 + minutes
	if text[21] == '-' {
		east = -east
	}
	t, ok := date(year, month/3+1, day, hour, minute, second, zone(east))
	if !ok {
		s.fail("the time")
		return time.Time{}
	}
	p.stamp, p.at = text, t
	return t
}

// date is false for a day or an hour that there is not: the 31st of a short month. A leap second is the next minute's first.
func date(year, month, day, hour, minute, second int, in *time.Location) (time.Time, bool) {
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, in)
	return t, hour <= 23 && minute <= 59 && second <= 60 && (t.Day() == day || second == 60) && month >= 1 && month <= 12 && day > 0
}

// zones are the offsets of whole quarters of an hour, 15 hours to each side: making one anew for each line takes as long
// as reading the line.
var zones = func() (all [2*60 + 1]*time.Location) {
	for i := range all {
		all[i] = fixed((i - len(all)/2) * 15)
	}
	return all
}()

// zone is so many minutes east of Greenwich.
func zone(east int) *time.Location {
	if east%15 != 0 {
		return fixed(east)
	}
	return zones[east/15+len(zones)/2]
}

func fixed(east int) *time.Location {
	if east == 0 {
		return time.UTC
	}
	sign, minutes := '+', east
	if east < 0 {
		sign, minutes = '-', -east
	}
	return time.FixedZone(fmt.Sprintf("%c%02d%02d", sign, minutes/60, minutes%60), east*60)
}

// String is the line in the combined format that Parse reads, its unkept fields as "-" and its host left out.
func (l Line) String() string {
	request := l.Target
	if l.Method != "" {
		request = l.Method + " " + l.Target + " HTTP/1.1"
	}
	text := l.Addr + " - - [" + l.At.Format("02/Jan/2006:15:04:05 -0700") + `] "` + request + `" ` +
		fmt.Sprintf("%03d", l.Status) + " " + strconv.FormatInt(l.Bytes, 10) + ` "-" "` + l.Agent + `"`
	switch whole, part := l.Duration/time.Second, l.Duration%time.Second; {
	case part%time.Millisecond != 0:
		text += fmt.Sprintf(" %d.%06d", whole, part/time.Microsecond)
	case l.Duration > 0:
		text += fmt.Sprintf(" %d.%03d", whole, part/time.Millisecond)
	}
	return text
}
