package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/banyan-migration/banyan/shared/event"
	"github.com/banyan-migration/banyan/shared/mark"
)

// messageOf reads an envelope, raw or as the Message of an SNS notification.
func messageOf(body string) (event.Message, error) {
	var notification struct{ TopicArn, Message string }
	if err := json.Unmarshal([]byte(body), &notification); err != nil {
		return event.Message{}, refuse("the message is no JSON object: %v", err)
	}
	if notification.TopicArn != "" {
		body = notification.Message
	}
	var m event.Message
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return m, refuse("the message is not in our envelope: %v", err)
	}
	var absent error
	for name, is := range map[string]bool{"id": m.ID != "", "type": m.Type != "", "at": !m.At.IsZero(), "data": len(m.Data) > 0} {
		if !is {
			absent = errors.Join(absent, fmt.Errorf("%s is missing", name))
		}
	}
	if absent != nil {
		return m, refuse("the message is not in our envelope: %v", absent)
	}
	if m.Mark != "" && m.Mark != mark.Test && m.Mark != mark.Shadow {
		return m, refuse("the message %s has a mark that does not exist", m.ID)
	}
	return m, nil
}

// receive hands the service one message; one that is not for it is passed over, since a subscription's filter knows types and
// not whom a message is for. A panic is that message's failure alone.
func (h *Host) receive(ctx context.Context, m event.Message) (err error) {
	if !slices.Contains(event.Receivers(m), h.name) {
		h.log.DebugContext(ctx, "message passed over: it is for somebody else", "message", m.ID, "type", m.Type, "for", m.For.Service)
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = h.panicked(ctx, p)
		}
	}()
	return h.queue(ctx, m)
}

// failed logs a message that was not taken.
func (h *Host) failed(ctx context.Context, err error, about ...slog.Attr) {
	h.log.LogAttrs(ctx, slog.LevelError, "message not taken", append(about, slog.String("error", err.Error()))...)
}
