package accesslog

import (
	"net/netip"
	"strings"
	"time"
)

// Format is how a server writes its lines.
type Format string

// The formats that are read.
const (
	Combined   Format = "combined"   // Apache's and nginx's, a request's time after the agent where there is one
	Vhost      Format = "vhost"      // the same with the host, perhaps with its port, before it
	ALB        Format = "alb"        // of a load balancer of AWS, application or classic
	CloudFront Format = "cloudfront" // tab separated, its columns named by a line #Fields
)

// formats are tried in this order; of those that read equally many lines, the first is taken.
var formats = []Format{Vhost, Combined, ALB, CloudFront}

// looked is how many lines are read to find a file's format.
const looked = 200

// parser reads the lines of one file.
type parser struct {
	format  Format
	whole   time.Duration // what a whole number after the agent counts; 0: nothing
	columns columns

	stamp string // the last line's time as it was written, and what it was: a busy second has many lines
	at    time.Time
}

// find says in which format most of a log's first lines are written; a log of nothing but rubbish is read as combined.
func find(text string) *parser {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); line != "" && len(lines) < looked {
			lines = append(lines, line)
		}
	}
	best, most := &parser{format: Combined}, 0
	for _, f := range formats {
		p, read := &parser{format: f}, 0
		for _, line := range lines {
			if _, err := p.parse(line); err == nil {
				read++
			}
		}
		if read > most {
			best, most = p, read
		}
	}
	best.whole = whole(lines)
	return best
}

// whole tells Apache's %D, microseconds, from its %T, seconds: nothing is served in under a millisecond two hundred times
// in a row, and nobody waits a quarter of an hour.
func whole(lines []string) time.Duration {
	for _, line := range lines {
		at := strings.LastIndexByte(line, ' ')
		if text := line[at+1:]; len(text) > 3 && digits(text) {
			return time.Microsecond
		}
	}
	return time.Second
}

func digits(text string) bool {
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return text != ""
}

// parse reads one line. The line of column names that CloudFront's logs have is comment: no line and no error.
func (p *parser) parse(text string) (Line, error) {
	switch p.format {
	case ALB:
		return p.balancer(text)
	case CloudFront:
		return p.cloudFront(text)
	}
	return p.combined(text)
}

// comment tells whether a line of a CloudFront log says something of the log, and learns the columns from it.
func (p *parser) comment(text string) bool {
	if p.format != CloudFront || !strings.HasPrefix(text, "#") {
		return false
	}
	if names, ok := strings.CutPrefix(text, "#Fields:"); ok {
		p.columns = columnsOf(names)
	}
	return true
}

// hosted splits "www.example.org:80 203.0.113.9 - - [" behind the host. It is false where the line begins with the
// client's address.
func hosted(text string) (host, rest string, ok bool) {
	first, rest, _ := strings.Cut(text, " ")
	second, _, _ := strings.Cut(rest, " ")
	if addr(first) || first == "-" {
		return "", text, false
	}
	host, port, ported := strings.Cut(first, ":")
	if host == "" || ported && !digits(port) || !ported && !addr(second) {
		return "", text, false
	}
	return host, rest, true
}

func addr(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}
