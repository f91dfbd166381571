package drupal

import "sync"

// progress is how far the readings of one form have come together. It is safe for concurrent use.
type progress struct {
	mu         sync.Mutex
	form       string
	done       int64 // sids passed
	from, last int64 // where the readings lie: behind the one, up to the other
}

// begin tells of a reading of a form behind a sid; the form's greatest is last. Another form's ends the counting of the
// one before.
func (p *progress) begin(form string, after, last int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.form != form {
		p.form, p.done, p.from = form, 0, after
	}
	p.from, p.last = min(p.from, after), last
}

func (p *progress) add(sids int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += max(sids, 0)
}

func (p *progress) part() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return min(float64(p.done)/float64(max(p.last-p.from, 1)), 1)
}
