package drupal

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"

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
	h := sha256.New()
	fmt.Fprintf(h, "%d %d %d %t %s", r.NID, r.SID, r.At.UnixNano(), r.Draft, r.Origin)
	for _, key := range slices.Sorted(maps.Keys(r.Values)) {
		fmt.Fprintf(h, "\n%d %s %d", len(key), key, len(r.Values[key]))
		for _, v := range r.Values[key] {
			fmt.Fprintf(h, " %d ", len(v))
			io.WriteString(h, v)
		}
	}
	return binary.BigEndian.Uint64(h.Sum(nil))
}
