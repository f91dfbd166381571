package mark

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// Signer signs as its Keys do with one of them, without allocating for headers of ordinary length: it stands in the way of every request.
// The zero Signer signs nothing. It is immutable and safe for concurrent use.
type Signer struct {
	id           string
	inner, outer [sha256.BlockSize]byte // HMAC's two first blocks
}

// Signer is that of a key; zero for an id that is not there.
func (k Keys) Signer(id string) Signer {
	key := []byte(k[id])
	if len(key) == 0 {
		return Signer{}
	}
	if len(key) > sha256.BlockSize {
		sum := sha256.Sum256(key)
		key = sum[:]
	}
	s := Signer{id: id}
	copy(s.inner[:], key)
	copy(s.outer[:], key)
	for i := range s.inner {
		s.inner[i] ^= 0x36
		s.outer[i] ^= 0x5c
	}
	return s
}

// AppendMark appends what Keys.Sign returns.
func (s *Signer) AppendMark(dst []byte, kind string, at time.Time, method, path string, body []byte) []byte {
	if s.id == "" {
		return dst
	}
	start := len(dst)
	dst = append(append(dst, kind...), ';')
	dst = append(strconv.AppendInt(dst, at.Unix(), 10), ';')
	dst = append(dst, s.id...)
	var room, spelt [1 << 10]byte
	b := field(append(room[:0], s.inner[:]...), "mark")
	b = field(field(field(b, dst[start:]), method), appendTarget(spelt[:0], path))
	return s.end(dst, field(b, hash(body)))
}

// AppendClient appends what Keys.SignClient returns.
func (s *Signer) AppendClient(dst []byte, address string, request []byte, at time.Time) []byte {
	if s.id == "" {
		return dst
	}
	start := len(dst)
	dst = append(append(dst, address...), ';')
	dst = append(append(dst, request...), ';')
	dst = append(strconv.AppendInt(dst, at.Unix(), 10), ';')
	dst = append(dst, s.id...)
	var room [512]byte
	b := field(append(room[:0], s.inner[:]...), "client")
	return s.end(dst, field(b, dst[start:]))
}

// end appends the HMAC whose inner message, its first block included, is b.
func (s *Signer) end(dst, b []byte) []byte {
	sum := sha256.Sum256(b)
	var room [sha256.BlockSize + sha256.Size]byte
	sum = sha256.Sum256(append(append(room[:0], s.outer[:]...), sum[:]...))
	return hex.AppendEncode(append(dst, ';'), sum[:])
}

// field appends one of the signed fields with its length before it, as Keys.seal does.
func field[T string | []byte](b []byte, f T) []byte {
	return append(append(strconv.AppendInt(b, int64(len(f)), 10), ':'), f...)
}
