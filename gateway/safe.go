package gateway

import "strings"

// SideEffects says whether a GET of a target, path and query, may change something at the old site: such are never asked for a try (D-10).
func SideEffects(target string) bool {
	path, query, _ := strings.Cut(target, "?")
	return sideEffects([]byte(path), []byte(query))
}
