package verify

import (
	"encoding/binary"
	"hash/maphash"

	"github.com/banyan-migration/banyan/shared/form"
)

// duplicates knows which submissions came before, transaction included, in 11 to 22 bytes each. A hash of 64 bits with
// a seed of its own takes a lost row for a duplicate once among ten million in 370,000 runs, and never twice the same.
type duplicates struct {
	canon *canon
	seed  maphash.Seed
	buf   []byte
	slots []uint64 // open addressing; 0 is an empty one
	used  int
}

func newDuplicates(c *canon) *duplicates {
	return &duplicates{canon: c, seed: maphash.MakeSeed(), slots: make([]uint64, 1<<10)}
}

// again says whether the whole submission is that of an earlier row, and remembers it. A row without a transaction
// doubles none: two equal gifts are two gifts.
func (d *duplicates) again(r *form.Record) bool {
	if r.Value("transaction_id") == "" {
		return false
	}
	d.buf = d.buf[:0]
	known := 0
	for _, key := range d.canon.keys {
		if values, has := r.Values[key]; has {
			d.write(key, values)
			known++
		}
	}
	if known < len(r.Values) {
		for _, key := range d.canon.others(r) {
			d.write(key, r.Values[key])
		}
	}
	return !d.add(max(maphash.Bytes(d.seed, d.buf), 1))
}

func (d *duplicates) write(key string, values []string) {
	d.buf = append(binary.AppendUvarint(d.buf, uint64(len(key))), key...)
	d.buf = binary.AppendUvarint(d.buf, uint64(len(values)))
	for _, v := range values {
		d.buf = append(binary.AppendUvarint(d.buf, uint64(len(v))), v...)
	}
}

// add reports whether the hash is new.
func (d *duplicates) add(h uint64) bool {
	if d.used >= len(d.slots)*3/4 {
		old := d.slots
		d.slots, d.used = make([]uint64, 2*len(old)), 0
		for _, h := range old {
			if h != 0 {
				d.add(h)
			}
		}
	}
	for i := h; ; i++ {
		switch slot := &d.slots[i%uint64(len(d.slots))]; *slot {
		case h:
			return false
		case 0:
			*slot = h
			d.used++
			return true
		}
	}
}
