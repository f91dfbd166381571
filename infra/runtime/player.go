package runtime

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/banyan-migration/banyan/infra/runtime/box"
)

// Options are what a player stands in for: an account in a region. The zero value plays account 123456789012 in eu-west-1.
type Options struct {
	Region, Account string
	// Log gets each line of each function's log, START, END and REPORT among them. From many goroutines at once; nil: nowhere.
	Log func(function, line string)
	// Record gets what each invocation took, before Invoke returns where the runtime asks for its next event within 20 ms of
	// its answer. From many goroutines at once; nil: nowhere.
	Record func(Record)
	// Idle is how long an environment waits for its next invocation before it is shut down; zero: ten minutes.
	Idle time.Duration
	// Concurrency is how many invocations the account may have under way; zero: 1,000.
	Concurrency int
	// Environment is added to every function's own variables, and wins: AWS_ENDPOINT_URL, credentials. Without credentials in
	// it functions have the dummy ones that emulators take, never those of this process.
	Environment map[string]string
	// Whole gives every environment the whole processor and no limit of memory, even where control groups could give its share.
	Whole bool
	// Rewrite never uses a mount namespace: code and layers are then not at /var/task and /opt, and values of the function's own
	// variables that begin so are rewritten. Without it that is so only where namespaces are not permitted; Record.Paths says.
	Rewrite bool
	// Pause is the wait before the second try of an asynchronous call, twice that before the third; zero: a minute.
	Pause time.Duration
	// Lost hears of asynchronous calls that no try could do and whose function names no OnFailure; nil: the log alone.
	Lost func(Loss)
	// Dir is where layers are laid together; empty: the system's folder for temporary files.
	Dir string
}

// ErrClosed is an invocation that came after Close.
var ErrClosed = errors.New("the player is closed")

// Player plays Lambda. Safe for concurrent use.
type Player struct {
	opt    Options
	dir    string // ours alone
	limits *limits
	groups *box.Groups
	ending chan struct{} // closed by Close: nothing is tried again
	// initLimit is how long an init may take before it is tried again inside the first invocation: ten seconds.
	initLimit time.Duration

	mu        sync.Mutex
	closed    bool
	functions map[string]*function
	versions  []*version // every one that was, $LATEST too
	roots     []*box.Root
	running   sync.WaitGroup // invocations
}

var _ Invoker = (*Player)(nil)

// New makes a player without functions.
func New(opt Options) (*Player, error) {
	opt.Region = cmp.Or(opt.Region, "eu-west-1")
	opt.Account = cmp.Or(opt.Account, "123456789012")
	opt.Idle = cmp.Or(opt.Idle, 10*time.Minute)
	opt.Concurrency = cmp.Or(opt.Concurrency, 1000)
	opt.Pause = cmp.Or(opt.Pause, time.Minute)
	opt.Environment = maps.Clone(opt.Environment)
	if opt.Log == nil {
		opt.Log = func(string, string) {}
	}
	if opt.Record == nil {
		opt.Record = func(Record) {}
	}
	dir, err := os.MkdirTemp(opt.Dir, "banyan-lambda-")
	if err == nil {
		dir, err = filepath.Abs(dir) // processes see it from folders of their own
	}
	if err != nil {
		return nil, err
	}
	p := &Player{opt: opt, dir: dir, limits: newLimits(opt.Concurrency), ending: make(chan struct{}), initLimit: initLimit, functions: map[string]*function{}}
	if !opt.Whole {
		p.groups = box.OpenGroups()
	}
	return p, nil
}

// Close takes no more invocations, waits for those under way until ctx ends, and shuts every environment down. A second
// call does nothing.
func (p *Player) Close(ctx context.Context) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.mu.Unlock()
	close(p.ending)
	quiet := make(chan struct{})
	go func() {
		p.running.Wait()
		close(quiet)
	}()
	var err error
	select {
	case <-quiet:
	case <-ctx.Done():
		err = ctx.Err()
	}
	p.mu.Lock()
	all, roots := p.versions, p.roots
	p.mu.Unlock()
	var stopping sync.WaitGroup
	for _, v := range all {
		stopping.Go(func() { v.close() })
	}
	stopping.Wait()
	for _, r := range roots {
		err = errors.Join(err, r.Close())
	}
	p.groups.Close()
	return errors.Join(err, os.RemoveAll(p.dir))
}
