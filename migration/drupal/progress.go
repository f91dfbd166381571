package drupal

import "sync"

// progress is how far the readings of one form have come together. It is safe for concurrent use.
type progress struct {
	mu         sync.Mutex
	form       string
	done, last int64 // sids: those passed, and the greatest
}

// begin tells of a reading of a form whose greatest sid is last; another form's ends the counting of the one before.
func (p *progress) begin(form string, last int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.form != form {
		p.form, p.done = form, 0
	}
	p.last = last
}

func (p *progress) add(sids int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += max(sids, 0)
}

func (p *progress) part() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return min(float64(p.done)/float64(max(p.last, 1)), 1)
}
