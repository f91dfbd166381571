package verify

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// KeyFile is the signing key's name in its folder: 64 hexadecimal digits, for its owner's eyes alone.
const KeyFile = "certificate.key"

// Key is what certificates are signed with: made of a seed of 32 bytes (in hex or base64, as an environment variable
// holds it), or else the one kept in a folder, where it is made at the first time. Two who make it at once get the same.
func Key(seed, dir string) (ed25519.PrivateKey, error) {
	if seed = strings.TrimSpace(seed); seed != "" {
		raw, err := seedOf(seed)
		if err != nil {
			return nil, fmt.Errorf("verify: the signing key's seed: %w", err)
		}
		return ed25519.NewKeyFromSeed(raw), nil
	}
	file := filepath.Join(dir, KeyFile)
	if err := makeKey(dir, file); err != nil {
		return nil, fmt.Errorf("verify: no signing key can be made: %w", err)
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("verify: %s can be read by others (mode %o), so anybody may have signed with it: take a new key, or chmod 600 if nobody has", file, info.Mode().Perm())
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	raw, err := seedOf(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("verify: %s: %w", file, err)
	}
	return ed25519.NewKeyFromSeed(raw), nil
}

// seedOf never shows what it was given.
func seedOf(text string) ([]byte, error) {
	raw, err := hex.DecodeString(text)
	if err != nil {
		raw, err = base64.StdEncoding.DecodeString(text)
	}
	if err != nil || len(raw) != ed25519.SeedSize {
		return nil, errors.New("32 bytes are wanted, as 64 hexadecimal digits or in base64: `openssl rand -hex 32` makes them")
	}
	return raw, nil
}

// makeKey makes the file whole, or leaves the one that is there.
func makeKey(dir, file string) error {
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	made, err := os.CreateTemp(dir, "."+KeyFile+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(made.Name())
	var seed [ed25519.SeedSize]byte
	rand.Read(seed[:]) // never fails
	_, err = fmt.Fprintln(made, hex.EncodeToString(seed[:]))
	if err = errors.Join(err, made.Sync(), made.Close()); err != nil {
		return err
	}
	if err = os.Link(made.Name(), file); errors.Is(err, fs.ErrExist) { // somebody else was first
		return nil
	}
	return err
}

// Fingerprint is a public key for people to read out: 160 bits of its SHA-256 in eight groups of four.
func Fingerprint(key ed25519.PublicKey) string {
	full := sha256.Sum256(key)
	text := base32.StdEncoding.EncodeToString(full[:20])
	var groups []string
	for ; len(text) > 0; text = text[4:] {
		groups = append(groups, text[:4])
	}
	return strings.Join(groups, "-")
}
