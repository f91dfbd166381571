package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/banyan-migration/banyan/gateway/config"
	fake "github.com/banyan-migration/banyan/infra/fakes/dynamo"
)

// balancer stands before gateways as an ALB does: it asks each target for its health at an interval, sends to those that are well, sends a
// target that is taken out nothing new, keeps connections open between requests, and never tries a request again.
type balancer struct {
	interval time.Duration

	mu      sync.Mutex
	targets []*target
	next    int
}

// threshold is after how many looks in a row a target is well, or is no longer.
const threshold = 2

type target struct {
	address  string
	pool     *http.Transport
	well     bool
	alike    int // looks in a row that said the other thing
	out      bool
	inFlight sync.WaitGroup
}

// add registers a target; it gets requests once it is well.
func (b *balancer) add(ctx context.Context, address string) *target {
	t := &target{address: address, pool: &http.Transport{MaxIdleConnsPerHost: 100}}
	b.mu.Lock()
	b.targets = append(b.targets, t)
	b.mu.Unlock()
	go b.look(ctx, t)
	return t
}

func (b *balancer) look(ctx context.Context, t *target) {
	tick := time.NewTicker(b.interval)
	defer tick.Stop()
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		res, err := client.Get("http://" + t.address + "/.banyan/health")
		if err == nil {
			res.Body.Close()
		}
		b.mu.Lock()
		if says := err == nil && res.StatusCode == http.StatusOK; says == t.well {
			t.alike = 0
		} else if t.alike++; t.alike == threshold {
			t.well, t.alike = says, 0
		}
		b.mu.Unlock()
	}
}

// pick is the next target that takes requests, with one more in flight.
func (b *balancer) pick() (*target, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.targets {
		b.next++
		if t := b.targets[b.next%len(b.targets)]; t.well && !t.out {
			t.inFlight.Add(1)
			return t, nil
		}
	}
	return nil, errors.New("the balancer knows of nobody who is well: a 503 of its own")
}

// send sends a post, which no client may send twice by itself.
func (b *balancer) send(n int) error {
	t, err := b.pick()
	if err != nil {
		return err
	}
	defer t.inFlight.Done()
	r, err := http.NewRequest(http.MethodPost, "http://"+t.address+"/give", io.NopCloser(strings.NewReader("amount=10")))
	if err != nil {
		return err
	}
	r.ContentLength = 9
	r.Header.Set("X-Number", strconv.Itoa(n))
	res, err := t.pool.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("%s: %w: a 502 of the balancer's", t.address, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || !strings.HasPrefix(string(body), "old") {
		return fmt.Errorf("%s: %d %s %w", t.address, res.StatusCode, body, err)
	}
	return nil
}

// until waits for a target to be well, or to be no longer.
func (b *balancer) until(t *testing.T, one *target, well bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		b.mu.Lock()
		is := one.well
		b.mu.Unlock()
		if is == well {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: well is %v still", one.address, is)
		}
	}
}

// out takes a target out and waits for what is in flight: the deregistration of a deployment, whose delay is longer than any request.
func (b *balancer) out(one *target) {
	b.mu.Lock()
	one.out = true
	b.mu.Unlock()
	one.inFlight.Wait()
}

// Two gateways over one plan are replaced one after the other under load, and no request is lost: in the order of a deployment, which takes a
// gateway out before it ends it, and in that of a task that is stopped by hand, which is ended first and of which the balancer hears by its health.
func TestReplacedUnderLoad(t *testing.T) {
	t.Parallel()
	d := newTable(t, &fake.Server{})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	b := &balancer{interval: 40 * time.Millisecond}
	var names atomic.Int64
	begin := func() (*process, *target) {
		y := d.replicas(t, 1)[0]
		y.write(strings.Replace(y.text(), "gateway_id: gw-1", fmt.Sprintf("gateway_id: gw-%d\ntimeouts: {leave: 2s}", names.Add(1)), 1))
		p := y.start()
		one := b.add(ctx, p.line.Listen)
		b.until(t, one, true)
		return p, one
	}
	first, firstTarget := begin()
	second, secondTarget := begin()

	var sent, failed atomic.Int64
	var donors sync.WaitGroup
	for range 8 {
		donors.Go(func() {
			for ctx.Err() == nil {
				if err := b.send(int(sent.Add(1))); err != nil {
					failed.Add(1)
					t.Error(err)
					return
				}
			}
		})
	}
	third, thirdTarget := begin() // minimumHealthyPercent 100: the new one is well before an old one goes
	b.out(firstTarget)
	if status := first.end(t); status != done {
		t.Errorf("the first ended with status %d", status)
	}
	fourth, _ := begin()
	if status := second.end(t); status != done { // nobody told the balancer
		t.Errorf("the second ended with status %d", status)
	}
	b.until(t, secondTarget, false)
	before := sent.Load()
	for sent.Load() < before+500 && failed.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	stop()
	donors.Wait()
	t.Logf("%d requests, %d lost", sent.Load(), failed.Load())
	thirdTarget.pool.CloseIdleConnections()
	third.end(t)
	fourth.end(t)
}

// The times of the stack and of the image's configuration fit together: whoever waits for another waits for longer.
func TestTheStacksTimesAgree(t *testing.T) {
	t.Parallel()
	read := func(file string) string {
		text, err := os.ReadFile(filepath.FromSlash(file))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	stack, head := read("../gateway.yaml"), read("../image/gateway.yaml")
	find := func(pattern string) time.Duration {
		m := regexp.MustCompile(pattern).FindStringSubmatch(stack)
		if m == nil {
			t.Fatalf("infra/gateway.yaml has no %s", pattern)
		}
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		return time.Duration(n) * time.Second
	}
	c, err := config.Parse("infra/image/gateway.yaml", []byte(head), config.Options{Check: true})
	if err != nil {
		t.Fatal(err)
	}
	notices := find(`HealthCheckIntervalSeconds: (\d+)`)*2 + find(`HealthCheckTimeoutSeconds: (\d+)`)
	if !strings.Contains(stack, "      UnhealthyThresholdCount: 2\n") || c.Timeouts.Leave <= notices {
		t.Errorf("a gateway leaves for %s, and the load balancer notices within %s", c.Timeouts.Leave, notices)
	}
	if grace := find(`StopTimeout: (\d+)`); grace <= c.Timeouts.Leave+drainTime {
		t.Errorf("a gateway is killed %s after SIGTERM, and needs %s and %s", grace, c.Timeouts.Leave, drainTime)
	}
	if delay := find(`deregistration_delay.timeout_seconds, Value: '(\d+)'`); delay <= c.Timeouts.Body+c.Timeouts.FirstByte {
		t.Errorf("deregistration waits %s, and a request may take %s and %s", delay, c.Timeouts.Body, c.Timeouts.FirstByte)
	}
	if idle := find(`idle_timeout.timeout_seconds, Value: '(\d+)'`); idle >= c.Timeouts.Idle {
		t.Errorf("the load balancer keeps an idle connection for %s, and the gateway for %s (W-71)", idle, c.Timeouts.Idle)
	}
	if path := "HealthCheckPath: " + c.Health + "\n"; strings.Count(stack, path) != 2 {
		t.Errorf("both target groups ask for %s", c.Health)
	}
	for _, m := range regexp.MustCompile(`\$\{(\w+)\}`).FindAllStringSubmatch(head, -1) {
		if !strings.Contains(stack, "{Name: "+m[1]+", Value") {
			t.Errorf("infra/gateway.yaml sets no %s, which infra/image/gateway.yaml reads", m[1])
		}
	}
}
