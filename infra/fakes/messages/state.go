package messages

import (
	"cmp"
	"container/heap"
	"maps"
	"slices"
	"time"

	"github.com/banyan-migration/banyan/infra/fakes/journal"
)

// record is a change of what there is: the journal has one a request, so that a message is in all of its queues or in none.
type record struct {
	Queue            *queue        `json:",omitempty"` // made, or its attributes changed
	Topic            *topic        `json:",omitempty"`
	Subscription     *subscription `json:",omitempty"`
	QueueGone        string        `json:",omitempty"`
	TopicGone        string        `json:",omitempty"`
	SubscriptionGone string        `json:",omitempty"`
	Put              []message     `json:",omitempty"`
	Seen             []sight       `json:",omitempty"`
	Gone             []place       `json:",omitempty"`
}

type place struct{ Queue, ID string }

// sight is that a message was received, or that its time-out was changed.
type sight struct {
	place
	Receipt string
	Count   int
	Visible int64 // Unix milliseconds
	First   int64
}

// message is one in a queue.
type message struct {
	Queue      string
	ID         string
	Body       string
	Attributes map[string]attribute `json:",omitempty"`
	System     map[string]string    `json:",omitempty"` // what it keeps of where it was before
	Sent       int64                // Unix milliseconds
	Visible    int64                // when it may be received
	First      int64                `json:",omitempty"` // when it was received first
	Count      int                  `json:",omitempty"` // how often
	Receipt    string               `json:",omitempty"` // of the last time

	order uint64
	at    int // in the queue's heap
}

type queue struct {
	Name       string
	Attributes map[string]string
	Made       int64 // Unix seconds

	all  map[string]*message
	next line
	wake chan struct{} // closed when something was put, or became visible
}

// line has the message that may be received first in front.
type line []*message

func (l line) Len() int { return len(l) }
func (l line) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(l[i].Visible, l[j].Visible), cmp.Compare(l[i].order, l[j].order)) < 0
}
func (l line) Swap(i, j int) {
	l[i], l[j] = l[j], l[i]
	l[i].at, l[j].at = i, j
}
func (l *line) Push(m any) {
	m.(*message).at = len(*l)
	*l = append(*l, m.(*message))
}
func (l *line) Pop() any {
	last := len(*l) - 1
	m := (*l)[last]
	*l = slices.Delete(*l, last, last+1)
	return m
}

// commit makes a change, here and in the journal. The caller holds mu, and waits for the journal without.
func (s *Server) commit(r record) {
	s.apply(r)
	journal.Add(s.file, r)
}

// apply is the only place that changes what there is.
func (s *Server) apply(r record) {
	if s.queues == nil {
		s.queues, s.topics, s.subscriptions = map[string]*queue{}, map[string]*topic{}, map[string]*subscription{}
	}
	if q := r.Queue; q != nil {
		if there := s.queues[q.Name]; there != nil {
			there.Attributes = q.Attributes
		} else {
			s.queues[q.Name] = &queue{Name: q.Name, Attributes: q.Attributes, Made: q.Made, all: map[string]*message{}, wake: make(chan struct{})}
		}
	}
	if r.Topic != nil {
		s.topics[r.Topic.ARN] = r.Topic
	}
	if r.Subscription != nil {
		s.subscriptions[r.Subscription.ARN] = r.Subscription
	}
	delete(s.queues, r.QueueGone)
	delete(s.topics, r.TopicGone)
	delete(s.subscriptions, r.SubscriptionGone)
	for _, m := range r.Put {
		s.put(m)
	}
	for _, seen := range r.Seen {
		s.see(seen)
	}
	for _, gone := range r.Gone {
		if q := s.queues[gone.Queue]; q != nil && q.all[gone.ID] != nil {
			heap.Remove(&q.next, q.all[gone.ID].at)
			delete(q.all, gone.ID)
		}
	}
}

func (s *Server) put(m message) {
	q := s.queues[m.Queue]
	if q == nil || q.all[m.ID] != nil {
		return
	}
	s.order++
	m.order = s.order
	q.all[m.ID] = &m
	heap.Push(&q.next, &m)
	q.call()
}

func (s *Server) see(seen sight) {
	q := s.queues[seen.Queue]
	if q == nil || q.all[seen.ID] == nil {
		return
	}
	m := q.all[seen.ID]
	sooner := seen.Visible < m.Visible
	m.Receipt, m.Count, m.Visible, m.First = seen.Receipt, seen.Count, seen.Visible, seen.First
	heap.Fix(&q.next, m.at)
	if sooner {
		q.call()
	}
}

// call wakes whoever waits for a message.
func (q *queue) call() {
	close(q.wake)
	q.wake = make(chan struct{})
}

// release lets everything that was received be received again.
func (s *Server) release() {
	now := s.now().UnixMilli()
	for _, q := range s.queues {
		for _, m := range q.next {
			if m.Count > 0 {
				m.Visible = min(m.Visible, now)
			}
		}
		heap.Init(&q.next)
	}
}

// whole says everything that there is in the fewest records, in the order in which it was said first.
func (s *Server) whole(say func(record) error) error {
	s.release()
	for _, name := range slices.Sorted(maps.Keys(s.queues)) {
		q := s.queues[name]
		if err := say(record{Queue: q}); err != nil {
			return err
		}
		all := slices.SortedFunc(maps.Values(q.all), func(a, b *message) int { return cmp.Compare(a.order, b.order) })
		for _, m := range all {
			if err := say(record{Put: []message{*m}}); err != nil {
				return err
			}
		}
	}
	for _, arn := range slices.Sorted(maps.Keys(s.topics)) {
		if err := say(record{Topic: s.topics[arn]}); err != nil {
			return err
		}
	}
	for _, arn := range slices.Sorted(maps.Keys(s.subscriptions)) {
		if err := say(record{Subscription: s.subscriptions[arn]}); err != nil {
			return err
		}
	}
	return nil
}

// Waiting counts a queue's messages: those that may be received now, those that somebody has received and not deleted, and
// those whose delay is not over.
func (s *Server) Waiting(name string) (visible, received, delayed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queues[name].count(s.now())
}

func (q *queue) count(now time.Time) (visible, received, delayed int) {
	if q == nil {
		return 0, 0, 0
	}
	for _, m := range q.next {
		switch {
		case m.Visible <= now.UnixMilli():
			visible++
		case m.Count > 0:
			received++
		default:
			delayed++
		}
	}
	return visible, received, delayed
}
