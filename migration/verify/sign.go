package verify

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Sealed are the two files of a signed certificate. Each can be checked without the other.
type Sealed struct {
	JSON, HTML  []byte
	Fingerprint string // of the key that signed
}

// signed is a certificate with its proof. Every part of it has a seal, the SHA-256 of its canonical JSON (keys in order,
// no spaces, no escapes that JSON does not ask for); what is signed is the canonical JSON of all the seals. So a check
// can say which part was altered, and not only that one was.
type signed struct {
	Certificate Certificate       `json:"certificate"`
	Seals       map[string]string `json:"seals"`
	Signature   signature         `json:"signature"`
	Page        *pageSeal         `json:"page,omitempty"` // in the HTML file
}

type signature struct {
	Algorithm   string `json:"algorithm"`
	Key         string `json:"public_key"`
	Fingerprint string `json:"fingerprint"`
	Value       string `json:"value"`
}

// pageSeal covers what a reader of the page sees: all of it but the certificate's own text inside.
type pageSeal struct {
	SHA256 string `json:"sha256"`
	Value  string `json:"value"`
}

// Sign makes both files of a certificate.
func Sign(c Certificate, key ed25519.PrivateKey) (Sealed, error) {
	seals, err := sealsOf(c)
	if err != nil {
		return Sealed{}, err
	}
	public := key.Public().(ed25519.PublicKey)
	s := signed{Certificate: c, Seals: seals, Signature: signature{Algorithm: "ed25519",
		Key: base64.StdEncoding.EncodeToString(public), Fingerprint: Fingerprint(public)}}
	s.Signature.Value = base64.StdEncoding.EncodeToString(ed25519.Sign(key, sealed(seals)))
	file, err := s.file()
	if err != nil {
		return Sealed{}, err
	}
	before, after, err := render(c, s.Signature)
	if err != nil {
		return Sealed{}, err
	}
	sum := sha256.Sum256(append(before, after...))
	s.Page = &pageSeal{hex.EncodeToString(sum[:]), base64.StdEncoding.EncodeToString(ed25519.Sign(key, s.paged(sum)))}
	inside, err := s.inside()
	if err != nil {
		return Sealed{}, err
	}
	return Sealed{file, bytes.Join([][]byte{before, inside, after}, nil), s.Signature.Fingerprint}, nil
}

// Save writes certificate.json and certificate.html into a folder, each whole or not at all, for their owner's eyes.
func (s Sealed) Save(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	for name, text := range map[string][]byte{"certificate.json": s.JSON, "certificate.html": s.HTML} {
		if err := keepFile(filepath.Join(dir, name), func(w io.Writer) error { _, err := w.Write(text); return err }); err != nil {
			return err
		}
	}
	return nil
}

// file is the JSON file.
func (s signed) file() ([]byte, error) {
	s.Page = nil
	plain, err := canonicalJSON(s)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, plain, "", "  "); err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// inside is what the page carries; a "<" could end it.
func (s signed) inside() ([]byte, error) {
	plain, err := canonicalJSON(s)
	return bytes.ReplaceAll(plain, []byte("<"), []byte(`\u003c`)), err
}

// sealed is what the certificate's signature is over.
func sealed(seals map[string]string) []byte {
	text, err := canonicalJSON(seals)
	if err != nil {
		panic(err) // strings can always be written
	}
	return append([]byte(Format+"\n"), text...)
}

// paged is what the page's signature is over: the page, of this certificate and no other.
func (s signed) paged(sum [sha256.Size]byte) []byte {
	return []byte(Format + " page\n" + hex.EncodeToString(sum[:]) + "\n" + s.Signature.Value)
}

// canonicalJSON writes a value with the keys of every object in order.
func canonicalJSON(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	in := json.NewDecoder(bytes.NewReader(raw))
	in.UseNumber()
	var plain any
	if err := in.Decode(&plain); err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	var out bytes.Buffer
	to := json.NewEncoder(&out)
	to.SetEscapeHTML(false)
	if err := to.Encode(plain); err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// sealsOf seals each part: "signer", "forms", "donate/rows_source".
func sealsOf(c Certificate) (map[string]string, error) {
	parts, err := partsOf(c)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range c.Forms {
		names = append(names, f.Form)
		of, err := partsOf(f)
		if err != nil {
			return nil, err
		}
		for part, text := range of {
			parts[f.Form+"/"+part] = text
		}
	}
	parts["forms"], _ = json.Marshal(strings.Join(names, " ")) // a string can always be written
	seals := map[string]string{}
	for part, text := range parts {
		canonical, err := canonicalJSON(text)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(canonical)
		seals[part] = hex.EncodeToString(sum[:])
	}
	return seals, nil
}

func partsOf(v any) (parts map[string]json.RawMessage, err error) {
	raw, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(raw, &parts)
	}
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	return parts, nil
}
