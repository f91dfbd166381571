package postcode

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// read hands every line of a file to take, its fields by the name of their column. A byte order mark is forgiven.
func read(files fs.FS, name string, take func(field func(string) string) error) error {
	raw, err := fs.ReadFile(files, name)
	if err != nil {
		return fmt.Errorf("the Layer's %s: %w", name, err)
	}
	lines := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(raw, []byte("\ufeff"))))
	head, err := lines.Read()
	if err != nil {
		return fmt.Errorf("the Layer's %s has no line with the names of its columns: %w", name, err)
	}
	column := map[string]int{}
	for i, h := range head {
		column[h] = i
	}
	for {
		values, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the Layer's %s: %w", name, err)
		}
		var unknown string
		err = take(func(field string) string {
			i, ok := column[field]
			if !ok {
				unknown = field
				return ""
			}
			return values[i]
		})
		line, _ := lines.FieldPos(0)
		switch {
		case unknown != "":
			return fmt.Errorf("the Layer's %s has no column %q", name, unknown)
		case err != nil:
			return fmt.Errorf("the Layer's %s, line %d: %w", name, line, err)
		}
	}
}
