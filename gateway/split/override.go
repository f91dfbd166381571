package split

import (
	"bytes"
	"strconv"
	"time"
)

// OverrideHeader asks for a side, for its holder alone; it reaches a side at weight 0 too (S-4, S-6). It is read
// once and never sent to a backend.
const OverrideHeader = "X-Banyan-Side"

const overridePurpose = "banyan side"

// Override is a tester's signed wish.
type Override struct {
	Side    Side
	Group   string
	Expires time.Time // to the second
}

// SignOverride is the header's value, SIDE.GROUP.EXPIRY.KEY.MAC, with the expiry in Unix seconds. The value is all
// that its holder needs: give it an end.
func (r *Keyring) SignOverride(o Override) string {
	k := &r.keys[0]
	text := o.Side.String() + "." + o.Group + "." + strconv.FormatInt(o.Expires.Unix(), 10) + "." + k.id
	return string(k.sign([]byte(text+"."), overridePurpose, []byte(text)))
}

// Override reads a header's value. Whatever is unsigned, expired at now, for another group or not of this form
// changes nothing (L-9): ok is false, and the engine counts it. It does not allocate.
func (r *Keyring) Override(value []byte, group string, now time.Time) (Side, bool) {
	text, mac, ok := cutLast(value)
	if !ok || len(value) > 256 {
		return Legacy, false
	}
	rest, key, ok := cutLast(text)
	k := r.find(key)
	if !ok || k == nil || !k.verify(overridePurpose, text, mac) {
		return Legacy, false
	}
	side, rest, _ := bytes.Cut(rest, []byte{'.'})
	forGroup, expiry, _ := bytes.Cut(rest, []byte{'.'})
	if string(forGroup) != group || now.Unix() >= seconds(expiry) {
		return Legacy, false
	}
	switch string(side) {
	case "new":
		return New, true
	case "legacy":
		return Legacy, true
	}
	return Legacy, false
}

// seconds reads a decimal without allocating; what is no number is long past.
func seconds(b []byte) int64 {
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' || n > 1<<53 {
			return 0
		}
		n = n*10 + int64(c-'0')
	}
	return n
}
