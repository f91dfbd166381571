package drupal

import (
	"crypto/sha512"
	"crypto/subtle"
	"strings"
)

// itoa64 is the alphabet of Drupal's password hashes.
const itoa64 = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// checkPassword compares a password with a hash of Drupal 7: "$S$", the logarithm of the rounds, eight characters of
// salt, SHA-512 over and over, cut to 55 characters.
func checkPassword(password, hash string) bool {
	if len(hash) != 55 || !strings.HasPrefix(hash, "$S$") || len(password) > 512 {
		return false
	}
	rounds := strings.IndexByte(itoa64, hash[3])
	if rounds < 7 || rounds > 30 {
		return false
	}
	sum := sha512.Sum512([]byte(hash[4:12] + password))
	buf := append(sum[:], password...)
	for range 1 << rounds {
		sum = sha512.Sum512(buf)
		copy(buf, sum[:])
	}
	made := (hash[:12] + encode64(sum[:]))[:55]
	return subtle.ConstantTimeCompare([]byte(made), []byte(hash)) == 1
}

// encode64 is phpass's base 64, the lowest bits first.
func encode64(b []byte) string {
	var out []byte
	for i := 0; i < len(b); i += 3 {
		var bits uint32
		n := min(3, len(b)-i)
		for j := range n {
			bits |= uint32(b[i+j]) << (8 * j)
		}
		for range n + 1 {
			out = append(out, itoa64[bits&63])
			bits >>= 6
		}
	}
	return string(out)
}
