package cloud

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/banyan-migration/banyan/shared/event"
)

// s3 takes what a bucket says of new objects: each is the message images.uploaded. A failure brings the event again, whole; what
// was done of it comes twice, with the same id.
func (h *Host) s3(inv *invocation, e events.S3Event) ([]byte, error) {
	if h.queue == nil || !slices.Contains(event.Receivers(event.Message{Type: event.ImagesUploaded}), h.name) {
		return nil, h.errNotOffered("objects of a bucket")
	}
	for i, r := range e.Records {
		switch {
		case !strings.HasPrefix(strings.TrimPrefix(r.EventName, "s3:"), "ObjectCreated:"):
			return nil, refuse("its record %d says %q of an object: only ObjectCreated is taken", i, r.EventName)
		case r.S3.Object.URLDecodedKey == "" || r.S3.Bucket.Name == "":
			return nil, refuse("its record %d names no bucket or no key", i)
		}
	}
	return nil, h.whole(inv, batch{
		n:    len(e.Records),
		take: func(ctx context.Context, i int) error { return h.receive(ctx, uploaded(e.Records[i])) },
		failed: func(ctx context.Context, i int, err error) {
			h.failed(ctx, err, slog.String("bucket", e.Records[i].S3.Bucket.Name), slog.String("sequencer", e.Records[i].S3.Object.Sequencer))
		},
	})
}

// uploaded is the message that an object was created; its id is the same for the same object, however often it is told.
func uploaded(r events.S3EventRecord) event.Message {
	o := r.S3.Object
	sum := sha256.Sum256([]byte(strings.Join([]string{r.S3.Bucket.Name, o.Key, o.VersionID, o.ETag, o.Sequencer}, "\n")))
	return event.New("s3-"+hex.EncodeToString(sum[:16]), event.ImagesUploaded, r.EventTime, event.For{Service: "images", ID: o.URLDecodedKey},
		event.Uploaded{Key: o.URLDecodedKey, Size: o.Size})
}

// whole runs a batch whose sender can be told of a failure only for all of it.
func (h *Host) whole(inv *invocation, b batch) error {
	if again := h.batch(inv, b); len(again) > 0 {
		return fmt.Errorf("%s: %d of %d messages were not taken: the event is to come again", h.name, len(again), b.n)
	}
	return nil
}
