package accesslog

import (
	"net"
	"net/url"
	"strings"
	"time"
)

// balancer reads a line of an Application Load Balancer, or of a classic one, which has no type before the time:
//
//	https 2019-03-15T21:00:03.186641Z app/web/50dc 203.0.113.9:2817 10.0.0.1:80 0.001 0.615 0.000 302 302 34 366
//	"POST https://www.example.org:443/donate HTTP/1.1" "Mozilla/5.0" …
func (p *parser) balancer(text string) (Line, error) {
	s := scanner{rest: text, format: ALB}
	var l Line
	first := s.until(" ", "the type")
	if first != "" && (first[0] < '0' || first[0] > '9') {
		first = s.until(" ", "the time")
	}
	l.At = s.instant(first)
	s.until(" ", "the load balancer")
	client := s.until(" ", "the client")
	s.until(" ", "the target")
	for range 3 { // to the target, in it, and back; -1 where it came to none
		if d, ok := seconds(s.until(" ", "the times")); ok {
			l.Duration += d
		}
	}
	status := s.until(" ", "the status")
	s.until(" ", "the target's status")
	s.until(" ", "the bytes received")
	size := s.until(" ", "the bytes sent")
	l.Method, l.Target = split(s.quoted("the request"))
	l.Agent = s.quoted("the agent")
	if status != "-" { // the client left before it was known
		l.Status = int(s.number(status, 3, "the status"))
	}
	l.Bytes = s.number(size, 18, "the bytes sent")
	if s.err != nil {
		return Line{}, s.err
	}
	l.Addr = client
	if host, _, err := net.SplitHostPort(client); err == nil {
		l.Addr = host
	}
	l.Host, l.Target = absolute(l.Target)
	return l, nil
}

// absolute takes the host off a target that is a whole address.
func absolute(target string) (host, path string) {
	_, rest, ok := strings.Cut(target, "://")
	if !ok || strings.HasPrefix(target, "/") {
		return "", target
	}
	at := strings.IndexAny(rest, "/?")
	if at < 0 {
		at = len(rest)
	}
	host, path = rest[:at], rest[at:]
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	if before, port, ok := strings.Cut(host, ":"); ok && digits(port) {
		host = before
	}
	return host, path
}

// instant reads "2019-03-15T21:00:03.186641Z", with or without a fraction.
func (s *scanner) instant(text string) time.Time {
	if s.err != nil {
		return time.Time{}
	}
	const shape = "2019-03-15T21:00:03"
	if len(text) < len(shape) || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' {
		s.fail("the time")
		return time.Time{}
	}
	at := func(from, to int) int { return int(s.number(text[from:to], 4, "the time")) }
	t, ok := date(at(0, 4), at(5, 7), at(8, 10), at(11, 13), at(14, 16), at(17, 19), time.UTC)
	part, whole := seconds("0" + strings.TrimSuffix(text[len(shape):], "Z"))
	if !ok || !whole || s.err != nil {
		s.fail("the time")
		return time.Time{}
	}
	return t.Add(part)
}

// columns say where a CloudFront log has what, from 0; -1 is nowhere.
type columns struct {
	known                                                                        bool
	date, time, bytes, addr, method, stem, status, agent, query, host, own, took int
}

func columnsOf(names string) columns {
	at := map[string]int{}
	for i, name := range strings.Fields(names) {
		at[name] = i + 1
	}
	where := func(name string) int { return at[name] - 1 }
	return columns{
		known: true, date: where("date"), time: where("time"), bytes: where("sc-bytes"), addr: where("c-ip"), method: where("cs-method"),
		stem: where("cs-uri-stem"), status: where("sc-status"), agent: where("cs(User-Agent)"), query: where("cs-uri-query"),
		host: where("x-host-header"), own: where("cs(Host)"), took: where("time-taken"),
	}
}

// standard are the columns of a file whose line of names was cut off.
var standard = columnsOf("date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) " +
	"cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken")

// cloudFront reads a line by the columns that the last line #Fields named.
func (p *parser) cloudFront(text string) (Line, error) {
	if p.comment(text) {
		return Line{}, nil
	}
	if !p.columns.known {
		p.columns = standard
	}
	c, s := p.columns, scanner{rest: text, format: CloudFront}
	var room [48]string
	cells := room[:0]
	for cell := range strings.SplitSeq(text, "\t") {
		if len(cells) == cap(room[:]) {
			break
		}
		cells = append(cells, cell)
	}
	cell := func(at int) string {
		if at < 0 || at >= len(cells) {
			return ""
		}
		return cells[at]
	}
	if cell(c.date) == "" || cell(c.time) == "" || !strings.HasPrefix(cell(c.stem), "/") {
		s.fail("the date, the time or the path")
		return Line{}, s.err
	}
	l := Line{Addr: cell(c.addr), Method: cell(c.method), Target: cell(c.stem), Agent: plain(cell(c.agent)), Host: cell(c.host)}
	l.At = s.instant(cell(c.date) + "T" + cell(c.time))
	l.Status = int(s.number(cell(c.status), 3, "the status"))
	l.Bytes = s.number(cell(c.bytes), 18, "the bytes")
	if l.Host == "" || l.Host == "-" {
		l.Host = cell(c.own)
	}
	if query := cell(c.query); query != "" && query != "-" {
		l.Target += "?" + query
	}
	l.Duration, _ = seconds(cell(c.took))
	if s.err != nil {
		return Line{}, s.err
	}
	return l, nil
}

// plain undoes CloudFront's encoding of spaces in an agent.
func plain(agent string) string {
	if strings.IndexByte(agent, '%') < 0 {
		return agent
	}
	if text, err := url.PathUnescape(agent); err == nil {
		return text
	}
	return agent
}
