// Package accesslog reads the lines of web servers' access logs, for assessment, replay and cost. It knows nginx's and
// Apache's combined format with or without times and hosts, and the logs of AWS's load balancers and of CloudFront; which
// of them a file is, it finds by itself.
package accesslog

import (
	"strings"
	"time"
)

// Line is one request of a log. Its strings share the memory of the lines around it: clone what is kept for long.
type Line struct {
	Host     string // asked for, in the log's spelling and without a port; empty where the log has none
	Addr     string
	At       time.Time // with the log's own zone; CloudFront's and the load balancers' is UTC
	Method   string    // empty where the request was no HTTP (a TLS hello, a bare word); Target then holds what was logged
	Target   string    // path and query as logged
	Status   int
	Bytes    int64
	Agent    string
	Duration time.Duration // zero when the log has none
}

// Path is the target without its query.
func (l Line) Path() string {
	path, _, _ := strings.Cut(l.Target, "?")
	return path
}

// Write tells whether the request asks for a change: every method but GET, HEAD, OPTIONS and TRACE.
func (l Line) Write() bool {
	switch l.Method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "":
		return false
	}
	return true
}

// robots are words that programs put into User-Agent and browsers do not, in lower case.
var robots = []string{
	"bot", "crawl", "spider", "slurp", "curl/", "wget/", "python-", "go-http-client", "java/", "libwww", "headless",
	"facebookexternalhit", "preview", "monitor", "pingdom", "uptime", "scanner",
}

// robotsBy holds them by their first letter.
var robotsBy = func() (by [256][]string) {
	for _, word := range robots {
		by[word[0]] = append(by[word[0]], word)
	}
	return by
}()

// Bot tells whether a program sent the request, by what its agent says of itself.
func (l Line) Bot() bool { return Robot(l.Agent) }

// Robot tells whether an agent is a program's. One that says nothing is: browsers always name themselves. A program
// that lies is not found. It does not allocate.
func Robot[T string | []byte](agent T) bool {
	if len(agent) == 0 || len(agent) == 1 && agent[0] == '-' {
		return true
	}
	found := false
	for i := range len(agent) {
		for _, word := range robotsBy[lower(agent[i])] {
			found = found || begins(agent[i:], word)
		}
		if lower(agent[i]) == 'c' && begins(agent[i:], "cubot") { // a make of telephone
			return false
		}
	}
	return found
}

// begins tells whether text begins with a word of lower case, in any case of its own.
func begins[T string | []byte](text T, word string) bool {
	if len(text) < len(word) {
		return false
	}
	for i := range len(word) {
		if lower(text[i]) != word[i] {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
