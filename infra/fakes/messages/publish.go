package messages

import (
	"encoding/json"
	"encoding/xml"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
)

// publishLimit is SNS's, in bytes: of a message, and of a batch.
const publishLimit = 256 << 10

// copies are the messages that a topic's subscriptions get of one.
func (s *Server) copies(t *topic, form url.Values) (id string, all []message, err error) {
	body := form.Get("Message")
	given, f := attributesIn(form)
	if f == nil {
		f = check(body, given)
	}
	switch {
	case f != nil:
		f.Code = "InvalidParameter"
		return "", nil, f
	case body == "":
		return "", nil, wrong("InvalidParameter", "Invalid parameter: Empty message")
	case sizeOf(body, given) > publishLimit:
		return "", nil, wrong("InvalidParameter", "Invalid parameter: Message too long")
	}
	id = uuid.NewString()
	now := s.now()
	for _, sub := range s.of(t.ARN) {
		filter, err := filterOf(sub.Attributes["FilterPolicy"])
		name := sub.Endpoint[strings.LastIndexByte(sub.Endpoint, ':')+1:]
		if err != nil || !filter.takes(given) || s.queues[name] == nil {
			continue
		}
		m := message{Queue: name, ID: uuid.NewString(), Body: body, Attributes: given, Sent: now.UnixMilli(),
			Visible: now.Add(time.Duration(s.queues[name].number("DelaySeconds")) * time.Second).UnixMilli()}
		if sub.Attributes["RawMessageDelivery"] != "true" {
			m.Body, m.Attributes = enveloped(id, t.ARN, form.Get("Subject"), body, given, now), nil
		}
		all = append(all, m)
	}
	return id, all, nil
}

// enveloped is a message as a queue gets it that did not ask for it raw.
func enveloped(id, arn, subject, body string, given map[string]attribute, now time.Time) string {
	type value struct{ Type, Value string }
	envelope := struct {
		Type, MessageId, TopicArn string
		Subject                   string `json:",omitempty"`
		Message, Timestamp        string
		SignatureVersion          string
		MessageAttributes         map[string]value `json:",omitempty"`
	}{Type: "Notification", MessageId: id, TopicArn: arn, Subject: subject, Message: body,
		Timestamp: now.UTC().Format("2006-01-02T15:04:05.000Z"), SignatureVersion: "1", MessageAttributes: map[string]value{}}
	for name, a := range given {
		envelope.MessageAttributes[name] = value{a.DataType, a.StringValue}
	}
	raw, _ := json.Marshal(envelope) // of texts alone
	return string(raw)
}

func (s *Server) publish(_ request, form url.Values) (any, error) {
	t, err := s.topic(form)
	if err != nil {
		return nil, err
	}
	id, all, err := s.copies(t, form)
	if err != nil {
		return nil, err
	}
	s.commit(record{Put: all})
	return answer("Publish", text("MessageId", id)), nil
}

func (s *Server) publishBatch(in request, form url.Values) (any, error) {
	t, err := s.topic(form)
	if err != nil {
		return nil, err
	}
	entries := members(form, "PublishBatchRequestEntries.member")
	ids, size := make([]string, len(entries)), 0
	for i, e := range entries {
		ids[i] = e.Get("Id")
		given, _ := attributesIn(e) // what is wrong with one is its entry's failure
		size += sizeOf(e.Get("Message"), given)
	}
	if f := distinct(ids, ""); f != nil {
		return nil, f
	}
	if size > publishLimit {
		return nil, wrong("BatchRequestTooLong", "The length of all the messages put together is more than the limit.")
	}
	var r record
	good, bad := group{XMLName: xml.Name{Local: "Successful"}}, group{XMLName: xml.Name{Local: "Failed"}}
	for i, e := range entries {
		id, all, err := s.copies(t, e)
		if in.part && i == len(entries)-1 {
			err = wrong("InternalError", "a fault was asked for")
		}
		if f, is := err.(*failure); is {
			bad.Members = append(bad.Members, struct {
				Id, Code, Message string
				SenderFault       bool
			}{ids[i], f.Code, f.Message, f.Code != "InternalError"})
			continue
		}
		r.Put = append(r.Put, all...)
		good.Members = append(good.Members, struct{ Id, MessageId string }{ids[i], id})
	}
	s.commit(r)
	return answer("PublishBatch", good, bad), nil
}
