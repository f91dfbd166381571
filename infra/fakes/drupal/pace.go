package drupal

import (
	"context"
	"errors"
	"strings"
	"time"
)

// The old site's times, medians of the sample's access log (infra/local/site, March 2019) by what is asked for.
const (
	fileTime   = 4 * time.Millisecond   // GET /misc/jquery.js
	hitTime    = 35 * time.Millisecond  // the front page's fifth centile: the log does not say which were hits
	listTime   = 79 * time.Millisecond  // GET /
	pageTime   = 105 * time.Millisecond // the static pages together
	missedTime = 132 * time.Millisecond // GET /wp-login.php
	deniedTime = 731 * time.Millisecond // GET /admin/content
)

// readTimes and writeTimes are by the first part of the path, or of a webform by its alias.
var (
	readTimes = map[string]time.Duration{
		"donate": 273 * time.Millisecond, "giving": 363 * time.Millisecond, "fundraisers": 391 * time.Millisecond,
		"done": 191 * time.Millisecond, "gift-aid": 215 * time.Millisecond, "pay-in": 183 * time.Millisecond,
		"sign-up": 186 * time.Millisecond, "contact-us": 182 * time.Millisecond, "step-challenge": 173 * time.Millisecond,
		"user": 164 * time.Millisecond, "admin": deniedTime,
	}
	writeTimes = map[string]time.Duration{
		"donate": 730 * time.Millisecond, "gift-aid": 424 * time.Millisecond, "pay-in": 622 * time.Millisecond,
		"sign-up": 349 * time.Millisecond, "contact-us": 529 * time.Millisecond, "step-challenge": 354 * time.Millisecond,
		"user": 472 * time.Millisecond,
	}
)

// serviceTime is how long PHP takes for a request that the page cache cannot answer.
func serviceTime(v *visit) time.Duration {
	if len(v.args) > 2 && v.args[0] == "node" && v.args[2] == "done" {
		return readTimes["done"]
	}
	alias := strings.Trim(v.content.path(v.path), "/")
	top, _, _ := strings.Cut(alias, "/")
	if t, ok := writeTimes[top]; ok && v.post != nil {
		return t
	}
	if t, ok := readTimes[top]; ok {
		return t
	}
	switch {
	case v.front:
		return listTime
	case v.args[0] == "node":
		return pageTime
	}
	return missedTime
}

// patience is how long nginx waits for a free worker: every 503 of the log came after exactly this.
const patience = 30 * time.Second

// pace is the machine under the site: its workers, and how fast it is.
type pace struct {
	speed   float64
	workers chan struct{}
}

var errBusy = errors.New("every worker is busy")

// enter takes a worker, waiting behind others; leave gives it back.
func (p *pace) enter(ctx context.Context) (leave func(), err error) {
	leave = func() { <-p.workers }
	select {
	case p.workers <- struct{}{}:
		return leave, nil
	default:
	}
	d := patience
	if p.speed > 0 {
		d = p.scaled(d)
	}
	limit := time.NewTimer(d)
	defer limit.Stop()
	select {
	case p.workers <- struct{}{}:
		return leave, nil
	case <-limit.C:
		return nil, errBusy
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pace) scaled(d time.Duration) time.Duration {
	if p.speed == 0 {
		return 0
	}
	return time.Duration(float64(d) / p.speed)
}

// until waits out what is left of a service time since a request began.
func (p *pace) until(ctx context.Context, began time.Time, service time.Duration) {
	wait(ctx, p.scaled(service)-time.Since(began))
}

func (p *pace) pause(ctx context.Context, d time.Duration) { wait(ctx, p.scaled(d)) }

func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
