package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/banyan-migration/banyan/infra/runtime"
	"github.com/banyan-migration/banyan/infra/runtime/feed"
	"github.com/banyan-migration/banyan/infra/runtime/front"
	"github.com/banyan-migration/banyan/infra/template"
)

// Lambda says how services run as functions. Template and Build must be set.
type Lambda struct {
	Template []byte // template.yaml
	Build    string // the folder of SERVICE/bootstrap for this machine's processor, as `make build` makes it
	Endpoint string // of an emulator of AWS; empty: fakes of our own, which keep their state in the world's folder
	LogLevel string // of the functions: debug, info, warn, error; empty: info
	// Log gets the lines of the functions' logs, from many goroutines at once; nil: the file functions.log in the world's folder.
	Log func(function, line string)
	// Record gets what each invocation took, from many goroutines at once; nil: nowhere.
	Record func(runtime.Record)
}

// ErrNoBuild says that bootstraps are missing: `make build` makes them.
var ErrNoBuild = errors.New("no bootstrap")

// Function is what a person wants to know of one that runs.
type Function struct {
	Name    string
	Memory  int // MB
	Timeout time.Duration
	Fed     string // by what
}

// functions are the services as the template's functions, under a player of Lambda before the stores of an account.
type functions struct {
	front.API
	*account
	player *runtime.Player
	all    []template.Function
	ticks  []*feed.Schedule
	feeds  []func(context.Context)
}

// live is the alias that everything calls, as in AWS.
const live = "live"

// startFunctions starts every function of the template.
func (w *World) startFunctions(ctx context.Context) (services, error) {
	o := w.options.Lambda
	if goruntime.GOOS != "linux" {
		return nil, fmt.Errorf("local: functions are Linux programs, and this is %s; without --lambda the services run in one process", goruntime.GOOS)
	}
	t, err := template.Parse("template.yaml", o.Template, nil)
	if err != nil {
		return nil, fmt.Errorf("local: %w", err)
	}
	if err := built(t, o.Build); err != nil {
		return nil, err
	}
	a, err := w.openAccount(ctx, t)
	if err != nil {
		return nil, err
	}
	f := &functions{account: a, all: t.Functions}
	if f.player, err = w.openPlayer(a); err != nil {
		return nil, err
	}
	w.onClose(f.player.Close)
	layer, err := writeLayer(filepath.Join(w.options.Dir, "layer"))
	if err != nil {
		return nil, err
	}
	for _, one := range t.Functions {
		if err := w.publish(f, one, layer); err != nil {
			return nil, fmt.Errorf("local: %w", err)
		}
	}
	f.API.Invoker = f.player
	if len(t.APIs) > 0 {
		f.API.Variables = t.APIs[0].Variables
		if c := t.APIs[0].CORS; c != nil {
			f.API.CORS = &front.CORS{Origins: c.Origins, Methods: c.Methods, Headers: c.Headers, Credentials: c.Credentials}
		}
	}
	return f, w.feed(ctx, f)
}

// service is a function's: its program lies in build/ARCH/SERVICE, by the Makefile's rule.
func service(f template.Function) string { return strings.ToLower(f.ID) }

func built(t *template.Template, dir string) error {
	var missing []string
	for _, f := range t.Functions {
		if _, err := os.Stat(filepath.Join(dir, service(f), "bootstrap")); errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, service(f))
		} else if err != nil {
			return fmt.Errorf("local: %w", err)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("local: %w of %s in %s: run make build; nothing was started", ErrNoBuild, strings.Join(missing, ", "), dir)
	}
	return nil
}

// publish makes a function of the template's, with its routes.
func (w *World) publish(f *functions, one template.Function, layer string) error {
	variables, err := w.variables(f, one)
	if err != nil {
		return err
	}
	layers := make([]string, len(one.Layers))
	for i := range layers {
		if names := one.Layers[i].References(); len(names) != 1 || names[0] != "DataLayer" {
			return fmt.Errorf("template.yaml:%d: %s: the layer %s is not known here: this world has DataLayer alone", one.Line, one.ID, one.Layers[i])
		}
		layers[i] = layer
	}
	name := nameOf(one)
	version, err := f.player.Publish(runtime.Function{Name: name, Code: filepath.Join(w.options.Lambda.Build, service(one)), Layers: layers, Handler: one.Handler,
		Environment: variables, Memory: one.Memory, Timeout: one.Timeout, Reserved: one.Reserved})
	if err == nil {
		err = f.player.Point(name, runtime.Alias{Name: live, Version: version})
	}
	if err != nil {
		return err
	}
	f.API.Routes = append(f.API.Routes, w.routes(one)...)
	w.Functions = append(w.Functions, Function{name, one.Memory, one.Timeout, fedBy(one)})
	for _, o := range one.Others {
		w.options.Log.Warn("nothing brings this event on one machine", "function", one.ID, "event", o.Event, "type", o.Type)
	}
	return nil
}

// routes are the addresses that lead to a function.
func (w *World) routes(f template.Function) (all []front.Route) {
	for _, r := range f.Routes {
		route := front.Route{Method: r.Method, Path: r.Path, Function: nameOf(f) + ":" + live}
		if r.Authorizer != "" {
			route.Authorize = w.authorize
		}
		all = append(all, route)
	}
	return all
}

func fedBy(f template.Function) string {
	by := []string{fmt.Sprintf("%d routes", len(f.Routes))}
	if len(f.Queues) > 0 {
		by = append(by, "its queue")
	}
	for _, s := range f.Schedules {
		by = append(by, s.Expression)
	}
	return strings.Join(by, ", ")
}

func nameOf(f template.Function) string {
	if f.Name != "" {
		return f.Name
	}
	return f.ID
}

// variables are a function's as the template sets them; what this world knows better, its own addresses and secrets, in
// their place.
func (w *World) variables(f *functions, one template.Function) (map[string]string, error) {
	all := map[string]string{}
	for name, v := range one.Environment {
		own := w.getenv(name)
		switch name {
		case "CALLERS":
			raw, err := json.Marshal(w.operators)
			if err != nil {
				return nil, err
			}
			own = string(raw)
		case "LOG_LEVEL":
			own = w.options.Lambda.LogLevel
		}
		if own != "" {
			all[name] = own
			continue
		}
		text, err := v.Resolve(f.resolve)
		if err != nil {
			return nil, fmt.Errorf("template.yaml: %s: %s: %w", one.ID, name, err)
		}
		if strings.HasPrefix(text, "secretsmanager:") || strings.HasPrefix(text, "ssm:") {
			return nil, fmt.Errorf("template.yaml: %s: %s is a secret that this world does not know: infra/local's environment gives it", one.ID, name)
		}
		all[name] = text
	}
	return all, nil
}

// authorize lets the world's operator in, as the pool of operators would.
func (w *World) authorize(r *http.Request) (map[string]string, bool) {
	key, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !slices.Contains([]string{key, r.Header.Get("X-Api-Key")}, w.OperatorKey) {
		return nil, false
	}
	return map[string]string{"sub": operatorName, "cognito:groups": "[" + strings.Join(operatorRoles, " ") + "]"}, true
}

// feed starts what brings the functions messages and the time.
func (w *World) feed(ctx context.Context, f *functions) error {
	failed := func(err error) { w.options.Log.Warn("functions", "error", err.Error()) }
	for _, one := range f.all {
		target := nameOf(one) + ":" + live
		for _, q := range one.Queues {
			arn, err := q.Queue.Resolve(f.resolve)
			if err != nil {
				return fmt.Errorf("local: template.yaml: %s: %s: %w", one.ID, q.Event, err)
			}
			queue := &feed.Queue{Invoker: f.player, Function: target, Endpoint: f.endpoint, URL: f.urls[arn], ARN: arn, AWS: f.api(), Batch: min(q.Batch, 10),
				Partial: q.Partial, Pollers: pollers, Failed: failed}
			f.feeds = append(f.feeds, queue.Run)
		}
		for _, s := range one.Schedules {
			if s.Every == 0 {
				w.options.Log.Warn("a cron is not played on one machine", "function", one.ID, "event", s.Event)
				continue
			}
			tick := &feed.Schedule{Invoker: f.player, Function: target, Every: s.Every, ARN: "arn:aws:events:" + f.region + ":" + f.id + ":rule/" + nameOf(one) + s.Event,
				Region: f.region, Account: f.id, Failed: failed}
			f.ticks, f.feeds = append(f.ticks, tick), append(f.feeds, tick.Run)
		}
	}
	if err := f.sweep(ctx); err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	var all sync.WaitGroup
	for _, run := range f.feeds {
		all.Go(func() { run(running) })
	}
	w.onClose(func(context.Context) error { stop(); all.Wait(); return nil })
	return nil
}

// pollers of a queue, each with an invocation at a time: AWS begins with five.
const pollers = 5

// Tick invokes every function that a schedule invokes, and waits for them.
func (f *functions) Tick(ctx context.Context) {
	var all sync.WaitGroup
	for _, s := range f.ticks {
		all.Go(func() {
			event := fmt.Sprintf(`{"version":"0","id":"tick","detail-type":"Scheduled Event","source":"aws.events","account":%q,"time":%q,"region":%q,"resources":[%q],"detail":{}}`,
				f.id, time.Now().UTC().Format(time.RFC3339), f.region, s.ARN)
			answer, err := f.player.Invoke(ctx, runtime.Call{Function: s.Function, Payload: []byte(event)})
			if err == nil && answer.Error != "" {
				err = fmt.Errorf("%s: %s", s.Function, answer.Payload)
			}
			if err != nil {
				s.Failed(err)
			}
		})
	}
	all.Wait()
}
