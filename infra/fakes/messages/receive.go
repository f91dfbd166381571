package messages

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// received is a message as its receiver gets it.
type received struct {
	MessageId, ReceiptHandle, MD5OfBody, Body string
	Attributes                                map[string]string    `json:",omitempty"`
	MD5OfMessageAttributes                    string               `json:",omitempty"`
	MessageAttributes                         map[string]attribute `json:",omitempty"`
}

func within(name string, given *int, unset, least, most int) (int, error) {
	if given == nil {
		return unset, nil
	}
	if *given < least || *given > most {
		return 0, wrong("InvalidParameterValue", "Value "+strconv.Itoa(*given)+" for parameter "+name+" is invalid. Reason: Must be between "+
			strconv.Itoa(least)+" and "+strconv.Itoa(most)+", if provided.")
	}
	return *given, nil
}

// receiveMessage waits as long as it is asked to while there is nothing. It is called, and returns, with mu held.
func (s *Server) receiveMessage(in request, a ask) (any, error) {
	q, err := s.queue(a)
	if err != nil {
		return nil, err
	}
	most, err := within("MaxNumberOfMessages", a.MaxNumberOfMessages, 1, 1, batchLimit)
	if err != nil {
		return nil, err
	}
	hide, err := within("VisibilityTimeout", a.VisibilityTimeout, q.number("VisibilityTimeout"), 0, longestHide)
	if err != nil {
		return nil, err
	}
	wait, err := within("WaitTimeSeconds", a.WaitTimeSeconds, q.number("ReceiveMessageWaitTimeSeconds"), 0, 20)
	if err != nil {
		return nil, err
	}
	until := time.Now().Add(time.Duration(wait) * time.Second)
	for {
		found := s.take(q, most, time.Duration(hide)*time.Second)
		left := time.Until(until)
		if len(found) > 0 || left <= 0 || in.ctx.Err() != nil {
			return map[string]any{"Messages": a.views(found)}, nil
		}
		if next := q.in(s.now()); next > 0 {
			left = min(left, next)
		}
		s.pause(in, q.wake, left)
		if q, err = s.queue(a); err != nil {
			return nil, err
		}
	}
}

// pause waits without the lock.
func (s *Server) pause(in request, wake <-chan struct{}, d time.Duration) {
	s.mu.Unlock()
	defer s.mu.Lock()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-wake:
	case <-t.C:
	case <-in.ctx.Done():
	}
}

// in is when the first message becomes visible, 0 for never.
func (q *queue) in(now time.Time) time.Duration {
	if len(q.next) == 0 {
		return 0
	}
	return max(time.Millisecond, time.UnixMilli(q.next[0].Visible).Sub(now))
}

// take receives messages. One that was received too often goes to the dead letters in place of that, and what is too old
// goes altogether.
func (s *Server) take(q *queue, most int, hide time.Duration) (found []*message) {
	to, times := redrive(q.attribute("RedrivePolicy"))
	kept := time.Duration(q.number("MessageRetentionPeriod")) * time.Second
	for now := s.now(); len(found) < most && len(q.next) > 0 && q.next[0].Visible <= now.UnixMilli(); {
		m := q.next[0]
		switch here := (place{q.Name, m.ID}); {
		case now.Sub(time.UnixMilli(m.Sent)) > kept:
			s.commit(record{Gone: []place{here}})
		case times > 0 && m.Count >= times && s.queues[to] != nil:
			dead := *m
			dead.Queue, dead.Receipt, dead.Visible = to, "", now.UnixMilli()
			dead.System = map[string]string{"DeadLetterQueueSourceArn": ARN(q.Name)}
			s.commit(record{Gone: []place{here}, Put: []message{dead}})
		default:
			first := m.First
			if first == 0 {
				first = now.UnixMilli()
			}
			// Hidden for no time it still must not come twice in this answer.
			s.commit(record{Seen: []sight{{here, uuid.NewString(), m.Count + 1, max(now.Add(hide).UnixMilli(), now.UnixMilli()+1), first}}})
			found = append(found, m)
		}
	}
	return found
}

func (a ask) views(found []*message) []received {
	all := make([]received, len(found))
	for i, m := range found {
		v := received{MessageId: m.ID, ReceiptHandle: m.handle(), MD5OfBody: sum([]byte(m.Body)), Body: m.Body, Attributes: map[string]string{
			"SenderId": Account, "SentTimestamp": strconv.FormatInt(m.Sent, 10), "ApproximateReceiveCount": strconv.Itoa(m.Count),
			"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.First, 10)}}
		maps.Copy(v.Attributes, m.System)
		wanted := slices.Concat(a.AttributeNames, a.MessageSystemAttributeNames)
		maps.DeleteFunc(v.Attributes, func(name, _ string) bool { return !slices.Contains(wanted, "All") && !slices.Contains(wanted, name) })
		v.MessageAttributes = maps.Clone(m.Attributes)
		maps.DeleteFunc(v.MessageAttributes, func(name string, _ attribute) bool { return !named(a.MessageAttributeNames, name) })
		v.MD5OfMessageAttributes = sumOf(v.MessageAttributes)
		all[i] = v
	}
	return all
}

func named(wanted []string, name string) bool {
	return slices.ContainsFunc(wanted, func(w string) bool {
		prefix, below := strings.CutSuffix(w, ".*")
		return w == "All" || w == name || below && strings.HasPrefix(name, prefix)
	})
}

// handle names a message and the time that it was received: an older one of the same message is worth nothing.
func (m *message) handle() string { return m.ID + "." + m.Receipt }

// held finds what a handle names: nil where it was deleted, or received again since.
func (q *queue) held(handle string) (*message, error) {
	id, receipt, ok := strings.Cut(handle, ".")
	if _, err := uuid.Parse(id); !ok || err != nil {
		return nil, &failure{Code: "ReceiptHandleIsInvalid", Message: "The input receipt handle \"" + handle + "\" is not a valid receipt handle.", Status: 400, Query: "ReceiptHandleIsInvalid"}
	}
	if m := q.all[id]; m != nil && m.Receipt == receipt {
		return m, nil
	}
	return nil, nil
}

func (s *Server) deleteMessage(_ request, a ask) (any, error) {
	q, err := s.queue(a)
	if err == nil {
		err = s.remove(q, a.entry)
	}
	return struct{}{}, err
}

func (s *Server) remove(q *queue, e entry) error {
	m, err := q.held(e.ReceiptHandle)
	if err == nil && m != nil {
		s.commit(record{Gone: []place{{q.Name, m.ID}}})
	}
	return err
}

// hide changes until when a received message is hidden.
func (s *Server) hide(q *queue, e entry) error {
	if e.VisibilityTimeout == nil {
		return wrong("MissingParameter", "The request must contain the parameter VisibilityTimeout.")
	}
	seconds, err := within("VisibilityTimeout", e.VisibilityTimeout, 0, 0, longestHide)
	if err != nil {
		return err
	}
	m, err := q.held(e.ReceiptHandle)
	if err != nil {
		return err
	}
	if now := s.now(); m == nil || m.Visible <= now.UnixMilli() {
		return &failure{Code: "MessageNotInflight", Message: "The specified message isn't in flight.", Status: 400, Query: "AWS.SimpleQueueService.MessageNotInflight"}
	} else {
		s.commit(record{Seen: []sight{{place{q.Name, m.ID}, m.Receipt, m.Count, now.Add(time.Duration(seconds) * time.Second).UnixMilli(), m.First}}})
	}
	return nil
}

func (s *Server) changeVisibility(_ request, a ask) (any, error) {
	q, err := s.queue(a)
	if err == nil {
		err = s.hide(q, a.entry)
	}
	return struct{}{}, err
}

func (s *Server) deleteMessageBatch(in request, a ask) (any, error) { return s.each(in, a, s.remove) }

func (s *Server) changeVisibilityBatch(in request, a ask) (any, error) { return s.each(in, a, s.hide) }

func (s *Server) each(in request, a ask, do func(*queue, entry) error) (any, error) {
	q, err := s.queue(a)
	if err != nil {
		return nil, err
	}
	return batch(in, a.Entries, func(e entry) (any, error) { return map[string]string{"Id": e.Id}, do(q, e) })
}
