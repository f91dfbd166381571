package messages

import (
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Limits of SQS.
const (
	messageLimit = 1 << 20 // bytes of a message, and of a batch
	batchLimit   = 10
	longestDelay = 900
	longestHide  = 43_200 // seconds that a received message may stay hidden
)

// sent is the answer for one message.
type sent struct {
	Id                     string `json:",omitempty"`
	MessageId              string
	MD5OfMessageBody       string
	MD5OfMessageAttributes string `json:",omitempty"`
}

// failed is the answer for one entry of a batch.
type failed struct {
	Id, Code, Message string
	SenderFault       bool
}

// results are a batch's.
type results struct {
	Successful []any
	Failed     []failed `json:",omitempty"`
}

func (s *Server) message(q *queue, e entry) (m message, err error) {
	if e.MessageBody == "" {
		return m, wrong("MissingParameter", "The request must contain the parameter MessageBody.")
	}
	delay := q.number("DelaySeconds")
	if e.DelaySeconds != nil {
		delay = *e.DelaySeconds
	}
	if delay < 0 || delay > longestDelay {
		return m, wrong("InvalidParameterValue", "Value "+strconv.Itoa(delay)+" for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.")
	}
	if limit := q.number("MaximumMessageSize"); sizeOf(e.MessageBody, e.MessageAttributes) > limit {
		return m, wrong("InvalidParameterValue", "One or more parameters are invalid. Reason: Message must be shorter than "+strconv.Itoa(limit)+" bytes.")
	}
	if f := check(e.MessageBody, e.MessageAttributes); f != nil {
		return m, f
	}
	now := s.now()
	return message{Queue: q.Name, ID: uuid.NewString(), Body: e.MessageBody, Attributes: e.MessageAttributes, Sent: now.UnixMilli(),
		Visible: now.Add(time.Duration(delay) * time.Second).UnixMilli()}, nil
}

func (m message) sent(id string) sent {
	return sent{id, m.ID, sum([]byte(m.Body)), sumOf(m.Attributes)}
}

func (s *Server) sendMessage(_ request, a ask) (any, error) {
	q, err := s.queue(a)
	if err != nil {
		return nil, err
	}
	m, err := s.message(q, a.entry)
	if err != nil {
		return nil, err
	}
	s.commit(record{Put: []message{m}})
	return m.sent(""), nil
}

func (s *Server) sendMessageBatch(in request, a ask) (any, error) {
	q, err := s.queue(a)
	if err != nil {
		return nil, err
	}
	size := 0
	for _, e := range a.Entries {
		size += sizeOf(e.MessageBody, e.MessageAttributes)
	}
	if size > messageLimit {
		return nil, &failure{Code: "BatchRequestTooLong", Status: 400, Query: "AWS.SimpleQueueService.BatchRequestTooLong",
			Message: "Batch requests cannot be longer than " + strconv.Itoa(messageLimit) + " bytes. You have sent " + strconv.Itoa(size) + " bytes."}
	}
	var r record
	done, err := batch(in, a.Entries, func(e entry) (any, error) {
		m, err := s.message(q, e)
		if err != nil {
			return nil, err
		}
		r.Put = append(r.Put, m)
		return m.sent(e.Id), nil
	})
	if err == nil {
		s.commit(r)
	}
	return done, err
}

// batch does each entry of a request.
func batch(in request, entries []entry, do func(entry) (any, error)) (results, error) {
	done := results{Successful: []any{}}
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = e.Id
	}
	if f := distinct(ids, "AWS.SimpleQueueService."); f != nil {
		return done, f
	}
	for i, e := range entries {
		var answer any
		err := error(wrong("InternalError", "a fault was asked for"))
		if !in.part || i < len(entries)-1 {
			answer, err = do(e)
		}
		if f, is := err.(*failure); is {
			done.Failed = append(done.Failed, failed{e.Id, f.Code, f.Message, f.Code != "InternalError"})
			continue
		}
		done.Successful = append(done.Successful, answer)
	}
	return done, nil
}

// distinct refuses batches of no entries, of too many, and with an id twice.
func distinct(ids []string, prefix string) *failure {
	seen := map[string]bool{}
	for _, id := range ids {
		if seen[id] {
			return &failure{Code: "BatchEntryIdsNotDistinct", Message: "Id " + id + " repeated.", Status: 400, Query: prefix + "BatchEntryIdsNotDistinct"}
		}
		if seen[id] = true; !queueNamed.MatchString(id) {
			return &failure{Code: "InvalidBatchEntryId", Status: 400, Query: prefix + "InvalidBatchEntryId",
				Message: "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."}
		}
	}
	switch {
	case len(ids) == 0:
		return &failure{Code: "EmptyBatchRequest", Message: "There should be at least one entry in the request.", Status: 400, Query: prefix + "EmptyBatchRequest"}
	case len(ids) > batchLimit:
		return &failure{Code: "TooManyEntriesInBatchRequest", Status: 400, Query: prefix + "TooManyEntriesInBatchRequest",
			Message: "Maximum number of entries per request are 10. You have sent " + strconv.Itoa(len(ids)) + "."}
	}
	return nil
}
