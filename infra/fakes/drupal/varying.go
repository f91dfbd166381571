package drupal

import "regexp"

// Varying is a kind of value that no two runs share.
type Varying struct {
	Name    string
	Pattern *regexp.Regexp // its first group is the value
}

// Values are all values that differ between the recording and a run with the recording's clock: random, or made of
// something random. Everything else is the same byte for byte.
var Values = []Varying{
	{"form_build_id", regexp.MustCompile(`value=(?:"|&quot;)(form-[A-Za-z0-9_-]{43})(?:"|&quot;)`)},
	{"theme_token", regexp.MustCompile(`"theme_token":"([A-Za-z0-9_-]{43})"`)},
	{"form_token", regexp.MustCompile(`name="form_token" value="([A-Za-z0-9_-]{43})"`)},
	{"token of a link", regexp.MustCompile(`[?;&]token=([A-Za-z0-9_-]{43})`)},
	{"session", regexp.MustCompile(`^S?SESS[0-9a-f]{32}=([A-Za-z0-9_-]{43});`)},
}
