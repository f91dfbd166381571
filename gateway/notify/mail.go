package notify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"strings"
	"time"

	"github.com/banyan-migration/banyan/gateway/analysis"
)

// mail sends one alarm to all addresses in one message, with STARTTLS where the server offers it. A password is never sent in the clear,
// but to this machine itself.
func (p *Post) mail(ctx context.Context, a analysis.Alarm) error {
	m := p.o.To.Mail
	name, _, err := net.SplitHostPort(m.Server)
	if err != nil {
		return err
	}
	dialer := net.Dialer{Timeout: patience}
	conn, err := dialer.DialContext(ctx, "tcp", m.Server)
	if err != nil {
		return err
	}
	_ = conn.SetDeadline(time.Now().Add(3 * patience))
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	c, err := smtp.NewClient(conn, name)
	if err != nil {
		conn.Close()
		return err
	}
	defer c.Close()
	if err := p.greet(c, name); err != nil {
		return err
	}
	if err := c.Mail(bare(m.From)); err != nil {
		return err
	}
	for _, to := range m.To {
		if err := c.Rcpt(bare(to)); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(p.letter(a)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_ = c.Quit() // the server has the message
	return nil
}

// greet secures the connection as far as the server can, and logs in.
func (p *Post) greet(c *smtp.Client, name string) error {
	if ok, _ := c.Extension("STARTTLS"); ok {
		if err := c.StartTLS(&tls.Config{ServerName: name}); err != nil {
			return err
		}
	}
	if p.o.To.Mail.User == "" {
		return nil
	}
	if ok, _ := c.Extension("AUTH"); !ok {
		return errors.New("the mail server takes no login: leave user and password out, or name one that does")
	}
	return c.Auth(smtp.PlainAuth("", p.o.To.Mail.User, p.o.To.Mail.Password, name))
}

// letter is the message with its head.
func (p *Post) letter(a analysis.Alarm) []byte {
	var b bytes.Buffer
	head := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	id := sha256.Sum256([]byte(a.ID))
	head("From", p.o.To.Mail.From)
	head("To", strings.Join(p.o.To.Mail.To, ", "))
	head("Subject", mime.QEncoding.Encode("utf-8", "[banyan] "+line(subject(a))))
	head("Date", p.o.Now().Format(time.RFC1123Z))
	head("Message-ID", "<"+hex.EncodeToString(id[:12])+"@"+domain(p.o.To.Mail.From)+">") // the same alarm again is the same message
	head("Auto-Submitted", "auto-generated")
	head("MIME-Version", "1.0")
	head("Content-Type", "text/plain; charset=utf-8")
	head("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	text := quotedprintable.NewWriter(&b)
	fmt.Fprintf(text, "%s.\r\n\r\n%s\r\n\r\nAt %s, said by gateway %s.\r\n", subject(a), a.Why, a.At.UTC().Format("2 January 2006 15:04:05 MST"), p.o.Gateway)
	if link := p.link(a.Group); link != "" {
		fmt.Fprintf(text, "\r\n%s\r\n", link)
	}
	_ = text.Close() // into memory
	return b.Bytes()
}

// line takes out what would begin another line of a head.
func line(s string) string { return strings.NewReplacer("\r", " ", "\n", " ").Replace(s) }

// bare is an address without its name.
func bare(address string) string {
	if a, err := mail.ParseAddress(address); err == nil {
		return a.Address
	}
	return address
}

func domain(address string) string {
	_, at, _ := strings.Cut(bare(address), "@")
	return cmp.Or(at, "banyan")
}
