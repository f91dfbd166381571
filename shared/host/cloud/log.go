package cloud

import (
	"log/slog"
)

// newLog writes JSON lines to the world's Out, at LOG_LEVEL (info where it is not set or not known).
func newLog(w World, service string) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(w.Getenv("LOG_LEVEL"))); err != nil {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewJSONHandler(w.Out, &slog.HandlerOptions{Level: level})).With("service", service)
}
