package mail

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/banyan-migration/banyan/shared/kv"
)

// lossy is a store whose answer to the second commit, a release, is lost after its effect, so that it is made again; between the two
// somebody else acts.
type lossy struct {
	kv.Store
	commits atomic.Int64
	between func()
}

func (l *lossy) Commit(ctx context.Context, w ...kv.Write) error {
	err := l.Store.Commit(ctx, w...)
	if l.commits.Add(1) == 2 {
		l.between()
		err = l.Store.Commit(ctx, w...)
	}
	return err
}

// door lets the second call to SES wait.
type door struct {
	*server
	open, there chan struct{}
	calls       atomic.Int64
}

func (d *door) Do(r *http.Request) (*http.Response, error) {
	if d.calls.Add(1) == 2 {
		close(d.there)
		<-d.open
	}
	return d.server.Do(r)
}

// A release that is made again, since its answer was lost, takes away nobody else's claim: a mail with one key goes out once.
func TestReleaseMadeAgainFreesNoOtherClaim(t *testing.T) {
	t.Parallel()
	ses := &server{faults: []string{"MessageRejected"}}
	d := &door{server: ses, open: make(chan struct{}), there: make(chan struct{})}
	store := &lossy{Store: memory()}
	f := function(d, "http://ses.example", store)
	if err := Send(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	second := make(chan error, 1)
	store.between = func() {
		go func() {
			_, err := f.Env.Mail.Send(t.Context(), "k", []byte("mail"))
			second <- err
		}()
		<-d.there // it has claimed the key, and is on its way to SES
	}
	if _, err := f.Env.Mail.Send(t.Context(), "k", []byte("mail")); err == nil {
		t.Error("what SES refused was sent")
	}
	if id, err := f.Env.Mail.Send(t.Context(), "k", []byte("mail")); err == nil {
		t.Errorf("a third was sent as %s while the second was under way", id)
	}
	close(d.open)
	if err := <-second; err != nil || len(ses.mails) != 1 {
		t.Errorf("%d mails of one key, %v", len(ses.mails), err)
	}
}
