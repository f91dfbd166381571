// Package mail gives a function a mailer over SES v2, which sends a mail once a key.
//
// SES has no key of its own: whoever asks it twice has sent two mails. So before a mail goes, its key is claimed in the
// service's store on the condition that nobody has, and afterwards what SES answered is kept with it. A mail is never sent
// twice. What that costs is named: where a crash or a lost answer comes between claim and answer, nobody knows whether SES
// has it, and it is not sent again; each further Send of that key is an error, with which its message comes back, and in the
// end lies among the dead letters for a person to decide. So none is lost in silence either. What SES has refused, or was
// never reached with, is given free again.
package mail

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/host/cloud"
	"github.com/banyan-migration/banyan/shared/kv"
)

// remembered is how long a key is known: longer than a message can come again from a queue, its dead letters and a person
// who gives them back (14 days each).
const remembered = 60 * 24 * time.Hour

// largest is what SES v2 takes of a raw message, in bytes.
const largest = 40 << 20

// Send is a cloud.Part, and stands after the one that sets Env.Store: it sets Env.Mail. The role needs ses:SendRawEmail for
// the identities that mails are from.
func Send(_ context.Context, f *cloud.Function) error {
	if f.Env.Store == nil {
		return errors.New("mail: there is no store, which remembers what was sent: name table.Store before mail.Send in the main")
	}
	f.Env.Mail = &mailer{
		client: sesv2.NewFromConfig(f.AWS, func(o *sesv2.Options) {
			o.Retryer = aws.NopRetryer{} // only what was certainly not sent is sent again: deliver knows
			o.HTTPClient = witness{o.HTTPClient}
		}),
		claims: kv.Table[claim]{Store: f.Env.Store, Name: "host.mail", Parts: 16},
		now:    f.Env.Now, newID: f.Env.NewID,
	}
	return nil
}

// claim is what is kept of a key.
type claim struct {
	By   string    `json:"by"` // who claimed it: one Send
	At   time.Time `json:"at"`
	Sent string    `json:"sent,omitempty"` // SES's id of the mail; empty: nobody knows yet, or ever will
	// Free says that SES has certainly not taken it. The item stays: were it deleted, a release whose answer was lost and that
	// is made again would take away the claim of whoever came next, since revisions would begin at 1 again.
	Free bool `json:"free,omitempty"`
}

// mailer sends mails. Safe for concurrent use.
type mailer struct {
	client *sesv2.Client
	claims kv.Table[claim]
	now    func() time.Time
	newID  func() string
}

// Send sends a raw message to those in its headers, once a key, and answers SES's id of it; asked again, the same id.
func (m *mailer) Send(ctx context.Context, key string, message []byte) (id string, err error) {
	if key == "" {
		return "", errors.New("mail: a mail without a key cannot be sent once: name it")
	}
	if len(message) > largest {
		return "", &fault.Error{Kind: fault.TooLarge, Text: "This is more than fits into a mail", Err: fmt.Errorf("mail: %s: %d bytes, and SES takes %d: nothing was sent", key, len(message), largest)}
	}
	mine := claim{By: m.newID(), At: m.now().UTC()}
	if err := m.claims.Store.Commit(ctx, m.put(key, mine, kv.Absent)); errors.Is(err, kv.ErrConflict) {
		return m.claimed(ctx, key, mine, message)
	} else if err != nil {
		return "", fmt.Errorf("mail: %s: not claimed, so not sent: %w", key, err)
	}
	return m.deliver(ctx, key, mine, 1, message)
}

func (m *mailer) put(key string, c claim, on kv.Condition) kv.Write {
	w := m.claims.Put(key, c, on)
	w.Expires = m.now().Add(remembered)
	return w
}

// claimed is what became of a key that somebody has claimed before.
func (m *mailer) claimed(ctx context.Context, key string, mine claim, message []byte) (string, error) {
	c, rev, err := m.claims.Get(ctx, key)
	switch {
	case err != nil: // expired just now, or not to be read
		return "", fmt.Errorf("mail: %s: claimed, and not known by whom: %w", key, err)
	case c.Sent != "":
		return c.Sent, nil
	case c.By == mine.By && !c.Free: // a commit whose answer was lost, and made again
		return m.deliver(ctx, key, mine, rev, message)
	case c.Free:
		if err := m.claims.Store.Commit(ctx, m.put(key, mine, rev)); err != nil {
			return "", &fault.Error{Kind: fault.Unavailable, Text: notNow, Err: fmt.Errorf("mail: %s: another claims it at this moment, so not sent: %w", key, err)}
		}
		return m.deliver(ctx, key, mine, rev+1, message)
	}
	return "", unknown(key, fmt.Errorf("claimed %s by %s", c.At.Format(time.RFC3339), c.By))
}

const notNow = "We cannot send mail just now. Please try again in a moment"

// unknown is the error for a mail of which nobody knows whether SES has it.
func unknown(key string, cause error) error {
	return &fault.Error{Kind: fault.Unavailable, Text: notNow,
		Err: fmt.Errorf("mail: %s: it is under way, or SES may have it and its answer was lost: it is not sent again. If this stays so, look for it in SES; delete its item in host.mail to have it sent, or let its message go: %w", key, cause)}
}
