package kv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/banyan-migration/banyan/shared/event"
)

// Table is typed JSON over a Store: the records of one kind, by id. Its Put returns a Write, so that a record and what
// belongs to it go into one Commit. A Table is a value; safe for concurrent use as its Store is.
type Table[T any] struct {
	Store Store
	Name  string
	// Parts is over how many parts the records are spread by a hash of their id, so that no one part of a distributed
	// store takes every write; 0 or 1 keeps them in one, listed in the order of their ids. It must never change once
	// there is data.
	Parts int
}

// Key is where the record of an id lies.
func (t Table[T]) Key(id string) Key {
	if t.Parts < 2 {
		return Key{t.Name, id}
	}
	h := fnv.New32a()
	h.Write([]byte(id))
	return Key{t.part(int(h.Sum32() % uint32(t.Parts))), id}
}

func (t Table[T]) part(n int) string {
	if t.Parts < 2 {
		return t.Name
	}
	return t.Name + "/" + strconv.Itoa(n)
}

// Get reads a record and its revision, or ErrNotFound.
func (t Table[T]) Get(ctx context.Context, id string) (T, Condition, error) {
	var v T
	item, err := t.Store.Get(ctx, t.Key(id))
	if err != nil {
		return v, 0, err
	}
	if err := decode(item.Data, &v); err != nil {
		return v, 0, fmt.Errorf("kv: %s %s is not what was stored: %w", t.Name, id, err)
	}
	return v, Condition(item.Rev), nil
}

// Put is the write of a record, on a condition, with the messages that it causes. It panics if the record cannot be
// written as JSON, which is a mistake in its type.
func (t Table[T]) Put(id string, v T, on Condition, messages ...event.Message) Write {
	raw, err := encode(v)
	if err != nil {
		panic("kv: " + t.Name + ": " + err.Error())
	}
	return Write{Key: t.Key(id), Data: raw, If: on, Messages: messages}
}

// encode writes a record. One that writes itself does so alone: encoding/json would read it over.
func encode(v any) ([]byte, error) {
	if own, ok := v.(json.Marshaler); ok {
		return own.MarshalJSON()
	}
	return json.Marshal(v)
}

// decode reads a record. One that reads itself does so alone: encoding/json would read it twice before.
func decode(raw []byte, v any) error {
	if own, ok := v.(json.Unmarshaler); ok {
		return own.UnmarshalJSON(raw)
	}
	return json.Unmarshal(raw, v)
}

// Row is a listed record.
type Row[T any] struct {
	ID    string
	Rev   Condition
	Value T
}

// List reads up to limit records, part by part and in the order of ids within each. after is "" at first and then the
// next that it returned, which is "" at the end. A page may be shorter than limit before the end.
func (t Table[T]) List(ctx context.Context, after string, limit int) (rows []Row[T], next string, err error) {
	part, id, err := t.cursor(after)
	if err != nil {
		return nil, "", err
	}
	parts := max(t.Parts, 1)
	for ; part < parts && len(rows) < limit; part, id = part+1, "" {
		want := limit - len(rows)
		items, err := t.Store.List(ctx, t.part(part), "", id, want)
		if err != nil {
			return nil, "", err
		}
		for _, item := range items {
			row := Row[T]{ID: item.Key.Sort, Rev: Condition(item.Rev)}
			if err := decode(item.Data, &row.Value); err != nil {
				return nil, "", fmt.Errorf("kv: %s %s is not what was stored: %w", t.Name, row.ID, err)
			}
			rows = append(rows, row)
		}
		if len(items) == want {
			return rows, strconv.Itoa(part) + "/" + items[want-1].Key.Sort, nil
		}
	}
	return rows, "", nil
}

func (t Table[T]) cursor(after string) (part int, id string, err error) {
	if after == "" {
		return 0, "", nil
	}
	number, id, ok := strings.Cut(after, "/")
	part, err = strconv.Atoi(number)
	if !ok || err != nil || part < 0 || part >= max(t.Parts, 1) {
		return 0, "", fmt.Errorf("kv: %q is no place in %s: pass what List returned", after, t.Name)
	}
	return part, id, nil
}

// Revise reads a record, changes it and commits it on the condition that nobody else has meanwhile, again and again
// until that holds or ctx ends. change may be called several times and must not act on the world; changed false leaves
// the record alone.
func (t Table[T]) Revise(ctx context.Context, id string, change func(*T) (changed bool, err error)) (T, error) {
	for {
		v, rev, err := t.Get(ctx, id)
		if err != nil {
			return v, err
		}
		changed, err := change(&v)
		if err != nil || !changed {
			return v, err
		}
		err = t.Store.Commit(ctx, t.Put(id, v, rev))
		if !errors.Is(err, ErrConflict) {
			return v, err
		}
	}
}
