package cutover

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Export writes the whole journal, one entry a line (JSONL), each as it is stored.
func (p *Plan) Export(ctx context.Context, w io.Writer) error {
	for after := int64(0); ; {
		entries, err := p.History(ctx, after, 500)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			return nil
		}
		if err := WriteLines(w, entries); err != nil {
			return err
		}
		after = entries[len(entries)-1].Sequence
	}
}

// WriteLines writes entries as Export does.
func WriteLines(w io.Writer, entries []Entry) error {
	out := json.NewEncoder(w)
	for _, e := range entries {
		if err := out.Encode(e); err != nil {
			return err
		}
	}
	return nil
}

// maxLine bounds one line of an exported journal.
const maxLine = 4 << 20

// VerifyFile walks an exported journal from its first entry and returns the last one that holds. The error names the first line that
// does not. A file that was cut at its end holds as far as it goes: compare the last hash with the plan's head.
func VerifyFile(r io.Reader) (Entry, error) {
	var last Entry
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	n := 0
	for lines.Scan() {
		n++
		e, err := decode(lines.Bytes())
		if err != nil {
			return last, fmt.Errorf("line %d: journal entry %d %w", n, last.Sequence+1, err)
		}
		if last, err = Follow(last, []Entry{e}); err != nil {
			return last, fmt.Errorf("line %d: %w", n, err)
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return last, fmt.Errorf("line %d: longer than %d bytes: no journal has such a line", n+1, maxLine)
	case err != nil:
		return last, fmt.Errorf("line %d: %w", n+1, err)
	}
	return last, nil
}
