package messages

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ask has the fields of every operation on queues.
type ask struct {
	QueueName, QueueUrl, QueueNamePrefix string
	Attributes                           map[string]string
	AttributeNames                       []string
	MessageSystemAttributeNames          []string
	MessageAttributeNames                []string
	MaxNumberOfMessages                  *int
	VisibilityTimeout                    *int
	WaitTimeSeconds                      *int
	ReceiptHandle                        string
	Entries                              []entry
	entry
}

// entry is one message of a batch, or the only one.
type entry struct {
	Id                string
	MessageBody       string
	DelaySeconds      *int
	MessageAttributes map[string]attribute
	ReceiptHandle     string
	VisibilityTimeout *int
}

var queueOperations = map[string]func(*Server, request, ask) (any, error){
	"CreateQueue": (*Server).createQueue, "DeleteQueue": (*Server).deleteQueue, "GetQueueUrl": (*Server).queueURL, "ListQueues": (*Server).listQueues,
	"GetQueueAttributes": (*Server).queueAttributes, "SetQueueAttributes": (*Server).setQueueAttributes, "PurgeQueue": (*Server).purgeQueue,
	"SendMessage": (*Server).sendMessage, "SendMessageBatch": (*Server).sendMessageBatch, "ReceiveMessage": (*Server).receiveMessage,
	"DeleteMessage": (*Server).deleteMessage, "DeleteMessageBatch": (*Server).deleteMessageBatch,
	"ChangeMessageVisibility": (*Server).changeVisibility, "ChangeMessageVisibilityBatch": (*Server).changeVisibilityBatch,
}

func (s *Server) queueing(in request, operation string, body []byte) (any, error) {
	do := queueOperations[operation]
	if do == nil {
		return nil, wrong("UnknownOperationException", operation)
	}
	var a ask
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, wrong("SerializationException", err.Error())
	}
	if a.entry.ReceiptHandle == "" {
		a.entry.ReceiptHandle = a.ReceiptHandle
	}
	if a.entry.VisibilityTimeout == nil {
		a.entry.VisibilityTimeout = a.VisibilityTimeout
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return do(s, in, a)
}

// attributesOf are a queue's that can be set, with what they are unless set.
var attributesOf = map[string]string{
	"VisibilityTimeout": "30", "MessageRetentionPeriod": "345600", "DelaySeconds": "0", "ReceiveMessageWaitTimeSeconds": "0",
	"MaximumMessageSize": "1048576", "RedrivePolicy": "", "RedriveAllowPolicy": "", "Policy": "", "KmsMasterKeyId": "",
	"KmsDataKeyReusePeriodSeconds": "300", "SqsManagedSseEnabled": "true",
}

var queueNamed = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

func (s *Server) createQueue(in request, a ask) (any, error) {
	if !queueNamed.MatchString(a.QueueName) {
		return nil, wrong("InvalidParameterValue", "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	if err := s.acceptable(a.Attributes); err != nil {
		return nil, err
	}
	if there := s.queues[a.QueueName]; there != nil {
		for name, v := range a.Attributes {
			if there.attribute(name) != v {
				return nil, &failure{Code: "QueueNameExists", Status: 400, Query: "QueueAlreadyExists",
					Message: "A queue already exists with the same name and a different value for attribute " + name}
			}
		}
	} else {
		s.commit(record{Queue: &queue{Name: a.QueueName, Attributes: a.Attributes, Made: s.now().Unix()}})
	}
	return map[string]string{"QueueUrl": urlOf(in.host, a.QueueName)}, nil
}

func (s *Server) acceptable(attributes map[string]string) error {
	for name, v := range attributes {
		unset, known := attributesOf[name]
		_, isNumber := strconv.Atoi(unset)
		n, err := strconv.Atoi(v)
		switch {
		case !known:
			return wrong("InvalidAttributeName", "Unknown Attribute "+name+".")
		case isNumber == nil && (err != nil || n < 0):
			return wrong("InvalidAttributeValue", "Invalid value for the parameter "+name+".")
		case name == "RedrivePolicy" && v != "":
			to, times := redrive(v)
			if times < 1 || s.queues[to] == nil {
				return wrong("InvalidParameterValue", "Value "+v+" for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.")
			}
		}
	}
	return nil
}

// redrive reads a policy: to which queue a message goes that was received so many times.
func redrive(policy string) (to string, times int) {
	var p struct {
		DeadLetterTargetArn string      `json:"deadLetterTargetArn"`
		MaxReceiveCount     json.Number `json:"maxReceiveCount"`
	}
	if json.Unmarshal([]byte(policy), &p) != nil {
		return "", 0
	}
	times, _ = strconv.Atoi(p.MaxReceiveCount.String())
	return p.DeadLetterTargetArn[strings.LastIndexByte(p.DeadLetterTargetArn, ':')+1:], times
}

// ARN is a queue's, by its name.
func ARN(queue string) string { return "arn:aws:sqs:" + Region + ":" + Account + ":" + queue }

func urlOf(host, name string) string { return "http://" + host + "/" + Account + "/" + name }

func (q *queue) attribute(name string) string {
	if v, set := q.Attributes[name]; set {
		return v
	}
	return attributesOf[name]
}

func (q *queue) number(name string) int {
	n, _ := strconv.Atoi(q.attribute(name)) // acceptable has seen that it is one
	return n
}

func (s *Server) queue(a ask) (*queue, error) {
	name := a.QueueName
	if a.QueueUrl != "" {
		name = a.QueueUrl[strings.LastIndexByte(a.QueueUrl, '/')+1:]
	}
	if q := s.queues[name]; q != nil {
		return q, nil
	}
	return nil, &failure{Code: "QueueDoesNotExist", Message: "The specified queue does not exist.", Status: 400, Query: "AWS.SimpleQueueService.NonExistentQueue"}
}

func (s *Server) queueURL(in request, a ask) (any, error) {
	q, err := s.queue(a)
	if err != nil {
		return nil, err
	}
	return map[string]string{"QueueUrl": urlOf(in.host, q.Name)}, nil
}

func (s *Server) listQueues(in request, a ask) (any, error) {
	urls := []string{}
	for _, name := range slices.Sorted(maps.Keys(s.queues)) {
		if strings.HasPrefix(name, a.QueueNamePrefix) {
			urls = append(urls, urlOf(in.host, name))
		}
	}
	return map[string][]string{"QueueUrls": urls}, nil
}

func (s *Server) deleteQueue(_ request, a ask) (any, error) {
	q, err := s.queue(a)
	if err != nil {
		return nil, err
	}
	s.commit(record{QueueGone: q.Name})
	q.call()
	return struct{}{}, nil
}

func (s *Server) purgeQueue(_ request, a ask) (any, error) {
	q, err := s.queue(a)
	if err != nil {
		return nil, err
	}
	var r record
	for id := range q.all {
		r.Gone = append(r.Gone, place{q.Name, id})
	}
	s.commit(r)
	return struct{}{}, nil
}

func (s *Server) setQueueAttributes(_ request, a ask) (any, error) {
	q, err := s.queue(a)
	if err == nil {
		err = s.acceptable(a.Attributes)
	}
	if err != nil {
		return nil, err
	}
	all := maps.Clone(q.Attributes)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, a.Attributes)
	s.commit(record{Queue: &queue{Name: q.Name, Attributes: all, Made: q.Made}})
	return struct{}{}, nil
}

func (s *Server) queueAttributes(_ request, a ask) (any, error) {
	q, err := s.queue(a)
	if err != nil {
		return nil, err
	}
	visible, received, delayed := q.count(s.now())
	all := map[string]string{"QueueArn": ARN(q.Name), "CreatedTimestamp": fmt.Sprint(q.Made), "LastModifiedTimestamp": fmt.Sprint(q.Made),
		"ApproximateNumberOfMessages": fmt.Sprint(visible), "ApproximateNumberOfMessagesNotVisible": fmt.Sprint(received),
		"ApproximateNumberOfMessagesDelayed": fmt.Sprint(delayed)}
	for name := range attributesOf {
		if v := q.attribute(name); v != "" {
			all[name] = v
		}
	}
	maps.DeleteFunc(all, func(name, _ string) bool {
		return !slices.Contains(a.AttributeNames, "All") && !slices.Contains(a.AttributeNames, name)
	})
	return map[string]any{"Attributes": all}, nil
}
