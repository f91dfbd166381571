package drupal

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Name is one address of a page (D-8): a path, and for Drupal's old form of addresses the q of its query.
type Name struct {
	Path string
	Q    string // "": any query
	Done bool   // the form's done page, which goes by its sid and not by the bucket
}

// Names lists every address of a webform's page and of its done page. An empty alias is none.
func Names(node int64, alias string) []Name {
	var all []Name
	add := func(path string, done bool) {
		all = append(all, Name{Path: "/" + path, Done: done}, Name{"/", path, done}, Name{"/index.php", path, done})
	}
	if alias != "" {
		add(alias, false)
	}
	add(fmt.Sprintf("node/%d", node), false)
	add(donePath(node)[1:], true)
	return all
}

// Names lists every address that the adapter answers for.
func (a *Adapter) Names() []Name { return Names(a.form.Node, a.form.Alias) }

func donePath(node int64) string { return fmt.Sprintf("/node/%d/done", node) }

// isDone says whether a request to one of the adapter's names is to the done page.
func (a *Adapter) isDone(r *Request) bool {
	done := donePath(a.form.Node)
	path := unescape(strings.ReplaceAll(r.Path, "+", "%2B")) // it was matched on a decoded copy (W-10)
	return path == done || (path == "/" || path == "/index.php") && parseQuery(r.Query).text("q") == done[1:]
}

// ours is where the services' gifts begin among the numbers of submissions. Drupal counts from 1 and its column ends
// at 2^32, so that the two never meet.
const ours = 1 << 31

// Done says whether a done page is the adapter's, by the sid in its query: below 2^31 it is legacy's.
func (a *Adapter) Done(query string) bool {
	sid, err := strconv.ParseUint(parseQuery(query).text("sid"), 10, 32)
	return err == nil && sid >= ours
}

// sid is the number that a gift shows on its done page: 2^31 and the first 31 bits of its id's hash. It is for show;
// nothing is looked up by it.
func sid(id string) uint32 {
	sum := sha256.Sum256([]byte(id))
	return ours + binary.BigEndian.Uint32(sum[:4])>>1
}

// destination is where Drupal's login block leads back to: the page by its system path, and the query as PHP read it.
// A destination in the query itself goes on, unless it leads to another site.
func (a *Adapter) destination(r *Request) string {
	query := parseQuery(r.Query)
	if to := query.text("destination"); to != "" && !strings.ContainsAny(to, ":\\") && !strings.HasPrefix(to, "//") {
		return readable(to)
	}
	path := fmt.Sprintf("node/%d", a.form.Node)
	if a.isDone(r) {
		path = donePath(a.form.Node)[1:]
	}
	var rest array
	for _, key := range query.keys {
		if key != "q" {
			rest.put(key, query.of[key])
		}
	}
	if pairs := rest.build(""); pairs != "" {
		path += "?" + pairs
	}
	return readable(path)
}

// SessionName is the name of Drupal's session cookie (D-1) for a cookie domain (".www.example.org"), or for what stands
// in its place where none is configured: the Host and the base path.
func SessionName(domain string, secure bool) string {
	sum := sha256.Sum256([]byte(domain))
	name := "SESS" + hex.EncodeToString(sum[:])[:32]
	if secure {
		return "S" + name
	}
	return name
}

// IsSession says whether a cookie's name is that of a Drupal session, of whatever domain. It does not allocate: a group
// whose key is the session asks it of every request.
func IsSession[T ~string | ~[]byte](name T) bool {
	if len(name) > 0 && name[0] == 'S' && len(name) == len("SSESS")+32 {
		name = name[1:]
	}
	if len(name) != len("SESS")+32 || name[0] != 'S' || name[1] != 'E' || name[2] != 'S' || name[3] != 'S' {
		return false
	}
	for i := 4; i < len(name); i++ {
		if c := name[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
