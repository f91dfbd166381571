// Package permissions holds what functions asked of AWS against what their roles allow, in both directions: what was used
// and is not granted, and what is granted and was never used. What was used stands in the functions' logs, a line a call
// at LOG_LEVEL=debug; a written map says which IAM actions a call takes. Pure: it reads what it is given.
package permissions

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Call is one kind of call to AWS, as a function's log tells it.
type Call struct {
	Function  string // the service that called; empty where the line does not say
	Service   string // as the SDK names it: "DynamoDB", "Secrets Manager"
	Operation string // "UpdateItem"
	Resource  string // its name, not its ARN; several with commas
	Index     string // of a table; mostly empty
	Items     string // of a transaction: its kinds of write, with commas
}

func (c Call) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s.%s", c.Service, c.Operation)
	if c.Items != "" {
		fmt.Fprintf(&b, "(%s)", c.Items)
	}
	if c.Resource != "" {
		fmt.Fprintf(&b, " on %s", c.Resource)
	}
	if c.Index != "" {
		fmt.Fprintf(&b, "/%s", c.Index)
	}
	if c.Function != "" {
		fmt.Fprintf(&b, " by %s", c.Function)
	}
	return b.String()
}

// Read takes the calls out of a log, each kind once, in order. What is no line of a call is passed over, whatever stands
// before the line's JSON too; a line of a call that cannot be read is an error, since a proof must not overlook one.
func Read(log io.Reader) ([]Call, error) {
	all := map[Call]bool{}
	lines := bufio.NewReader(log)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("permissions: line %d: %w", n, err)
		}
		c, is, wrong := callIn(line)
		if wrong != nil {
			return nil, fmt.Errorf("permissions: line %d: %w", n, wrong)
		}
		if is {
			all[c] = true
		}
		if err == io.EOF {
			return slices.SortedFunc(maps.Keys(all), compareCalls), nil
		}
	}
}

func compareCalls(a, b Call) int { return strings.Compare(a.key(), b.key()) }

func (c Call) key() string {
	return strings.Join([]string{c.Function, c.Service, c.Operation, c.Resource, c.Index, c.Items}, "\x00")
}

var told = []byte(`"msg":"aws"`)

// callIn reads one line. The key service may stand there twice: first the function's own, which each of its lines begins
// with, then AWS's.
func callIn(line []byte) (c Call, is bool, err error) {
	at := bytes.IndexByte(line, '{')
	if at < 0 || !bytes.Contains(line[at:], told) {
		return c, false, nil
	}
	fields, err := fieldsOf(line[at:])
	if err != nil {
		return c, false, fmt.Errorf("a call that cannot be read: %w", err)
	}
	if last(fields["msg"]) != "aws" {
		return c, false, nil // the text stood somewhere within another message
	}
	if n := len(fields["service"]); n > 1 {
		c.Function = fields["service"][0]
	}
	c.Service, c.Operation, c.Resource = last(fields["service"]), last(fields["operation"]), last(fields["resource"])
	c.Index, c.Items = last(fields["index"]), last(fields["items"])
	if c.Service == "" || c.Operation == "" {
		return c, false, fmt.Errorf("a call without service or operation")
	}
	return c, true, nil
}

func last(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// fieldsOf are the texts of a JSON object by key, as often as a key stands there.
func fieldsOf(raw []byte) (map[string][]string, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	fields := map[string][]string{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		var value any
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		key, _ := name.(string)
		if text, is := value.(string); is {
			fields[key] = append(fields[key], text)
		}
	}
	_, err := d.Token()
	return fields, err
}
