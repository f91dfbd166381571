package verify

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Check reads either file of a certificate and says whether it is as it was signed, or what was altered. pinned is the
// signer's public key in base64 or its fingerprint, known from elsewhere; without one a file proves only that it is
// whole, and the fingerprint that comes back is to be compared by a person.
func Check(raw []byte, pinned string) (c Certificate, fingerprint string, err error) {
	inside, outside, page := split(raw)
	s, err := parse(inside)
	if err != nil {
		return c, "", err
	}
	key, err := s.key(pinned)
	if err != nil {
		return c, "", err
	}
	if err := s.check(key); err != nil {
		return c, "", err
	}
	if !page {
		whole, err := s.file()
		if err == nil && !bytes.Equal(whole, raw) {
			err = errors.New("verify: the certificate holds, but the file has something besides, or was written anew: take the file that was signed")
		}
		return s.Certificate, s.Signature.Fingerprint, err
	}
	return s.Certificate, s.Signature.Fingerprint, s.checkPage(key, inside, outside)
}

const (
	opens  = `<script type="application/json" id="certificate">`
	closes = `</script>`
)

// split takes the certificate out of a page; a file that is none is the certificate.
func split(raw []byte) (inside, outside []byte, page bool) {
	at := bytes.Index(raw, []byte(opens))
	if at < 0 {
		return raw, nil, false
	}
	before, rest := raw[:at+len(opens)], raw[at+len(opens):]
	end := bytes.Index(rest, []byte(closes))
	if end < 0 {
		return rest, before, true
	}
	return rest[:end], slices.Concat(before, rest[end:]), true
}

func parse(raw []byte) (s signed, err error) {
	in := json.NewDecoder(bytes.NewReader(raw))
	in.DisallowUnknownFields()
	if err := in.Decode(&s); err != nil {
		return s, fmt.Errorf("verify: this is no certificate, or was cut or added to: %w", err)
	}
	if s.Certificate.Format != Format {
		return s, fmt.Errorf("verify: a certificate of the kind %.40q, and this program knows %q", s.Certificate.Format, Format)
	}
	return s, nil
}

// key is the signer's, if it is the one that is pinned.
func (s signed) key(pinned string) (ed25519.PublicKey, error) {
	raw, err := base64.StdEncoding.DecodeString(s.Signature.Key)
	if err != nil || len(raw) != ed25519.PublicKeySize || s.Signature.Algorithm != "ed25519" {
		return nil, errors.New("verify: the signature's key was altered: it is no ed25519 key")
	}
	key := ed25519.PublicKey(raw)
	if pinned = strings.TrimSpace(pinned); pinned != "" && pinned != s.Signature.Key && !strings.EqualFold(pinned, Fingerprint(key)) {
		return nil, fmt.Errorf("verify: signed with another key than the one you trust: this one's fingerprint is %s", Fingerprint(key))
	}
	if s.Signature.Fingerprint != Fingerprint(key) {
		return nil, fmt.Errorf("verify: the fingerprint was altered: the key's is %s", Fingerprint(key))
	}
	return key, nil
}

// check holds every part against its seal, and the seals against the signature.
func (s signed) check(key ed25519.PublicKey) error {
	seals, err := sealsOf(s.Certificate)
	if err != nil {
		return err
	}
	var altered []string
	for part, seal := range seals {
		if s.Seals[part] != seal {
			altered = append(altered, part)
		}
	}
	for part := range s.Seals {
		if _, has := seals[part]; !has {
			altered = append(altered, part+" (taken away)")
		}
	}
	slices.Sort(altered)
	value, err := base64.StdEncoding.DecodeString(s.Signature.Value)
	genuine := err == nil && ed25519.Verify(key, sealed(s.Seals), value)
	switch {
	case len(altered) > 0:
		return fmt.Errorf("verify: the certificate was altered after it was signed: %s", strings.Join(altered, ", "))
	case !genuine:
		return errors.New("verify: the signature is not this key's over this certificate: the seals or the signature were altered")
	}
	return nil
}

// checkPage holds what a reader sees against its seal.
func (s signed) checkPage(key ed25519.PublicKey, inside, outside []byte) error {
	if s.Page == nil {
		return errors.New("verify: the page's own seal was taken away")
	}
	whole, err := s.inside()
	if err != nil {
		return err
	}
	if !bytes.Equal(whole, inside) {
		return errors.New("verify: the certificate holds, but what the page carries has something besides")
	}
	sum := sha256.Sum256(outside)
	value, err := base64.StdEncoding.DecodeString(s.Page.Value)
	switch {
	case hex.EncodeToString(sum[:]) != s.Page.SHA256:
		return fmt.Errorf("verify: the certificate inside holds, but the page that shows it was altered%s", s.firstAltered(outside))
	case err != nil || !ed25519.Verify(key, s.paged(sum), value):
		return errors.New("verify: the certificate inside holds, but the page was not signed with its key")
	}
	return nil
}

// firstAltered names the first line that this program would have written otherwise.
func (s signed) firstAltered(outside []byte) string {
	before, after, err := render(s.Certificate, s.Signature)
	if err != nil {
		return ""
	}
	meant, found := strings.Split(string(before)+string(after), "\n"), strings.Split(string(outside), "\n")
	for i := range min(len(meant), len(found)) {
		if meant[i] != found[i] {
			return fmt.Sprintf(": line %d says %.80q, the certificate %.80q", i+1, strings.TrimSpace(found[i]), strings.TrimSpace(meant[i]))
		}
	}
	return ": it is longer or shorter than it was"
}
