package worlds

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/banyan-migration/banyan/infra/fakes/ministack"
)

// account is an emulated AWS, as a person at its console sees it.
type account struct {
	t   *testing.T
	url string
	aws.Config
}

func open(t *testing.T, url string) account {
	return account{t, url, aws.Config{Region: ministack.Region, BaseEndpoint: &url,
		Credentials: credentials.NewStaticCredentialsProvider(ministack.Key, ministack.Secret, "")}}
}

// environment is what AWS's own tools need to speak to it, and to nothing else.
func (a account) environment() []string {
	return []string{"AWS_ENDPOINT_URL=" + a.url, "AWS_REGION=" + a.Region, "AWS_DEFAULT_REGION=" + a.Region, "AWS_ACCESS_KEY_ID=" + ministack.Key,
		"AWS_SECRET_ACCESS_KEY=" + ministack.Secret, "AWS_EC2_METADATA_DISABLED=true", "SAM_CLI_TELEMETRY=0"}
}

// rest sends a call of a service that speaks JSON over HTTP's own verbs, and decodes the answer into out, unless that is nil.
func (a account) rest(service, method, path string, in, out any) {
	a.t.Helper()
	if err := a.send(service, method, path, "", in, out); err != nil {
		a.t.Fatal(err)
	}
}

// ask sends a call of a service that names its operation in a header.
func (a account) ask(service, operation string, in, out any) {
	a.t.Helper()
	if err := a.send(service, http.MethodPost, "/", operation, in, out); err != nil {
		a.t.Fatal(err)
	}
}

func (a account) send(service, method, path, operation string, in, out any) error {
	ctx := context.WithoutCancel(a.t.Context()) // what tidies up comes after the test's end
	body := []byte{}
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, a.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if operation != "" {
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		r.Header.Set("X-Amz-Target", operation)
	}
	key, err := a.Credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, key, r, hex.EncodeToString(sum[:]), service, a.Region, time.Now()); err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode > 299 {
		return fmt.Errorf("%s %s %s%s: %s %s", service, method, path, operation, res.Status, raw)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(raw, out)
}
