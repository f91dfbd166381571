package messages

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

type topic struct {
	ARN        string
	Attributes map[string]string
}

type subscription struct {
	ARN, Topic, Protocol, Endpoint string
	Attributes                     map[string]string
}

var topicOperations = map[string]func(*Server, request, url.Values) (any, error){
	"CreateTopic": (*Server).createTopic, "DeleteTopic": (*Server).deleteTopic, "ListTopics": (*Server).listTopics,
	"GetTopicAttributes": (*Server).topicAttributes, "SetTopicAttributes": (*Server).setTopicAttributes,
	"Subscribe": (*Server).subscribe, "Unsubscribe": (*Server).unsubscribe, "ListSubscriptionsByTopic": (*Server).listSubscriptions,
	"GetSubscriptionAttributes": (*Server).subscriptionAttributes, "SetSubscriptionAttributes": (*Server).setSubscriptionAttributes,
	"Publish": (*Server).publish, "PublishBatch": (*Server).publishBatch,
}

func formOf(body []byte) (url.Values, error) { return url.ParseQuery(string(body)) }

func (s *Server) notifying(in request, operation string, form url.Values) (any, error) {
	do := topicOperations[operation]
	if do == nil {
		return nil, wrong("InvalidAction", "The action "+operation+" is not valid for this endpoint.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return do(s, in, form)
}

// members are the fields under prefix.1, prefix.2 and so on, each below its own prefix.
func members(form url.Values, prefix string) (all []url.Values) {
	for n := 1; ; n++ {
		own, one := prefix+"."+strconv.Itoa(n)+".", url.Values{}
		for name, v := range form {
			if rest, is := strings.CutPrefix(name, own); is {
				one[rest] = v
			}
		}
		if len(one) == 0 {
			return all
		}
		all = append(all, one)
	}
}

func entriesOf(form url.Values, prefix string) map[string]string {
	all := map[string]string{}
	for _, m := range members(form, prefix) {
		all[m.Get("key")] = m.Get("value")
	}
	return all
}

// result is what an operation answers, under its own name.
type result struct {
	XMLName xml.Name
	Fields  []any
}

func answer(operation string, fields ...any) result {
	return result{xml.Name{Local: operation + "Result"}, fields}
}

type field struct {
	XMLName xml.Name
	Text    string `xml:",chardata"`
}

func text(name, value string) field { return field{xml.Name{Local: name}, value} }

// table is a map as the protocol has it.
type table struct {
	XMLName xml.Name
	Entries []pair `xml:"entry"`
}

type pair struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

func attributes(all map[string]string) table {
	t := table{XMLName: xml.Name{Local: "Attributes"}}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Entries = append(t.Entries, pair{name, all[name]})
	}
	return t
}

// group is a list as the protocol has it.
type group struct {
	XMLName xml.Name
	Members []any `xml:"member"`
}

var topicNamed = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)

// TopicARN is a topic's, by its name.
func TopicARN(name string) string { return "arn:aws:sns:" + Region + ":" + Account + ":" + name }

func (s *Server) createTopic(_ request, form url.Values) (any, error) {
	name := form.Get("Name")
	if !topicNamed.MatchString(name) {
		return nil, wrong("InvalidParameter", "Invalid parameter: Topic Name")
	}
	arn := TopicARN(name)
	if s.topics[arn] == nil {
		s.commit(record{Topic: &topic{arn, entriesOf(form, "Attributes.entry")}})
	}
	return answer("CreateTopic", text("TopicArn", arn)), nil
}

func (s *Server) topic(form url.Values) (*topic, error) {
	if t := s.topics[form.Get("TopicArn")]; t != nil {
		return t, nil
	}
	if !strings.HasPrefix(form.Get("TopicArn"), "arn:aws:sns:") {
		return nil, wrong("InvalidParameter", "Invalid parameter: TopicArn")
	}
	return nil, &failure{Code: "NotFound", Message: "Topic does not exist", Status: 404}
}

func (s *Server) deleteTopic(_ request, form url.Values) (any, error) {
	arn := form.Get("TopicArn")
	for _, sub := range s.of(arn) {
		s.commit(record{SubscriptionGone: sub.ARN})
	}
	s.commit(record{TopicGone: arn})
	return nil, nil
}

func (s *Server) listTopics(request, url.Values) (any, error) {
	all := group{XMLName: xml.Name{Local: "Topics"}}
	for _, arn := range slices.Sorted(maps.Keys(s.topics)) {
		all.Members = append(all.Members, struct{ TopicArn string }{arn})
	}
	return answer("ListTopics", all), nil
}

func (s *Server) topicAttributes(_ request, form url.Values) (any, error) {
	t, err := s.topic(form)
	if err != nil {
		return nil, err
	}
	all := map[string]string{"TopicArn": t.ARN, "Owner": Account, "SubscriptionsConfirmed": strconv.Itoa(len(s.of(t.ARN)))}
	maps.Copy(all, t.Attributes)
	return answer("GetTopicAttributes", attributes(all)), nil
}

func (s *Server) setTopicAttributes(_ request, form url.Values) (any, error) {
	t, err := s.topic(form)
	if err != nil {
		return nil, err
	}
	all := map[string]string{form.Get("AttributeName"): form.Get("AttributeValue")}
	for name, v := range t.Attributes {
		if all[name] == "" {
			all[name] = v
		}
	}
	s.commit(record{Topic: &topic{t.ARN, all}})
	return nil, nil
}

// of are a topic's subscriptions, in order.
func (s *Server) of(arn string) (all []*subscription) {
	for _, id := range slices.Sorted(maps.Keys(s.subscriptions)) {
		if s.subscriptions[id].Topic == arn {
			all = append(all, s.subscriptions[id])
		}
	}
	return all
}

// subscribe lets a queue hear a topic; the same queue twice is the same subscription, if it asks for the same.
func (s *Server) subscribe(_ request, form url.Values) (any, error) {
	t, err := s.topic(form)
	if err != nil {
		return nil, err
	}
	sub := &subscription{t.ARN + ":" + uuid.NewString(), t.ARN, form.Get("Protocol"), form.Get("Endpoint"), entriesOf(form, "Attributes.entry")}
	if sub.Protocol != "sqs" || !strings.HasPrefix(sub.Endpoint, ARN("")) {
		return nil, wrong("InvalidParameter", "Invalid parameter: only queues subscribe here, by their ARN; Endpoint "+sub.Endpoint)
	}
	if err := sub.check(); err != nil {
		return nil, err
	}
	for _, there := range s.of(t.ARN) {
		if there.Endpoint == sub.Endpoint {
			if !maps.Equal(there.Attributes, sub.Attributes) {
				return nil, wrong("InvalidParameter", "Invalid parameter: Attributes Reason: Subscription already exists with different attributes")
			}
			return answer("Subscribe", text("SubscriptionArn", there.ARN)), nil
		}
	}
	s.commit(record{Subscription: sub})
	return answer("Subscribe", text("SubscriptionArn", sub.ARN)), nil
}

func (sub *subscription) check() error {
	if scope := sub.Attributes["FilterPolicyScope"]; scope != "" && scope != "MessageAttributes" {
		return wrong("InvalidParameter", "Invalid parameter: FilterPolicyScope "+scope+" is not played here")
	}
	if raw := sub.Attributes["RawMessageDelivery"]; raw != "" && raw != "true" && raw != "false" {
		return wrong("InvalidParameter", "Invalid parameter: Attributes Reason: RawMessageDelivery: Invalid value ["+raw+"]. Must be true or false.")
	}
	_, err := filterOf(sub.Attributes["FilterPolicy"])
	return err
}

func (s *Server) unsubscribe(_ request, form url.Values) (any, error) {
	s.commit(record{SubscriptionGone: form.Get("SubscriptionArn")})
	return nil, nil
}

func (s *Server) listSubscriptions(_ request, form url.Values) (any, error) {
	t, err := s.topic(form)
	if err != nil {
		return nil, err
	}
	all := group{XMLName: xml.Name{Local: "Subscriptions"}}
	for _, sub := range s.of(t.ARN) {
		all.Members = append(all.Members, struct{ SubscriptionArn, Owner, Protocol, Endpoint, TopicArn string }{sub.ARN, Account, sub.Protocol, sub.Endpoint, sub.Topic})
	}
	return answer("ListSubscriptionsByTopic", all), nil
}

func (s *Server) subscription(form url.Values) (*subscription, error) {
	if sub := s.subscriptions[form.Get("SubscriptionArn")]; sub != nil {
		return sub, nil
	}
	return nil, &failure{Code: "NotFound", Message: "Subscription does not exist", Status: 404}
}

func (s *Server) subscriptionAttributes(_ request, form url.Values) (any, error) {
	sub, err := s.subscription(form)
	if err != nil {
		return nil, err
	}
	all := map[string]string{"SubscriptionArn": sub.ARN, "TopicArn": sub.Topic, "Protocol": sub.Protocol, "Endpoint": sub.Endpoint, "Owner": Account}
	maps.Copy(all, sub.Attributes)
	return answer("GetSubscriptionAttributes", attributes(all)), nil
}

func (s *Server) setSubscriptionAttributes(_ request, form url.Values) (any, error) {
	sub, err := s.subscription(form)
	if err != nil {
		return nil, err
	}
	next := *sub
	next.Attributes = maps.Clone(sub.Attributes)
	next.Attributes[form.Get("AttributeName")] = form.Get("AttributeValue")
	if err := next.check(); err != nil {
		return nil, err
	}
	s.commit(record{Subscription: &next})
	return nil, nil
}

// attributesIn are a message's, as a form has them.
func attributesIn(form url.Values) (map[string]attribute, *failure) {
	all := map[string]attribute{}
	for _, m := range members(form, "MessageAttributes.entry") {
		a := attribute{DataType: m.Get("Value.DataType"), StringValue: m.Get("Value.StringValue")}
		if raw := m.Get("Value.BinaryValue"); raw != "" {
			var err error
			if a.BinaryValue, err = base64.StdEncoding.DecodeString(raw); err != nil {
				return nil, wrong("InvalidParameter", fmt.Sprintf("Invalid parameter: BinaryValue of %s is no base64", m.Get("Name")))
			}
		}
		all[m.Get("Name")] = a
	}
	return all, nil
}
