package diff

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
)

// feeds compares two XML documents, RSS among them, by the text and attributes at each path. It is false over a cap.
func (x *comparison) feeds(a, b []byte) bool {
	if !x.spend(8 * (len(a) + len(b))) {
		return false
	}
	l, errA := x.facts(a)
	n, errB := x.facts(b)
	switch {
	case errA == errCapped || errB == errCapped:
		return false
	case errA != nil || errB != nil:
		return x.texts(a, b)
	}
	x.facing(l, n)
	return true
}

// facts are the texts and attributes of an XML document in order.
func (x *comparison) facts(body []byte) (all []fact, err error) {
	dec := xml.NewDecoder(bytes.NewReader(body))
	dec.Strict = false
	path := []string{""}
	var text strings.Builder
	for nodes := 0; ; nodes++ {
		t, err := dec.Token()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if nodes > 2*x.c.caps.Nodes || len(path) > x.c.caps.Depth {
			return nil, errCapped
		}
		switch t := t.(type) {
		case xml.StartElement:
			path = append(path, path[len(path)-1]+"/"+t.Name.Local)
			if !x.spend(len(path[len(path)-1])) {
				return nil, errCapped
			}
			for _, a := range t.Attr {
				all = append(all, fact{what: "xml", name: path[len(path)-1] + "/@" + a.Name.Local, value: a.Value})
			}
			text.Reset()
		case xml.CharData:
			text.Write(t)
		case xml.EndElement:
			if s := strings.Join(strings.Fields(text.String()), " "); s != "" || empty(all, path[len(path)-1]) {
				all = append(all, fact{what: "xml", name: path[len(path)-1], value: s})
			}
			text.Reset()
			if len(path) > 1 {
				path = path[:len(path)-1]
			}
		}
	}
}

// empty says whether nothing stands below a path yet: an element that holds nothing is a fact too.
func empty(all []fact, path string) bool {
	return len(all) == 0 || !strings.HasPrefix(all[len(all)-1].name, path)
}
