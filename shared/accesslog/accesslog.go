// Package accesslog reads the lines of web servers' access logs, for assessment, replay and cost.
package accesslog

import "time"

// Line is one request of a log.
type Line struct {
	Addr     string
	At       time.Time // with the log's own zone
	Method   string
	Target   string // path and query as logged
	Status   int
	Bytes    int64
	Agent    string
	Duration time.Duration // zero when the log has none
}
