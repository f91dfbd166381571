// Package event is what the services say to each other: one envelope, one struct a type of message, and the table
// of who receives what. A message rides in the write that causes it (shared/kv); any message may come twice, late,
// or before its elders.
package event

import (
	"encoding/json"
	"time"
)

// Message is the envelope. It names a type and never a queue: Receivers says who gets it.
type Message struct {
	ID    string          `json:"id"` // unique; receivers remember it
	Type  string          `json:"type"`
	At    time.Time       `json:"at"`
	Mark  string          `json:"mark,omitempty"`  // live when empty; "test" or "shadow" (shared/mark)
	Trace string          `json:"trace,omitempty"` // W3C traceparent of the request that caused it
	For   For             `json:"for"`
	Data  json.RawMessage `json:"data"` // the struct of its type; unknown fields are ignored
}

// For names the record that a message is about, by the service that owns it.
type For struct {
	Service string `json:"service"`
	ID      string `json:"id"`
}

// New makes a message of a type with its data. It panics if data cannot be written as JSON: every struct of this
// package can.
func New(id, kind string, at time.Time, about For, data any) Message {
	raw, err := json.Marshal(data)
	if err != nil {
		panic("event: " + kind + ": " + err.Error())
	}
	return Message{ID: id, Type: kind, At: at.UTC(), For: about, Data: raw}
}
