// Package accesslog reads the lines of web servers' access logs, for assessment, replay and cost. It knows nginx's and
// Apache's combined format, with nginx's request time at the end where the log has one.
package accesslog

import (
	"strings"
	"time"
)

// Line is one request of a log.
type Line struct {
	Addr     string
	At       time.Time // with the log's own zone
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

// Bot tells whether a program sent the request, by what its agent says of itself. An agent that says nothing is a
// program: browsers always name themselves. A program that lies is not found.
func (l Line) Bot() bool {
	if l.Agent == "" || l.Agent == "-" {
		return true
	}
	agent := strings.ToLower(l.Agent)
	if strings.Contains(agent, "cubot") { // a make of telephone
		return false
	}
	for _, word := range robots {
		if strings.Contains(agent, word) {
			return true
		}
	}
	return false
}
