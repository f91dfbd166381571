package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// WriteDifferences writes every difference that was kept as a line of JSON, values and all: people's data, for a file
// that its owner alone may read.
func WriteDifferences(w io.Writer, r Result) error {
	out := json.NewEncoder(w)
	for _, d := range r.Differences {
		line := struct {
			Form string `json:"form"`
			Difference
		}{r.Form, d}
		if err := out.Encode(line); err != nil {
			return fmt.Errorf("verify: differences of %s: %w", r.Form, err)
		}
	}
	return nil
}

// SaveDifferences writes the differences of some results into one file of mode 0600, in place of the one before. Delete
// it once they are mended.
func SaveDifferences(file string, results []Result) error {
	return keepFile(file, func(w io.Writer) error {
		for _, r := range results {
			if err := WriteDifferences(w, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// keepFile writes a file of mode 0600, whole or not at all.
func keepFile(file string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*") // mode 0600
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	if err = errors.Join(write(f), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("verify: %s cannot be written: %w; the comparison itself stands, run it again for its file", filepath.Base(file), err)
	}
	return nil
}
