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

// harmless knows nearly every request that changes nothing by a look at its bytes. Where it is false, nothing is said.
func harmless(path, query []byte) bool {
	for i, c := range path {
		switch c {
		case '%', ';', '\\':
			return false
		case '/':
			if next := path[i+1:]; len(next) > 0 && (next[0] == '/' || next[0] == '.') {
				return false
			}
		}
		if wordAt(path[i:]) {
			return false
		}
	}
	for _, e := range effects {
		if foldPrefix(path, e[:len(e)-1]) {
			return false
		}
	}
	if len(query) > 1000 {
		return false // PHP does not read all of it (W-13)
	}
	for i, c := range query {
		begins := i == 0 || query[i-1] == '&'
		if c <= ' ' || begins && (c|0x20 == 'q' || c == '%' || c == '+') || wordAt(query[i:]) {
			return false
		}
	}
	return true
}

// wordAt says whether one of effectWords stands here.
func wordAt(text []byte) bool {
	switch text[0] | 0x20 {
	case 'u', 'a', 'c', 'd', 't', '/':
		for _, w := range effectWords {
			if foldPrefix(text, w) {
				return true
			}
		}
	}
	return false
}

func foldPrefix(text []byte, word string) bool {
	return len(text) >= len(word) && wire.Fold(text[:len(word)], word)
}
