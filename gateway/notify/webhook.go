package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/banyan-migration/banyan/gateway/analysis"
)

// SignatureHeader is the HMAC-SHA256 of a webhook's body, in hex, under ReceiverKey.
const SignatureHeader = "X-Banyan-Signature"

// ReceiverKey is what a receiver is given to check signatures by, in hex: it is made from a key that signs other things too, and leads
// nobody back to it. On a command line: printf 'banyan notify' | openssl dgst -sha256 -hmac KEY.
func ReceiverKey(key []byte) string { return sign(key, []byte("banyan notify")) }

func sign(key, text []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write(text)
	return hex.EncodeToString(mac.Sum(nil))
}

// message is the JSON that a webhook gets. text is for chat programs that show nothing else.
type message struct {
	analysis.Alarm
	Gateway string `json:"gateway"`
	Link    string `json:"link,omitempty"`
	Text    string `json:"text"`
}

func (p *Post) webhook(ctx context.Context, hook string, a analysis.Alarm) error {
	m := message{Alarm: a, Gateway: p.o.Gateway, Link: p.link(a.Group)}
	m.Text = subject(a) + ". " + a.Why
	if m.Link != "" {
		m.Text += " " + m.Link
	}
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, hook, bytes.NewReader(body))
	if err != nil {
		return errors.New("the webhook's address cannot be read")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", a.ID)
	if len(p.o.Key) > 0 {
		r.Header.Set(SignatureHeader, sign([]byte(ReceiverKey(p.o.Key)), body))
	}
	res, err := p.o.Client.Do(r)
	if err != nil {
		var at *url.Error
		if errors.As(err, &at) { // it would name the address, which may be a secret
			err = at.Err
		}
		return err
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, 4096) // so that the connection can be used again
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("it answered %s", res.Status)
	}
	return nil
}
