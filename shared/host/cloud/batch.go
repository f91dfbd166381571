package cloud

import (
	"context"
	"sync"
)

// atOnce is how many messages of a batch are taken at the same time. Most of each one's time is waiting.
const atOnce = 10

// batch is the messages of one event.
type batch struct {
	n       int
	ordered bool // one after the other, and none after a failure
	take    func(ctx context.Context, i int) error
	failed  func(ctx context.Context, i int, err error) // told of each failure, from many goroutines
}

// progress is what became of a batch so far.
type progress struct {
	mu      sync.Mutex
	next    int
	stopped bool
	done    []bool
}

// run takes a batch and answers which of its messages are to be brought again: what failed, and what the time did not suffice for.
func (b batch) run(inv *invocation) (again []int, inTime bool) {
	p := &progress{done: make([]bool, b.n)}
	workers := min(atOnce, b.n)
	if b.ordered {
		workers = 1
	}
	await(inv.ctx, inv.grace, func(ctx context.Context) struct{} {
		var group sync.WaitGroup
		for range workers {
			group.Go(func() { b.work(ctx, p) })
		}
		group.Wait()
		return struct{}{}
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true // nobody begins another
	for i, done := range p.done {
		if !done {
			again = append(again, i)
		}
	}
	return again, inv.ctx.Err() == nil
}

// work takes one message after the other while there are any, and time.
func (b batch) work(ctx context.Context, p *progress) {
	for {
		p.mu.Lock()
		i := p.next
		p.next++
		over := i >= b.n || p.stopped
		p.mu.Unlock()
		if over || ctx.Err() != nil {
			return
		}
		err := b.take(ctx, i)
		p.mu.Lock()
		p.done[i] = err == nil
		p.stopped = p.stopped || b.ordered && err != nil
		p.mu.Unlock()
		if err != nil {
			b.failed(ctx, i, err)
		}
	}
}
