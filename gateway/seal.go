package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/banyan-migration/banyan/gateway/split"
	"github.com/banyan-migration/banyan/shared/mark"
)

// seal tells the services whose request it is: shared/mark's X-Banyan-Client. The zero seal, without a key, tells nothing.
type seal struct {
	keys         mark.Keys
	id           string
	inner, outer [sha256.BlockSize]byte // HMAC's two first blocks
}

func newSeal(secrets []split.Secret) seal {
	s := seal{keys: mark.Keys{}}
	for _, secret := range secrets {
		s.keys[secret.ID] = secret.Value
	}
	if len(secrets) == 0 {
		return s
	}
	s.id = secrets[0].ID
	key := []byte(secrets[0].Value)
	if len(key) > sha256.BlockSize {
		sum := sha256.Sum256(key)
		key = sum[:]
	}
	copy(s.inner[:], key)
	copy(s.outer[:], key)
	for i := range s.inner {
		s.inner[i] ^= 0x36
		s.outer[i] ^= 0x5c
	}
	return s
}

// line appends X-Banyan-Client as mark.Keys.SignClient makes it, without allocating: it stands in every request to a service.
func (s *seal) line(dst []byte, client string, id []byte, now time.Time) []byte {
	if s.id == "" {
		return dst
	}
	dst = append(dst, mark.ClientHeader+": "...)
	start := len(dst)
	dst = append(append(dst, client...), ';')
	dst = append(append(dst, id...), ';')
	dst = append(strconv.AppendInt(dst, now.Unix(), 10), ';')
	dst = append(dst, s.id...)
	head := dst[start:]
	var room [sha256.BlockSize + 256]byte
	b := append(append(room[:0], s.inner[:]...), "6:client"...)
	b = append(strconv.AppendInt(b, int64(len(head)), 10), ':')
	sum := sha256.Sum256(append(b, head...))
	b = append(append(room[:0], s.outer[:]...), sum[:]...)
	sum = sha256.Sum256(b)
	dst = hex.AppendEncode(append(dst, ';'), sum[:])
	return append(dst, "\r\n"...)
}
