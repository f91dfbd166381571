// Package notify tells people what they should hear of although they look elsewhere: a rollback, a freeze, red readiness, a dead sync, a
// dead shadow. Each alarm goes to every webhook and mail address once, with a link to its group's page, and nobody waits for it.
package notify

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-migration/banyan/gateway/analysis"
	"github.com/banyan-migration/banyan/gateway/config"
)

// Options is where alarms go.
type Options struct {
	To      config.Notify
	Link    string       // the dashboard's address where To.Link is empty
	Key     []byte       // what goes to webhooks is signed by its ReceiverKey; empty: nothing is signed
	Gateway string       // this gateway's id, for whoever reads the message
	Client  *http.Client // nil: one that waits for ten seconds
	Log     *slog.Logger // nil: silent
	Now     func() time.Time
}

// Post sends alarms from a queue of its own. Its methods are safe for concurrent use.
type Post struct {
	o       Options
	queue   chan analysis.Alarm
	dropped atomic.Int64

	mu    sync.Mutex
	known map[string]bool // ids that were taken
	order []string
}

const (
	maxQueue = 256
	maxKnown = 4096
	tries    = 5
	firstGap = 2 * time.Second // between the first try and the second; then twice as long each time
	patience = 10 * time.Second
)

// New makes one; Run sends.
func New(o Options) *Post {
	if o.Client == nil {
		o.Client = &http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.To.Link = cmp.Or(o.To.Link, o.Link)
	return &Post{o: o, queue: make(chan analysis.Alarm, maxQueue), known: map[string]bool{}}
}

// Alarm takes an alarm, unless its id was taken before. It never blocks: where the queue is full the alarm is dropped and counted, and
// is still in the journal and on the dashboard.
func (p *Post) Alarm(a analysis.Alarm) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known[a.ID] {
		return
	}
	select {
	case p.queue <- a:
	default:
		p.dropped.Add(1)
		p.o.Log.Error("an alarm is not sent: too many wait", "what", a.What, "group", a.Group, "why", a.Why)
		return
	}
	if len(p.order) == maxKnown {
		delete(p.known, p.order[0])
		p.order = p.order[1:]
	}
	p.known[a.ID], p.order = true, append(p.order, a.ID)
}

// Dropped is how many alarms found the queue full.
func (p *Post) Dropped() int64 { return p.dropped.Load() }

// Run sends until ctx ends. A target that does not answer delays its own alarms alone.
func (p *Post) Run(ctx context.Context) {
	var targets []chan analysis.Alarm
	var sending sync.WaitGroup
	add := func(name string, send func(context.Context, analysis.Alarm) error) {
		queue := make(chan analysis.Alarm, maxQueue)
		targets = append(targets, queue)
		sending.Go(func() { p.serve(ctx, name, queue, send) })
	}
	for _, hook := range p.o.To.Webhooks {
		add(host(hook), func(ctx context.Context, a analysis.Alarm) error { return p.webhook(ctx, hook, a) })
	}
	if p.o.To.Mail.Server != "" {
		add(p.o.To.Mail.Server, p.mail)
	}
	defer sending.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case a := <-p.queue:
			for i, queue := range targets {
				select {
				case queue <- a:
				default:
					p.dropped.Add(1)
					p.o.Log.Error("an alarm is not sent: too many wait for this target", "target", i+1, "what", a.What, "group", a.Group)
				}
			}
		}
	}
}

// serve sends one target's alarms in their order, each until it is taken or has been tried often enough.
func (p *Post) serve(ctx context.Context, target string, queue <-chan analysis.Alarm, send func(context.Context, analysis.Alarm) error) {
	for {
		select {
		case <-ctx.Done():
			return
		case a := <-queue:
			p.deliver(ctx, target, a, send)
		}
	}
}

func (p *Post) deliver(ctx context.Context, target string, a analysis.Alarm, send func(context.Context, analysis.Alarm) error) {
	wait := firstGap
	for try := 1; ; try++ {
		err := send(ctx, a)
		switch {
		case err == nil:
			return
		case try == tries:
			p.dropped.Add(1)
			p.o.Log.Error("an alarm is not sent: its target does not take it", "target", target, "what", a.What, "group", a.Group, "error", err)
			return
		}
		p.o.Log.Warn("an alarm is tried again", "target", target, "what", a.What, "group", a.Group, "in", wait, "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait *= 2
	}
}

// host is what a log may show of a webhook: its path is often a secret.
func host(hook string) string {
	u, err := url.Parse(hook)
	if err != nil {
		return "webhook"
	}
	return u.Host
}

// link is the address of a group's page; empty where the dashboard's is not known.
func (p *Post) link(group string) string {
	if p.o.To.Link == "" {
		return ""
	}
	at, err := url.JoinPath(p.o.To.Link, "groups", group)
	if err != nil || group == "" {
		return p.o.To.Link
	}
	return at
}

// subject is an alarm in a line.
func subject(a analysis.Alarm) string {
	if a.Group == "" {
		return a.What
	}
	return fmt.Sprintf("%s: %s", a.Group, a.What)
}
