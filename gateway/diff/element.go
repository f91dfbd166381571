package diff

import (
	"bytes"

	"golang.org/x/net/html"
)

// element is a start tag as the tokenizer holds it: valid until its next token.
type element struct {
	tag  string
	keys [][]byte
	vals [][]byte
}

// read takes the tag that the tokenizer stands on.
func (e *element) read(z *html.Tokenizer) {
	name, more := z.TagName()
	e.tag = tagName(name)
	e.keys, e.vals = e.keys[:0], e.vals[:0]
	for more {
		var key, val []byte
		key, val, more = z.TagAttr()
		e.keys, e.vals = append(e.keys, key), append(e.vals, val)
	}
}

// bytes is an attribute's value, and whether it is there.
func (e *element) bytes(key string) ([]byte, bool) {
	for i, k := range e.keys {
		if string(k) == key {
			return e.vals[i], true
		}
	}
	return nil, false
}

func (e *element) get(key string) string {
	v, _ := e.bytes(key)
	return string(v)
}

func (e *element) has(key string) bool {
	_, has := e.bytes(key)
	return has
}

// class says whether the element has a class.
func (e *element) class(word string) bool {
	list, _ := e.bytes("class")
	for len(list) > 0 {
		i := bytes.Index(list, []byte(word))
		if i < 0 {
			return false
		}
		end := i + len(word)
		if (i == 0 || list[i-1] <= ' ') && (end == len(list) || list[end] <= ' ') {
			return true
		}
		list = list[end:]
	}
	return false
}
