package gateway

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"

	"github.com/banyan-migration/banyan/gateway/split"
)

// maxHops is how many gateways a request may have passed (W-33).
const maxHops = 3

// hops signs and reads X-Banyan-Hop: "<gateway id>;<n>;<hmac>".
type hops struct {
	id    string
	keys  [][]byte
	lines [maxHops + 2]string // the header line for each n, made once
}

func newHops(id string, secrets []split.Secret) hops {
	h := hops{id: id}
	for _, s := range secrets {
		h.keys = append(h.keys, []byte(s.Value))
	}
	if len(h.keys) == 0 { // a key of its own still finds its own loops
		h.keys = [][]byte{make([]byte, 32)}
		rand.Read(h.keys[0])
	}
	for n := 1; n < len(h.lines); n++ {
		text := id + ";" + strconv.Itoa(n)
		h.lines[n] = "X-Banyan-Hop: " + text + ";" + h.mac(h.keys[0], text) + "\r\n"
	}
	return h
}

func (h *hops) mac(key []byte, text string) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte("banyan hop\x00" + text))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:16])
}

// read says how many gateways a request has passed by its header's value, and whether it has come round to this one.
// What is not signed says nothing.
func (h *hops) read(value []byte) (n int, loop bool) {
	i := bytes.LastIndexByte(value, ';')
	if i < 0 {
		return 0, false
	}
	text, sum := string(value[:i]), value[i+1:]
	valid := false
	for _, k := range h.keys {
		valid = valid || hmac.Equal(sum, []byte(h.mac(k, text)))
	}
	id, number, ok := bytes.Cut(value[:i], []byte{';'})
	n, err := strconv.Atoi(string(number))
	if !valid || !ok || err != nil || n < 1 {
		return 0, false
	}
	return n, string(id) == h.id || n > maxHops
}
