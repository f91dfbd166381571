package verify

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
)

// width is how many sids a block of a digest spans.
const width = 100

// leaf is a row's print in a block.
type leaf struct {
	sid int64
	sum sum
}

// digest makes one of a side's rows. Blocks are closed as soon as their rows are settled, so that ten million rows take
// three megabytes; those with a row that is to be looked at again stay open.
type digest struct {
	closed []block
	open   map[int64][]leaf
	now    []leaf // of the block that the stream is in
	number int64
	hold   bool // the block has a row that is not settled
}

type block struct {
	number int64
	sum    sum
}

func newDigest() *digest { return &digest{open: map[int64][]leaf{}, number: -1} }

// to goes on to the block of a sid. Sids only grow.
func (d *digest) to(sid int64) {
	if number := sid / width; number != d.number {
		d.end()
		d.number = number
	}
}

// add takes the print of the stream's next row.
func (d *digest) add(sid int64, s sum) {
	d.to(sid)
	d.now = append(d.now, leaf{sid, s})
}

// keep says that the stream's next row is not settled yet: its block stays open.
func (d *digest) keep(sid int64) {
	d.to(sid)
	d.hold = true
}

func (d *digest) end() {
	if d.hold {
		d.open[d.number] = slices.Clone(d.now)
	} else if len(d.now) > 0 {
		d.closed = append(d.closed, d.close(d.number, d.now))
	}
	d.now, d.hold = d.now[:0], false
}

// put takes the print of a row whose block was kept open.
func (d *digest) put(sid int64, s sum) {
	if number := sid / width; number != d.number {
		d.open[number] = append(d.open[number], leaf{sid, s})
		return
	}
	d.now = append(d.now, leaf{sid, s})
}

func (d *digest) close(number int64, rows []leaf) block {
	slices.SortStableFunc(rows, func(a, b leaf) int { return cmp.Compare(a.sid, b.sid) })
	text := make([]byte, 0, len(rows)*sha256.Size)
	for _, r := range rows {
		text = append(text, r.sum[:]...)
	}
	return block{number, sha256.Sum256(text)}
}

// hex is the digest over all blocks; after it nothing can be added.
func (d *digest) hex() string {
	d.end()
	for number, rows := range d.open {
		if len(rows) > 0 {
			d.closed = append(d.closed, d.close(number, rows))
		}
	}
	clear(d.open)
	slices.SortFunc(d.closed, func(a, b block) int { return cmp.Compare(a.number, b.number) })
	all := sha256.New()
	var number [8]byte
	for _, b := range d.closed {
		binary.BigEndian.PutUint64(number[:], uint64(b.number))
		all.Write(number[:])
		all.Write(b.sum[:])
	}
	return hex.EncodeToString(all.Sum(nil))
}
