package drupal

import "strings"

// Shown is the name of a source without the password in it, for a page or a log.
func Shown(source string) string {
	if !strings.HasPrefix(source, "mysql://") {
		return source
	}
	at, err := parseMySQL(source)
	if err != nil { // it may hold a password
		return "mysql://…"
	}
	return at.String()
}
