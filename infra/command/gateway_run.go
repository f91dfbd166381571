package command

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/cutover"
	"github.com/banyan-migration/banyan/gateway/dash"
	"github.com/banyan-migration/banyan/gateway/replica"
	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/infra/local"
	"github.com/banyan-migration/banyan/shared/kv"
)

// drainTime is how long requests in flight may take at the end (W-80).
const drainTime = 30 * time.Second

// running is one gateway with all that stands around it.
type running struct {
	file    string
	stamp   string // of the file as last read
	kept    string // of the folders of frozen pages, likewise
	log     *slog.Logger
	access  *accessLog
	kill    *cutover.Switch
	replica *replica.Replica
	keys    []split.Secret // those of the start, as the file had them: none where one is made
	closers []func() error
}

func runGateway(ctx context.Context, w *world, file string, asJSON bool) error {
	read := stamp(file)
	c, err := readConfig(file, config.Options{})
	if err != nil {
		return err
	}
	r := &running{file: file, stamp: read, kept: pages(c), log: slog.New(slog.NewTextHandler(w.err, nil))}
	defer r.close()
	for _, n := range c.Notes {
		r.log.Info("note", "file", fmt.Sprintf("%s:%d", file, n.Line), "text", n.Text)
	}
	token, err := r.open(ctx, w, c, asJSON)
	if err != nil {
		return err
	}
	data, control, err := listeners(c)
	if err != nil {
		return err
	}
	return r.serve(ctx, w, c, data, control, token, asJSON)
}

// open brings up what the gateway stands on: keys, access log, plan and engine. token is the admin API's.
func (r *running) open(ctx context.Context, w *world, c *config.Config, asJSON bool) (token string, err error) {
	dir, err := stateDir(c.Store)
	if err != nil {
		return "", err
	}
	r.keys = c.Keys
	if c.Keys, err = signingKeys(c.Keys, dir); err != nil {
		return "", err
	}
	if r.access, err = openAccess(w, c.Log.Access, asJSON); err != nil {
		return "", err
	}
	r.closers = append(r.closers, r.access.Close)
	r.kill = cutover.NewSwitch(c.Kill, os.Getenv("BANYAN_KILL"))
	data, err := r.openData(ctx, c.Data)
	if err != nil {
		return "", err
	}
	token = cmp.Or(c.Admin.Token, rand.Text())
	o := replica.Options{Config: c, LastPlan: lastPlan(c.Store), Kill: r.kill, Token: token, Admin: "http://" + c.Admin.Listen, Access: r.access.writer(), Log: r.log, Data: data}
	if c.Store != "" {
		o.Open = r.openStore(ctx, c.Store)
	}
	if r.replica, err = replica.Open(ctx, o); err != nil {
		return "", fail(outside, "%s: %w", r.file, err)
	}
	return token, nil
}

// openStore opens the plan's store, and closes it at the end.
func (r *running) openStore(ctx context.Context, name string) func() (kv.Store, error) {
	return func() (kv.Store, error) {
		store, shut, err := openPlan(ctx, name)
		if err == nil {
			r.closers = append(r.closers, shut)
		}
		return store, err
	}
}

// openData opens both ends of the data, where the configuration names them.
func (r *running) openData(ctx context.Context, d config.Data) (replica.Ports, error) {
	if d.From == "" && d.To == "" {
		return replica.Ports{}, nil
	}
	data, shut, err := local.OpenData(ctx, d.From, d.To)
	if err != nil {
		return replica.Ports{}, fail(outside, "%s: data: %w; nothing was started", r.file, err)
	}
	r.closers = append(r.closers, shut)
	return data.Ports(func() *config.Config { return r.replica.Config() }), nil
}

// close lets go in the reverse order of taking.
func (r *running) close() {
	for i := len(r.closers) - 1; i >= 0; i-- {
		if err := r.closers[i](); err != nil {
			r.log.Warn("while closing", "error", err)
		}
	}
}

// ready is the line that says so.
type ready struct {
	Listen   string `json:"listen"`
	Admin    string `json:"admin"`
	Revision int64  `json:"revision"`
	Token    string `json:"admin_token,omitempty"` // only one that was made
}

func (r *running) serve(ctx context.Context, w *world, c *config.Config, data, control net.Listener, token string, asJSON bool) error {
	var tasks sync.WaitGroup
	defer tasks.Wait()
	asked := ctx.Done()
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx)) // the plan is followed until the last request has its answer
	defer stop()
	failed := make(chan error, 2)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGUSR1) // before anybody knows us: either would end a process that does not ask for it
	defer signal.Stop(signals)
	tasks.Go(func() { r.replica.Run(ctx) })
	tasks.Go(func() { r.follow(ctx, signals) })
	line := ready{Listen: data.Addr().String(), Revision: r.replica.Plan.Now().Revision}
	if control != nil {
		server := &http.Server{Handler: r.replica.Admin, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
		defer server.Close()
		tasks.Go(func() { failed <- server.Serve(control) })
		line.Admin = control.Addr().String()
		if c.Admin.Token == "" {
			line.Token = token
		}
		r.leaveDoor(c.Store, line.Admin, token)
	}
	tasks.Go(func() { failed <- r.replica.Serve(data) })
	if err := announce(w, line, asJSON); err != nil {
		return err
	}
	select {
	case <-asked:
		r.leave()
		return r.drain()
	case err := <-failed:
		r.drain()
		return fail(outside, "a listener ended: %w; nothing acknowledged is lost, start again", err)
	}
}

// leave goes on serving for as long as the load balancer may need to notice: it is told by the health path.
func (r *running) leave() {
	wait := r.replica.Config().Timeouts.Leave
	if wait == 0 {
		return
	}
	r.log.Info("leaving: the health path says so, and everything is served on", "for", wait)
	r.replica.Leave()
	time.Sleep(wait)
}

// drain ends well: what is in flight finishes, new connections are refused or wait for the next process.
func (r *running) drain() error {
	r.log.Info("draining", "at_most", drainTime)
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if err := r.replica.Shutdown(ctx); err != nil {
		return fail(outside, "requests were still in flight after %s and were cut: %w", drainTime, err)
	}
	return nil
}

func announce(w *world, line ready, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w.out).Encode(line) // one line, for whoever waits for it
	}
	fmt.Fprintf(w.err, "gateway on http://%s, plan revision %d\n", line.Listen, line.Revision)
	if line.Admin != "" {
		fmt.Fprintf(w.err, "admin API on http://%s\n", line.Admin)
	}
	if line.Token != "" {
		fmt.Fprintf(w.err, "export BANYAN_ADMIN_TOKEN=%s\n", line.Token)
	}
	return nil
}

// leaveDoor lets `banyan cutover --dir` find this gateway; it is a comfort, and no reason not to start.
func (r *running) leaveDoor(store, address, token string) {
	dir, err := stateDir(store)
	if err == nil && dir != "" {
		err = dash.Door{Admin: "http://" + address, Token: token}.Leave(dir)
	}
	if err != nil {
		r.log.Warn("the admin API's address cannot be left for banyan cutover --dir", "error", err)
	}
}

// follow reloads on SIGHUP and when the file changes, and pulls the kill switch on SIGUSR1.
func (r *running) follow(ctx context.Context, signals <-chan os.Signal) {
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-signals:
			if s == syscall.SIGUSR1 {
				r.pull()
				continue
			}
			r.access.Reopen()
			r.reload(ctx)
		case <-look.C:
			if stamp(r.file) != r.stamp || pages(r.replica.Config()) != r.kept {
				r.reload(ctx)
			}
		}
	}
}

func (r *running) pull() {
	if err := r.kill.Pull(); err != nil {
		r.log.Error("the kill switch is on, and will not survive a restart", "error", err)
		return
	}
	r.log.Warn("the kill switch is on")
}
