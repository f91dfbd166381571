package move

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/banyan-migration/banyan/migration/drupal"
	"github.com/banyan-migration/banyan/shared/kv"
)

// encode writes a page down. Keys are written as what they have not in common with the one before: those of one
// service's rows differ in their last digits.
func (p *page) encode() []byte {
	b := make([]byte, 0, 64+48*len(p.rows))
	b = binary.AppendUvarint(append(b, format), uint64(len(p.services)))
	for _, name := range p.services {
		b = appendText(b, name)
	}
	b = binary.AppendUvarint(b, uint64(p.swept.Rows))
	b = binary.BigEndian.AppendUint64(b, p.swept.Sum)
	b = binary.AppendUvarint(b, uint64(len(p.rows)))
	last := kv.Key{}
	for _, e := range p.rows {
		b = append(binary.AppendUvarint(b, uint64(e.sid-p.no*width)), byte(e.state))
		b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, e.source), e.digest)
		for _, h := range e.parts {
			n := uint64(len(h.keys)) << 1
			if h.refused {
				n |= 1
			}
			if b = binary.AppendUvarint(b, n); len(h.keys) > 0 {
				b = binary.BigEndian.AppendUint64(b, h.sum)
			}
			for _, k := range h.keys {
				b = appendRest(appendRest(b, last.Part, k.Part), last.Sort, k.Sort)
				last = k
			}
		}
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendRest(b []byte, before, s string) []byte {
	n := 0
	for n < len(s) && n < len(before) && s[n] == before[n] {
		n++
	}
	return appendText(binary.AppendUvarint(b, uint64(n)), s[n:])
}

var errTorn = errors.New("it is not what was written")

// decode reads what encode wrote.
func decode(no int64, data []byte) (*page, error) {
	r := reader{data}
	p := &page{no: no}
	if v := r.number(1 << 8); r.torn() || v != format {
		return nil, fmt.Errorf("format %d, and this version knows %d", v, format)
	}
	for range r.number(64) {
		p.services = append(p.services, r.text(1<<10))
	}
	p.swept = drupal.Chunk{Rows: int64(r.number(1 << 40)), Sum: r.eight()}
	n := r.number(width)
	p.rows = make([]entry, 0, n)
	last, before := kv.Key{}, int64(-1)
	for range n {
		e := entry{sid: no*width + int64(r.number(width-1)), state: state(r.number(255)), source: r.eight(), digest: r.eight()}
		for range p.services {
			e.parts = append(e.parts, r.held(&last))
		}
		if r.torn() || e.sid <= before || e.state < moved || e.state > reversed {
			return nil, errTorn
		}
		before = e.sid
		p.rows = append(p.rows, e)
	}
	if r.torn() || len(r.left) > 0 {
		return nil, errTorn
	}
	return p, nil
}

// reader takes a page apart. What is torn reads as nothing from there on.
type reader struct{ left []byte }

func (r *reader) torn() bool { return r.left == nil }

// number is at most most: a count that was torn must not make us ask for memory.
func (r *reader) number(most uint64) uint64 {
	v, n := binary.Uvarint(r.left)
	if n <= 0 || v > most {
		r.left = nil
		return 0
	}
	r.left = r.left[n:]
	return v
}

func (r *reader) eight() uint64 {
	if len(r.left) < 8 {
		r.left = nil
		return 0
	}
	v := binary.BigEndian.Uint64(r.left)
	r.left = r.left[8:]
	return v
}

func (r *reader) text(most uint64) string {
	n := int(r.number(most))
	if n > len(r.left) {
		r.left = nil
		return ""
	}
	s := string(r.left[:n])
	r.left = r.left[n:]
	return s
}

func (r *reader) rest(before string) string {
	n := int(r.number(uint64(len(before))))
	return before[:n] + r.text(1<<16)
}

func (r *reader) held(last *kv.Key) (h held) {
	n := r.number(1 << 12)
	h.refused = n&1 == 1
	if n >>= 1; n > 0 {
		h.sum = r.eight()
	}
	for range n {
		if r.torn() {
			return h
		}
		*last = kv.Key{Part: r.rest(last.Part), Sort: r.rest(last.Sort)}
		h.keys = append(h.keys, *last)
	}
	return h
}
