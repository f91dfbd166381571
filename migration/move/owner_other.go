//go:build !linux

package move

// here is nowhere: of whether another process is still there nothing is known.
func here() string { return "" }

func left(string) bool { return false }
