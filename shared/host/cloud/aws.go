package cloud

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// awsConfig is how a function speaks to AWS. Lambda gives region and credentials in the environment and nowhere else, so
// nothing of the SDK's search for profiles, single sign-on and metadata is linked or waited for.
func awsConfig(getenv func(string) string, log *slog.Logger) (aws.Config, error) {
	var absent []string
	for _, name := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		if getenv(name) == "" {
			absent = append(absent, name)
		}
	}
	c := aws.Config{
		Region:      getenv("AWS_REGION"),
		Credentials: credentials.NewStaticCredentialsProvider(getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY"), getenv("AWS_SESSION_TOKEN")),
		HTTPClient:  unhurried{awshttp.NewBuildableClient().WithTimeout(attempt)},
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = attempts, time.Second })
		},
	}
	if endpoint := getenv("AWS_ENDPOINT_URL"); endpoint != "" {
		c.BaseEndpoint = &endpoint
	}
	c.ConfigSources = []any{endpoints(getenv)}
	if log.Enabled(context.Background(), slog.LevelDebug) {
		c.APIOptions = append(c.APIOptions, recorded(log))
	}
	return c, missing(absent...)
}

// unhurried hides from net/http that a request's body can write itself: the SDK closes the body when an answer begins, its
// body then says io.EOF to a last look of net/http's, which takes that for a failure and cuts the answer off. A server on the
// same machine is fast enough for it (smithy-go 1.28.8).
type unhurried struct{ aws.HTTPClient }

func (c unhurried) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return c.HTTPClient.Do(r)
}

// A call to AWS takes milliseconds. One that takes seconds has lost its connection, which a frozen environment does not
// notice, and is made again; all attempts together fit into a function's 29 s.
const (
	attempt  = 5 * time.Second
	attempts = 4
)

// endpoints are the addresses of single services, as AWS's own tools know them: AWS_ENDPOINT_URL_DYNAMODB, for an emulator.
type endpoints func(string) string

// GetServiceBaseEndpoint is what the SDK's clients ask.
func (e endpoints) GetServiceBaseEndpoint(_ context.Context, sdkID string) (string, bool, error) {
	url := e("AWS_ENDPOINT_URL_" + strings.ToUpper(strings.ReplaceAll(sdkID, " ", "_")))
	return url, url != "", nil
}
