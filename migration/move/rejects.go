package move

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/form"
)

// Reject is a line of the rejects file: a row that was not moved, or, with Service set, a part of a moved row that its
// service refused. It holds people's data.
type Reject struct {
	Form    string              `json:"form"`
	SID     int64               `json:"sid"`
	Service string              `json:"service,omitempty"`
	Reason  string              `json:"reason"` // draft, duplicate, or the component that is wrong
	Message string              `json:"message"`
	Values  map[string][]string `json:"values"`
}

func reject(r form.Record, reason, message string) Reject {
	return Reject{Form: r.Form, SID: r.SID, Reason: reason, Message: message, Values: r.Values}
}

// refusal takes the reason from the first fault of what Import returned.
func refusal(r form.Record, err error) Reject {
	var f *fault.Error
	if errors.As(err, &f) && f.Field != "" {
		return reject(r, f.Field, f.Text)
	}
	return reject(r, "import", err.Error())
}

// writeRejects appends the lines.
func writeRejects(to io.Writer, rejects []Reject) error {
	if to == nil || len(rejects) == 0 {
		return nil
	}
	b := bufio.NewWriter(to)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	for _, r := range rejects {
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	return b.Flush()
}
