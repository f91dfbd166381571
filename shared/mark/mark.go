// Package mark signs and checks two headers of ours: X-Banyan-Mark, which says that a request is not live, and
// X-Banyan-Client, by which the gateway tells the services who the visitor is. A wrong signature is never treated as
// live: the request is refused.
package mark

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The headers, in the form that net/http gives them.
const (
	Header       = "X-Banyan-Mark"
	ClientHeader = "X-Banyan-Client"
)

// The kinds of mark. A request without a mark is live.
const (
	Shadow = "shadow" // set by the gateway alone: the same handler, nothing kept
	Test   = "test"   // set by the load test and the deployment hooks: all the way, to the providers' test addresses
)

// Age is how old, or how far in the future, a signed header may be: clocks differ, and a recorded header must not
// serve an attacker for long.
const Age = 5 * time.Minute

// ErrWrong says that a header is malformed, too old, or not signed by a key of ours.
var ErrWrong = errors.New("mark: the signature does not hold")

// Keys are the secrets by their id. All of them check; a caller names the one it signs with. The zero Keys checks
// nothing as good.
type Keys map[string]string

// Sole is the id of a secret that is given, or made, without one.
const Sole = "k1"

// least is how many bytes a secret has at least. An id has fewer, so that no part of a secret that holds a colon is taken for one: ids
// stand in clear in what is signed.
const least = 16

// ParseKeys reads BANYAN_KEY: one secret, which gets the id Sole, or id:secret pairs with commas between them. The empty
// text is no keys. A secret has at least 16 bytes, an id at most 15 letters, digits, - and _. Space around the whole is
// dropped: files leave a newline at their end. An error names a key by its place and says nothing of its text.
func ParseKeys(s string) (Keys, error) {
	keys := Keys{}
	pairs := strings.FieldsFunc(strings.TrimSpace(s), func(r rune) bool { return r == ',' })
	if len(pairs) == 0 && s != "" {
		return nil, errors.New("mark: there is no key: want id:secret, commas between keys")
	}
	for i, pair := range pairs {
		id, secret, named := strings.Cut(pair, ":")
		if !named {
			id, secret = Sole, pair
		}
		if !isID(id) || len(secret) < least || keys[id] != "" {
			return nil, fmt.Errorf("mark: key %d of %d: want id:secret, an id of at most %d letters, digits, - and _, each once, and a secret of at least %d bytes without a comma; commas between keys",
				i+1, len(pairs), least-1, least)
		}
		keys[id] = secret
	}
	return keys, nil
}

func isID(s string) bool {
	other := func(r rune) bool {
		return ('a' > r|0x20 || r|0x20 > 'z') && ('0' > r || r > '9') && r != '-' && r != '_'
	}
	return s != "" && len(s) < least && !strings.ContainsFunc(s, other)
}

// First is the id that signs where the caller has no wish: the first in order, "" without keys.
func (k Keys) First() string {
	ids := make([]string, 0, len(k))
	for id := range k {
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return ""
	}
	return slices.Min(ids)
}

// Sign is the value of Header for a request: kind;time;key id;HMAC. path is the request's target as sent, with its
// query; it is signed decoded, so that the mark holds however an API between spells it. It is "" for a key id that is not there.
func (k Keys) Sign(id, kind string, at time.Time, method, path string, body []byte) string {
	head := kind + ";" + strconv.FormatInt(at.Unix(), 10) + ";" + id
	return k.seal(id, head, "mark", head, method, string(appendTarget(nil, path)), hash(body))
}

// Check is the kind of a mark, or ErrWrong.
func (k Keys) Check(value, method, path string, body []byte, now time.Time) (kind string, err error) {
	part := strings.Split(value, ";")
	if len(part) != 4 || part[0] != Shadow && part[0] != Test {
		return "", fmt.Errorf("%w: %s is kind;time;key id;HMAC with a kind of shadow or test", ErrWrong, Header)
	}
	head := strings.Join(part[:3], ";")
	return part[0], k.check(value, part[1], part[2], now, k.seal(part[2], head, "mark", head, method, string(appendTarget(nil, path)), hash(body)))
}

// Client is the visitor as the gateway saw it.
type Client struct {
	Address string // an IP address, without port
	Request string // the request's id
}

// SignClient is the value of ClientHeader: address;request id;time;key id;HMAC.
func (k Keys) SignClient(id string, c Client, at time.Time) string {
	head := c.Address + ";" + c.Request + ";" + strconv.FormatInt(at.Unix(), 10) + ";" + id
	return k.seal(id, head, "client", head)
}

// CheckClient is the visitor that the gateway named, or ErrWrong.
func (k Keys) CheckClient(value string, now time.Time) (Client, error) {
	part := strings.Split(value, ";")
	if len(part) != 5 {
		return Client{}, fmt.Errorf("%w: %s is address;request id;time;key id;HMAC", ErrWrong, ClientHeader)
	}
	head := strings.Join(part[:4], ";")
	if err := k.check(value, part[2], part[3], now, k.seal(part[3], head, "client", head)); err != nil {
		return Client{}, err
	}
	return Client{part[0], part[1]}, nil
}

// seal signs fields, each with its length before it so that no two lists look alike.
func (k Keys) seal(id, head string, fields ...string) string {
	secret := k[id]
	if secret == "" {
		return ""
	}
	mac := hmac.New(sha256.New, []byte(secret))
	var room [512]byte
	b := room[:0]
	for _, f := range fields {
		b = field(b, f)
	}
	mac.Write(b)
	return head + ";" + hex.EncodeToString(mac.Sum(nil))
}

func (k Keys) check(value, at, id string, now time.Time, sealed string) error {
	seconds, err := strconv.ParseInt(at, 10, 64)
	switch {
	case sealed == "":
		return fmt.Errorf("%w: no key has the id %q", ErrWrong, id)
	case !hmac.Equal([]byte(sealed), []byte(value)):
		return ErrWrong
	case err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > Age:
		return fmt.Errorf("%w: it was signed more than %v from now, at %s", ErrWrong, Age, at)
	}
	return nil
}

// nothing is the hash of an empty body, which nearly every GET has.
var nothing = fmt.Sprintf("%x", sha256.Sum256(nil))

func hash(body []byte) string {
	if len(body) == 0 {
		return nothing
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
