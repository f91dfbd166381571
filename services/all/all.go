// Package all lists every service: how it starts, and what it makes of the old site's rows. Whatever runs services,
// moves data into them or compares it looks here.
package all

import (
	"context"
	"io"

	"github.com/banyan-migration/banyan/services/donate"
	"github.com/banyan-migration/banyan/services/payments"
	"github.com/banyan-migration/banyan/services/postcode"
	"github.com/banyan-migration/banyan/shared/form"
	"github.com/banyan-migration/banyan/shared/host"
	"github.com/banyan-migration/banyan/shared/kv"
)

// Entry is one service. A nil field is not offered.
type Entry struct {
	Name string
	New  host.New
	// Import is the writes that an old form's row becomes; a fault's field is why it becomes none.
	Import func(form.Record) ([]kv.Write, error)
	// Records gives back what Import took, and what the service has taken itself, as rows of the old form.
	Records func(ctx context.Context, store kv.Store, after string, limit int) ([]form.Record, string, error)
	// Reconcile writes a JSON line {ref, id, amount} for all that the service has taken.
	Reconcile func(ctx context.Context, store kv.Store, w io.Writer) error
}

// Services are all of them, by name.
var Services = []Entry{
	{Name: "donate", New: donate.New, Import: donate.Import, Records: donate.Records, Reconcile: donate.Reconcile},
	{Name: "payments", New: payments.New},
	{Name: "postcode", New: postcode.New},
}

// Named is the service of that name.
func Named(name string) (Entry, bool) {
	for _, e := range Services {
		if e.Name == name {
			return e, true
		}
	}
	return Entry{}, false
}

// News are the services as shared/host/local starts them.
func News() map[string]host.New {
	news := make(map[string]host.New, len(Services))
	for _, e := range Services {
		news[e.Name] = e.New
	}
	return news
}
