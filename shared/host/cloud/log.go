package cloud

import (
	"context"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
)

// newLog writes JSON lines to the world's Out, at LOG_LEVEL (info where it is not set or not known). Every line within an
// invocation says its request, the release and whether it started cold.
func newLog(w World) *slog.Logger {
	return slog.New(lines{slog.NewJSONHandler(w.Out, &slog.HandlerOptions{Level: levelOf(w.Getenv("LOG_LEVEL"))})})
}

func levelOf(text string) slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(text)); err != nil {
		return slog.LevelInfo
	}
	return level
}

// lines adds to each line what its invocation knows.
type lines struct{ slog.Handler }

func (l lines) Handle(ctx context.Context, r slog.Record) error {
	inv := invocationOf(ctx)
	if inv == nil {
		return l.Handler.Handle(ctx, r)
	}
	r = r.Clone()
	named := false
	r.Attrs(func(a slog.Attr) bool {
		named = a.Key == "request"
		return !named
	})
	if !named {
		r.AddAttrs(slog.String("request", inv.id))
	}
	r.AddAttrs(slog.String("invocation", inv.id))
	if inv.release != "" {
		r.AddAttrs(slog.String("release", inv.release))
	}
	if inv.cold {
		r.AddAttrs(slog.Bool("cold", true))
	}
	return l.Handler.Handle(ctx, r)
}

func (l lines) WithAttrs(attrs []slog.Attr) slog.Handler { return lines{l.Handler.WithAttrs(attrs)} }

func (l lines) WithGroup(name string) slog.Handler { return lines{l.Handler.WithGroup(name)} }

// versionOf is the version of a Layer: what its file VERSION says, or "unknown".
func versionOf(layer fs.FS) string {
	raw, err := fs.ReadFile(layer, "VERSION")
	if version := strings.TrimSpace(string(raw)); err == nil && version != "" {
		return version
	}
	return "unknown"
}

// locked lets logs and metrics share a writer line by line.
type locked struct {
	mu sync.Mutex
	to io.Writer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(p)
}
