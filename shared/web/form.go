package web

import (
	"encoding/json"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/banyan-migration/banyan/shared/fault"
)

// fromForm turns a form's fields into JSON by the types of the struct that takes them: a[b]=1 is a field b of a, x[]=1
// an element of a list. A field of another type than text may come empty and is then not given.
func fromForm(values url.Values, target reflect.Type) (map[string]json.RawMessage, error) {
	fields, nested := map[string]json.RawMessage{}, map[string]url.Values{}
	known := names(target)
	var wrong fault.List
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		given := values[key]
		name, inner, isNested := strings.Cut(key, "[")
		inner = strings.TrimSuffix(inner, "]")
		if isNested && inner != "" {
			if nested[name] == nil {
				nested[name] = url.Values{}
			}
			nested[name][inner] = given
			continue
		}
		index, ok := known[name]
		if !ok {
			fields[name] = json.RawMessage("null") // fill decides what an unknown field is
			continue
		}
		raw, err := fromText(given, target.Field(index).Type)
		if err != nil {
			wrong = append(wrong, fault.Wrong(name, err.Error()))
		}
		if raw != nil {
			fields[name] = raw
		}
	}
	for name, inner := range nested {
		index, ok := known[name]
		t := target
		if ok {
			t = deref(target.Field(index).Type)
		}
		if !ok || t.Kind() != reflect.Struct {
			fields[name] = json.RawMessage("null")
			continue
		}
		object, err := fromForm(inner, t)
		if err != nil {
			wrong = append(wrong, fault.Wrong(name, "is not in the expected form"))
			continue
		}
		fields[name], _ = json.Marshal(object) // raw messages made here
	}
	return fields, wrong.Err()
}

func deref(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

type mismatch string

func (m mismatch) Error() string { return string(m) }

// fromText is one field's JSON: nil when an empty text stands for a field that is no text.
func fromText(given []string, t reflect.Type) (json.RawMessage, error) {
	t = deref(t)
	if t.Kind() == reflect.Slice {
		raw, err := json.Marshal(given)
		return raw, err
	}
	if len(given) != 1 {
		return nil, mismatch("was given more than once")
	}
	text := given[0]
	switch t.Kind() {
	case reflect.Bool:
		switch strings.ToLower(strings.TrimSpace(text)) {
		case "":
			return nil, nil
		case "1", "true", "yes", "on":
			return json.RawMessage("true"), nil
		case "0", "false", "no", "off":
			return json.RawMessage("false"), nil
		}
		return nil, mismatch(expected(t))
	case reflect.Int, reflect.Int64:
		if text == "" {
			return nil, nil
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, mismatch(expected(t))
		}
		return strconv.AppendInt(nil, n, 10), nil
	}
	return json.Marshal(text)
}
