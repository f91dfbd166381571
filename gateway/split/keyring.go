package split

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
)

// macSize is the length of a signature in text: 128 bits of HMAC-SHA256, base64url.
const macSize = 22

// Keyring signs with its first key and checks with any, so that a key can be changed without a visitor noticing. It
// is immutable and safe for concurrent use.
type Keyring struct{ keys []hmacKey }

// Secret is one signing key by its id.
type Secret struct {
	ID    string // letters, digits and '-'; it stands in clear in what is signed
	Value string
}

// hmacKey holds HMAC's two first blocks, so that signing is two plain hashes and allocates nothing.
type hmacKey struct {
	id           string
	inner, outer [sha256.BlockSize]byte
}

// NewKeyring takes the keys in order: the first signs. A ring without keys is an error, as is a bad or repeated id.
func NewKeyring(secrets ...Secret) (*Keyring, error) {
	if len(secrets) == 0 {
		return nil, errors.New("split: no key: a keyring has one at least")
	}
	r := &Keyring{}
	for _, s := range secrets {
		if !Name(s.ID) || s.Value == "" || r.find([]byte(s.ID)) != nil {
			return nil, errors.New("split: key " + s.ID + ": an id is letters, digits and '-', once; a value is not empty")
		}
		r.keys = append(r.keys, newKey(s))
	}
	return r, nil
}

func newKey(s Secret) hmacKey {
	k := hmacKey{id: s.ID}
	secret := []byte(s.Value)
	if len(secret) > sha256.BlockSize {
		sum := sha256.Sum256(secret)
		secret = sum[:]
	}
	copy(k.inner[:], secret)
	copy(k.outer[:], secret)
	for i := range k.inner {
		k.inner[i] ^= 0x36
		k.outer[i] ^= 0x5c
	}
	return k
}

// Name says whether s can name a group or a key: letters, digits, '-' and '_', at most 64 of them.
func Name(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if ('a' > c|0x20 || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// sign appends the signature of what purpose and text say together; a purpose keeps one kind of signed text from
// passing as another.
func (k *hmacKey) sign(dst []byte, purpose string, text []byte) []byte {
	var room [sha256.BlockSize + 320]byte
	b := append(room[:0], k.inner[:]...)
	b = append(b, purpose...)
	b = append(b, 0)
	sum := sha256.Sum256(append(b, text...))
	b = append(append(room[:0], k.outer[:]...), sum[:]...)
	sum = sha256.Sum256(b)
	return base64.RawURLEncoding.AppendEncode(dst, sum[:16])
}

// verify compares in constant time.
func (k *hmacKey) verify(purpose string, text, mac []byte) bool {
	var room [macSize]byte
	return subtle.ConstantTimeCompare(k.sign(room[:0], purpose, text), mac) == 1
}

func (r *Keyring) find(id []byte) *hmacKey {
	for i := range r.keys {
		if r.keys[i].id == string(id) {
			return &r.keys[i]
		}
	}
	return nil
}
