package dynamo

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/kv"
)

type attributes = map[string]types.AttributeValue

// The attributes of an item. Their names are stored and billed with each, so they have one letter; no expression may
// use a word that DynamoDB reserves, and no single letter is one.
//
//	p s  the key's part and sort, as keyed writes them
//	r    the revision; without it nothing is there, and the item only carries messages
//	d    the data: a string where it is text, so that the console shows it, else binary
//	x    when it expires, in Unix nanoseconds; readers go by it
//	t    when DynamoDB may delete it by itself, in Unix seconds; never set while messages wait
//	w    the commit that wrote it last, so that a repeated call knows its own work
//	m    messages that nobody has confirmed, oldest first: maps of i (id) and b (the envelope as JSON)
//	q a  only with m: its shard, and since when it waits (Unix nanoseconds): the keys of the sparse index
const (
	index  = "unsent"
	expiry = "t"
)

// keyed turns bytes into the text of a key, keeping their order: DynamoDB compares strings by their UTF-8 and takes
// neither an empty sort key nor bytes that are no UTF-8. Text in ASCII stays as it is.
func keyed(raw string) string {
	ascii := raw != "" && raw[0] != 0
	for i := 0; i < len(raw) && ascii; i++ {
		ascii = raw[i] < utf8.RuneSelf
	}
	if ascii {
		return raw
	}
	var b strings.Builder
	if raw == "" || raw[0] == 0 {
		b.WriteByte(0) // the empty key comes first, and is no other
	}
	for i := range len(raw) {
		b.WriteRune(rune(raw[i]))
	}
	return b.String()
}

// unkeyed is the inverse of keyed.
func unkeyed(text string) string {
	if text[0] == 0 {
		text = text[1:]
	}
	b := make([]byte, 0, len(text))
	for _, r := range text {
		b = append(b, byte(r))
	}
	return string(b)
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func keyOf(k kv.Key) attributes {
	return attributes{"p": text(keyed(k.Part)), "s": text(keyed(k.Sort))}
}

func dataOf(raw []byte) types.AttributeValue {
	if utf8.Valid(raw) {
		return text(string(raw))
	}
	return &types.AttributeValueMemberB{Value: raw}
}

func messagesOf(messages []event.Message) ([]types.AttributeValue, error) {
	var all []types.AttributeValue
	for _, m := range messages {
		raw, err := json.Marshal(m)
		if err != nil {
			return nil, fmt.Errorf("dynamo: message %s %s: %w", m.Type, m.ID, err)
		}
		all = append(all, &types.AttributeValueMemberM{Value: attributes{"i": text(m.ID), "b": text(string(raw))}})
	}
	return all, nil
}

func textIn(a types.AttributeValue) string {
	s, _ := a.(*types.AttributeValueMemberS)
	if s == nil {
		return ""
	}
	return s.Value
}

// numberIn is 0 where there is no number: revisions and times that are there are none.
func numberIn(a types.AttributeValue) int64 {
	n, _ := a.(*types.AttributeValueMemberN)
	if n == nil {
		return 0
	}
	v, _ := strconv.ParseInt(n.Value, 10, 64) // we alone write it
	return v
}

func dataIn(a types.AttributeValue) []byte {
	if b, is := a.(*types.AttributeValueMemberB); is {
		return b.Value
	}
	return []byte(textIn(a))
}

func waitingIn(item attributes) []types.AttributeValue {
	l, _ := item["m"].(*types.AttributeValueMemberL)
	if l == nil {
		return nil
	}
	return l.Value
}

func messageIn(a types.AttributeValue) (m event.Message, err error) {
	fields, _ := a.(*types.AttributeValueMemberM)
	if fields == nil {
		return m, fmt.Errorf("a message is no map but %T", a)
	}
	return m, json.Unmarshal([]byte(textIn(fields.Value["b"])), &m)
}

func idIn(a types.AttributeValue) string {
	fields, _ := a.(*types.AttributeValueMemberM)
	if fields == nil {
		return ""
	}
	return textIn(fields.Value["i"])
}

func keyIn(item attributes) kv.Key {
	return kv.Key{Part: unkeyed(textIn(item["p"])), Sort: unkeyed(textIn(item["s"]))}
}

// itemIn reads an item; its Rev is 0 where nothing is there or what is there has expired.
func itemIn(key kv.Key, found attributes, now time.Time) kv.Item {
	item := kv.Item{Key: key, Rev: numberIn(found["r"]), Data: dataIn(found["d"])}
	if x := numberIn(found["x"]); x != 0 {
		item.Expires = time.Unix(0, x).UTC()
	}
	if item.Expired(now) {
		item.Rev = 0
	}
	return item
}
