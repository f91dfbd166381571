package move

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// digester makes digests. It keeps the order of the keys that it has met, since sorting them anew for each row would
// cost more than the hash.
type digester struct {
	keys []string
	text []byte
}

// digest stands for a whole submission, transaction included. A row without a transaction doubles no other: two equal
// gifts are two gifts. 64 bits give one false duplicate among ten million rows once in 370,000 sites, and its line in
// the rejects file shows it.
func (d *digester) digest(r form.Record) (sum uint64, doubles bool) {
	if r.Value("transaction_id") == "" {
		return 0, false
	}
	if !d.write(r) {
		for key := range r.Values {
			if at, has := slices.BinarySearch(d.keys, key); !has {
				d.keys = slices.Insert(d.keys, at, key)
			}
		}
		d.write(r)
	}
	full := sha256.Sum256(d.text)
	return binary.BigEndian.Uint64(full[:]), true
}

// write writes the values down in the order of their keys, or reports that it does not know all of these.
func (d *digester) write(r form.Record) (all bool) {
	text, known := d.text[:0], 0
	for _, key := range d.keys {
		values, has := r.Values[key]
		if !has {
			continue
		}
		known++
		text = append(binary.AppendUvarint(text, uint64(len(key))), key...)
		text = binary.AppendUvarint(text, uint64(len(values)))
		for _, v := range values {
			text = append(binary.AppendUvarint(text, uint64(len(v))), v...)
		}
	}
	d.text = text
	return known == len(r.Values)
}

// set holds digests at 11 to 22 bytes each, where a map would take three times that.
type set struct {
	slots []uint64 // open addressing; 0 is an empty one
	used  int
	zero  bool // whether the digest 0 is in it
}

func newSet() *set { return &set{slots: make([]uint64, 1<<12)} }

// add reports whether the digest is new.
func (s *set) add(d uint64) bool {
	if d == 0 {
		fresh := !s.zero
		s.zero = true
		return fresh
	}
	if s.used >= len(s.slots)*3/4 {
		old := s.slots
		s.slots, s.used = make([]uint64, 2*len(old)), 0
		for _, d := range old {
			if d != 0 {
				s.add(d)
			}
		}
	}
	for i := d; ; i++ {
		slot := &s.slots[i%uint64(len(s.slots))]
		switch *slot {
		case d:
			return false
		case 0:
			*slot = d
			s.used++
			return true
		}
	}
}

// log is where a batch's digests are kept, with the batch itself in one commit, so that Sync knows what it must not
// take again.
func log(f form.Form, last int64) kv.Key {
	return kv.Key{Part: "move/" + f.Alias + "/seen", Sort: fmt.Sprintf("%019d", last)}
}

func loadSet(ctx context.Context, store kv.Store, f form.Form) (*set, error) {
	s := newSet()
	for after := ""; ; {
		items, err := store.List(ctx, log(f, 0).Part, "", after, 100)
		if err != nil {
			return nil, fmt.Errorf("move: %w", err)
		}
		if len(items) == 0 {
			return s, nil
		}
		for _, item := range items {
			after = item.Key.Sort
			for d := item.Data; len(d) >= 8; d = d[8:] {
				s.add(binary.BigEndian.Uint64(d))
			}
		}
	}
}
