package bucket

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/banyan-migration/banyan/infra/fakes/ministack"
	"github.com/banyan-migration/banyan/infra/fakes/moto"
)

// TestBlobsOfEmulators: AWS answers an address that was tampered with, or is over, with 403. ministack does too; moto lets
// both through, so that what it accepts proves nothing of a signature.
func TestBlobsOfEmulators(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		start  func(*testing.T) string
		forged int // AWS: 403
	}{
		"moto":      {func(t *testing.T) string { return moto.Test(t).URL }, http.StatusOK},
		"ministack": {func(t *testing.T) string { return ministack.Test(t).URL }, http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := &http.Client{Transport: &http.Transport{}}
			b, config := blobs(t, client, c.start(t), "banyan-dev-blobs")
			if err := b.Put(t.Context(), "a", nil); err == nil || !strings.Contains(err.Error(), "check BUCKET") {
				t.Errorf("into no bucket: %v", err)
			}
			_, err := s3.NewFromConfig(config).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("banyan-dev-blobs"),
				CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraintEuWest1}})
			if err != nil {
				t.Fatal(err)
			}
			const key = "evidence/2026/Zoë & co+1?.txt"
			for _, data := range []string{"first", "second", ""} {
				if err := b.Put(t.Context(), key, []byte(data)); err != nil {
					t.Fatal(err)
				}
				if got, err := b.Get(t.Context(), key); err != nil || string(got) != data {
					t.Errorf("%q, %v, want %q", got, err, data)
				}
			}
			if _, err := b.Get(t.Context(), "none"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%v, want it not found", err)
			}
			if err := b.Put(t.Context(), key, []byte("signed")); err != nil {
				t.Fatal(err)
			}
			address, err := b.Sign(t.Context(), key, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			if status, body := get(t, client, address); status != http.StatusOK || body != "signed" {
				t.Errorf("at the signed address: %d %s", status, body)
			}
			_, signature, _ := strings.Cut(address, "X-Amz-Signature=")
			tampered := strings.Replace(address, "X-Amz-Signature="+signature[:8], "X-Amz-Signature=00000000", 1)
			if status, _ := get(t, client, tampered); status != c.forged {
				t.Errorf("a tampered address: %d, expected %d (AWS: 403)", status, c.forged)
			}
		})
	}
}

func get(t *testing.T, client *http.Client, address string) (int, string) {
	t.Helper()
	r, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}
