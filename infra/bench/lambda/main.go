// Lambda measures the functions as they are deployed, under the runtime player: from exec to the first event asked for, what stays
// resident after a hundred events, and how many warm invocations a second the player carries. It exits with 1 where a promise is
// broken. `make bench-lambda` adds the host's own cost of an event and the table of billed units.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/dynamo"
	"github.com/banyan-migration/banyan/infra/fakes/messages"
	"github.com/banyan-migration/banyan/infra/layer"
	"github.com/banyan-migration/banyan/infra/runtime"
	"github.com/banyan-migration/banyan/infra/template"
)

const (
	starts   = 21
	warm     = 100
	initAim  = 30 * time.Millisecond
	memory   = 30 // MB
	rateAim  = 2000
	rateTime = 5 * time.Second
	callers  = 8
)

func main() {
	if err := bench(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "bench-lambda:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "banyan-lambda-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(filepath.Join(dir, "layer", "banyan"), layer.Files); err != nil {
		return err
	}
	raw, err := os.ReadFile("template.yaml")
	if err != nil {
		return fmt.Errorf("%w: run it from the repository's root", err)
	}
	site, err := template.Parse("template.yaml", raw, nil)
	if err != nil {
		return err
	}
	var missed error
	fmt.Printf("each of %d starts, natively, nothing else running; %d events after it\n", starts, warm)
	for _, f := range site.Functions {
		name := strings.ToLower(f.ID)
		code := filepath.Join("build", goruntime.GOARCH, name)
		if _, err := os.Stat(code); err != nil {
			return fmt.Errorf("%w: run make build", err)
		}
		missed = errors.Join(missed, start(ctx, dir, code, name, f))
	}
	return errors.Join(missed, rate(ctx, dir))
}

// aws is as much of it as a function asks when it starts and is asked for its health.
func aws() *httptest.Server {
	var items dynamo.Server
	var topics messages.Server
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("X-Amz-Target"), "DynamoDB") {
			items.ServeHTTP(w, r)
			return
		}
		topics.ServeHTTP(w, r)
	}))
}

// variables are a function's, with anything for what the template only refers to.
func variables(name string, f template.Function) (map[string]string, error) {
	all := map[string]string{}
	for variable, v := range f.Environment {
		text, err := v.Resolve(func(string) (string, bool) { return "banyan-test-" + name, true })
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", f.ID, variable, err)
		}
		if strings.HasPrefix(text, "secretsmanager:") || strings.HasPrefix(text, "ssm:") {
			text = "k1:0123456789abcdef0123456789abcdef"
		}
		all[variable] = text
	}
	all["TABLE"], all["TOPIC"] = "banyan-test-"+name, messages.TopicARN("banyan-test")
	return all, nil
}

// start starts a function again and again, each time as a new version, and asks it for its health.
func start(ctx context.Context, dir, code, name string, f template.Function) error {
	away := aws()
	defer away.Close()
	var records []runtime.Record
	var mu sync.Mutex
	p, err := runtime.New(runtime.Options{Dir: dir, Environment: map[string]string{"AWS_ENDPOINT_URL": away.URL}, Record: func(r runtime.Record) {
		mu.Lock()
		defer mu.Unlock()
		records = append(records, r)
	}})
	if err != nil {
		return err
	}
	defer p.Close(ctx)
	environment, err := variables(name, f)
	if err != nil {
		return err
	}
	event := fmt.Appendf(nil, `{"version":"2.0","routeKey":"GET /%[1]s/{own}","rawPath":"/%[1]s/health","headers":{},"requestContext":{"domainName":"a.example","stage":"$default","http":{"method":"GET","path":"/%[1]s/health","sourceIp":"192.0.2.1"}}}`, name)
	for range starts {
		if _, err := p.Publish(runtime.Function{Name: name, Code: code, Layers: []string{filepath.Join(dir, "layer")}, Handler: f.Handler, Environment: environment, Memory: f.Memory, Timeout: f.Timeout}); err != nil {
			return err
		}
		for range warm {
			a, err := p.Invoke(ctx, runtime.Call{Function: name, Payload: event})
			if err != nil {
				return err
			}
			if a.Error != "" {
				return fmt.Errorf("%s: %s", name, a.Payload)
			}
		}
	}
	mu.Lock()
	defer mu.Unlock()
	var inits, durations []time.Duration
	resident := 0
	for _, r := range records {
		if r.Init > 0 {
			inits = append(inits, r.Init)
			continue
		}
		durations = append(durations, r.Duration)
		resident = max(resident, r.MaxMemory)
	}
	if len(inits) < starts || len(durations) == 0 { // on a busy machine one environment is not yet back, and another starts
		return fmt.Errorf("%s: %d starts were counted, want %d", name, len(inits), starts)
	}
	slices.Sort(inits)
	slices.Sort(durations)
	middle := inits[len(inits)/2]
	fmt.Printf("%-10s exec to first next %5.1f ms (fastest %.1f, slowest %.1f; aim under %d)   resident %d MB (aim under %d)   warm event %.2f ms\n", name,
		ms(middle), ms(inits[0]), ms(inits[len(inits)-1]), initAim/time.Millisecond, resident, memory, ms(durations[len(durations)/2]))
	if middle >= initAim || resident >= memory {
		return fmt.Errorf("%s misses its aim", name)
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// rate is how many warm invocations a second the player carries, of a function that gives back what it gets.
func rate(ctx context.Context, dir string) error {
	code := filepath.Join(dir, "echo")
	build := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(code, "bootstrap"), "./infra/runtime/conformance/testdata/golang")
	build.Env, build.Stderr = append(os.Environ(), "CGO_ENABLED=0"), os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("the echo function: %w", err)
	}
	p, err := runtime.New(runtime.Options{Dir: dir, Whole: true})
	if err != nil {
		return err
	}
	defer p.Close(ctx)
	if _, err := p.Publish(runtime.Function{Name: "echo", Code: code, Handler: "quiet", Memory: 1769, Timeout: time.Minute}); err != nil {
		return err
	}
	call := runtime.Call{Function: "echo", Payload: []byte(`{"gift":"ten pounds"}`)}
	var answered atomic.Int64
	var failed atomic.Pointer[error]
	run := func(until time.Time) {
		var group sync.WaitGroup
		for range callers {
			group.Go(func() {
				for time.Now().Before(until) {
					a, err := p.Invoke(ctx, call)
					if err == nil && a.Error != "" {
						err = fmt.Errorf("echo: %s", a.Payload)
					}
					if err != nil {
						failed.Store(&err)
						return
					}
					answered.Add(1)
				}
			})
		}
		group.Wait()
	}
	run(time.Now().Add(time.Second)) // the environments start
	answered.Store(0)
	began := time.Now()
	run(began.Add(rateTime))
	if err := failed.Load(); err != nil {
		return *err
	}
	each := float64(answered.Load()) / time.Since(began).Seconds()
	fmt.Printf("the player: %.0f warm invocations a second with %d environments (aim %d)\n", each, callers, rateAim)
	if each < rateAim {
		return errors.New("the player misses its aim")
	}
	return nil
}
