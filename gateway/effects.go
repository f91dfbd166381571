package gateway

import (
	"bytes"

	"github.com/banyan-migration/banyan/gateway/route"
	"github.com/banyan-migration/banyan/gateway/wire"
)

// effects are the paths of Drupal whose GETs change something (D-10): they are never asked twice. A slash at the end means all below.
var effects = []string{"/cron.php", "/cron/", "/user/logout", "/user/reset/", "/sites/default/files/styles/", "/sites/default/files/css/",
	"/sites/default/files/js/", "/batch", "/update.php", "/install.php", "/system/ajax", "/admin/", "/rss.xml"}

var effectWords = []string{"unsubscribe", "approve", "confirm", "delete", "token=", "/done"}

// sideEffects says whether a GET may change something at the old site. Ordinary paths do not allocate.
func sideEffects(path, query []byte) bool {
	return !harmless(path, query) && resolvedEffects(path, query)
}

func resolvedEffects(path, query []byte) bool {
	resolved := bytes.ToLower(route.Resolve(path))
	for _, e := range effects {
		if string(resolved) == e || bytes.HasPrefix(resolved, []byte(e)) && (e[len(e)-1] == '/' || resolved[len(e)] == '/') {
			return true
		}
	}
	query = bytes.ToLower(query)
	for _, w := range effectWords {
		if bytes.Contains(resolved, []byte(w)) || bytes.Contains(query, []byte(w)) {
			return true
		}
	}
	page, reading := route.PHP(query, "q") // Drupal's old form of addresses
	return reading == route.Unsure || reading == route.Found && resolvedEffects(append([]byte{'/'}, page...), nil)
}

// effectsBy and wordsBy hold them by a letter: an effect's first after the slash, a word's first.
var effectsBy, wordsBy = func() (effectsBy, wordsBy [256][]string) {
	for _, e := range effects {
		effectsBy[e[1]] = append(effectsBy[e[1]], e[:len(e)-1])
	}
	for _, w := range effectWords {
		wordsBy[w[0]] = append(wordsBy[w[0]], w)
	}
	return effectsBy, wordsBy
}()

// harmless knows nearly every request that changes nothing by a look at its bytes. Where it is false, nothing is said.
func harmless(path, query []byte) bool {
	if len(path) > 1 && beginsAny(path, effectsBy[path[1]|0x20]) || len(query) > 1000 { // PHP does not read all of a long query (W-13)
		return false
	}
	for i, c := range path {
		switch c {
		case '%', ';', '\\':
			return false
		case '/':
			if next := path[i+1:]; len(next) > 0 && (next[0] == '/' || next[0] == '.') {
				return false
			}
		}
		if words := wordsBy[c|0x20]; words != nil && beginsAny(path[i:], words) {
			return false
		}
	}
	for i, c := range query {
		begins := i == 0 || query[i-1] == '&'
		if c <= ' ' || begins && (c|0x20 == 'q' || c == '%' || c == '+') {
			return false
		}
		if words := wordsBy[c|0x20]; words != nil && beginsAny(query[i:], words) {
			return false
		}
	}
	return true
}

// beginsAny says whether text begins with one of some words of lower case, in any case of its own.
func beginsAny(text []byte, words []string) bool {
	for _, w := range words {
		if len(text) >= len(w) && wire.Fold(text[:len(w)], w) {
			return true
		}
	}
	return false
}
