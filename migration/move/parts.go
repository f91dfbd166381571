package move

import (
	"github.com/banyan-migration/banyan/services/all"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/kv"
)

// Parts are those of a form's services that exist, the one that decides first, each with its store.
func Parts(f form.Form, store func(service string) kv.Store) (parts []Part) {
	for _, name := range append([]string{f.Service}, f.Parts...) {
		if e, ok := all.Named(name); ok && e.Import != nil {
			parts = append(parts, Part{Service: name, Store: store(name), Import: e.Import, Records: e.Records})
		}
	}
	return parts
}
