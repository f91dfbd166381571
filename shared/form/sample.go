package form

import (
	"embed"
	"io/fs"
	"path"
)

//go:embed sample
var sample embed.FS

// Sample is the sample site's frozen pages of a webform, as `banyan cutover freeze-forms` writes them; an empty
// file system for a webform that has none.
func Sample(node int64) fs.FS {
	f, _ := ByNode(node)
	pages, err := fs.Sub(sample, path.Join("sample", f.Alias))
	if err != nil {
		panic(err) // only an alias of ours that is no path
	}
	return pages
}
