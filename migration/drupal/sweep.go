package drupal

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/banyan-migration/banyan/shared/form"
)

// Sweep is Source.Sweep by reading the rows.
func Sweep(ctx context.Context, s Source, name string, within Span, width int64, yield func(Chunk) error) error {
	var c Chunk
	_, err := s.Records(ctx, name, within, func(r form.Record) error {
		if at := r.SID / width * width; c.Rows == 0 || r.SID >= c.Until+1 {
			if c.Rows > 0 {
				if err := yield(c); err != nil {
					return err
				}
			}
			c = Chunk{Span: Span{After: at - 1, Until: at + width - 1}}
		}
		c.Rows++
		c.Sum += Sum(r)
		return nil
	})
	if err == nil && c.Rows > 0 {
		err = yield(c)
	}
	return err
}

// Sum is 64 bits of a hash over all that a record says: of two records that differ in anything, it differs.
func Sum(r form.Record) uint64 {
	var long [2048]byte // on the stack, as are the keys: a million records are summed up twice and more
	var names [32]string
	b := long[:0]
	for _, n := range []int64{r.NID, r.SID, r.At.UnixNano()} {
		b = binary.AppendVarint(b, n)
	}
	b = strconv.AppendBool(b, r.Draft)
	b = lengthed(b, r.Origin)
	keys := names[:0]
	for key := range r.Values {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		b = binary.AppendVarint(lengthed(b, key), int64(len(r.Values[key])))
		for _, v := range r.Values[key] {
			b = lengthed(b, v)
		}
	}
	sum := sha256.Sum256(b)
	return binary.BigEndian.Uint64(sum[:])
}

// lengthed appends a text so that none can be taken for two.
func lengthed(b []byte, s string) []byte {
	return append(binary.AppendVarint(b, int64(len(s))), s...)
}
