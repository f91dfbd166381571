package gateway

import (
	"bytes"

	"github.com/banyan-migration/banyan/gateway/route"
)

// effects are the paths of Drupal whose GETs change something (D-10): they are never asked twice. A slash at the end means all below.
var effects = []string{"/cron.php", "/cron/", "/user/logout", "/user/reset/", "/sites/default/files/styles/", "/sites/default/files/css/",
	"/sites/default/files/js/", "/batch", "/update.php", "/install.php", "/system/ajax", "/admin/", "/rss.xml"}

var effectWords = []string{"unsubscribe", "approve", "confirm", "delete", "token=", "/done"}

// sideEffects says whether a GET may change something at the old site.
func sideEffects(path, query []byte) bool {
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
	return reading == route.Unsure || reading == route.Found && sideEffects(append([]byte{'/'}, page...), nil)
}
