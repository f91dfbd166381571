package mail

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"

	"github.com/banyan-migration/banyan/infra/fakes/ministack"
	"github.com/banyan-migration/banyan/infra/fakes/moto"
)

const (
	good  = "From: Rosa <rosa@rednosefund.example>\r\nTo: tom@example.org\r\nSubject: Thank you\r\n\r\nThank you, Tom.\r\n"
	wrong = "From: Rosa <rosa@nobody.example>\r\nTo: tom@example.org\r\nSubject: Thank you\r\n\r\nThank you, Tom.\r\n"
)

func TestMailsOfEmulators(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) string{
		"moto":      func(t *testing.T) string { return moto.Test(t).URL },
		"ministack": func(t *testing.T) string { return ministack.Test(t).URL },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := &http.Client{Transport: &http.Transport{}}
			f := function(client, start(t), memory())
			if err := Send(t.Context(), f); err != nil {
				t.Fatal(err)
			}
			if _, err := sesv2.NewFromConfig(f.AWS).CreateEmailIdentity(t.Context(), &sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String("rosa@rednosefund.example")}); err != nil {
				t.Fatal(err)
			}
			first, err := f.Env.Mail.Send(t.Context(), "event-1", []byte(good))
			if err != nil || first == "" {
				t.Fatalf("%q, %v", first, err)
			}
			if again, err := f.Env.Mail.Send(t.Context(), "event-1", []byte(good)); err != nil || again != first {
				t.Errorf("again: %q, %v, want %q", again, err, first)
			}
			if id, err := f.Env.Mail.Send(t.Context(), "event-2", []byte(wrong)); err == nil || !strings.Contains(err.Error(), "MessageRejected") || strings.Contains(err.Error(), "@") {
				t.Errorf("from a sender that nobody has verified: %q, %v", id, err)
			}
			if name == "ministack" {
				onlyMail(t, client, *f.AWS.BaseEndpoint)
			}
		})
	}
}

// onlyMail looks into the emulator's outbox.
func onlyMail(t *testing.T, client *http.Client, url string) {
	t.Helper()
	r, err := client.Get(url + "/_ministack/ses/messages")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var box struct {
		Messages map[string][]json.RawMessage // by account
	}
	if err := json.NewDecoder(r.Body).Decode(&box); err != nil {
		t.Fatal(err)
	}
	if went := box.Messages[ministack.Account]; len(went) != 1 || !strings.Contains(string(went[0]), "Thank you") {
		t.Errorf("went: %s", box.Messages)
	}
}
