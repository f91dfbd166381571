// Package account asks an AWS account what an operator asks of it: is it ready for the night, what lies in a dead-letter
// queue, does a restored table hold what it should.
package account

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/banyan-migration/banyan/infra/awsapi"
)

// Account is an AWS account in one region, and one stage of Banyan in it. Safe for concurrent use.
type Account struct {
	Stage string

	aws    aws.Config
	client *http.Client
	now    func() time.Time
}

// Open finds account, region and endpoint as AWS's own tools do, and says what of it is missing. It asks nothing yet.
func Open(ctx context.Context, stage string) (*Account, error) {
	c, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("account: %w", err)
	}
	if c.Region == "" {
		return nil, errors.New("account: no region is set: set AWS_REGION")
	}
	if _, err := c.Credentials.Retrieve(ctx); err != nil {
		return nil, fmt.Errorf("account: AWS's credentials are missing: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: %w", err)
	}
	return At(c, stage), nil
}

// At is the account that a configuration leads to.
func At(c aws.Config, stage string) *Account {
	return &Account{Stage: stage, aws: c, client: &http.Client{Timeout: 30 * time.Second}, now: time.Now}
}

// name is what template.yaml calls a service's thing: banyan-STAGE-SERVICE, and what of it.
func (a *Account) name(service string, of ...string) string {
	return strings.Join(append([]string{"banyan", a.Stage, service}, of...), "-")
}

// gone says that AWS knows no such thing.
func gone(err error) bool {
	var e *awsapi.Error
	return errors.As(err, &e) && (e.Status == http.StatusNotFound || strings.Contains(e.Code, "NotFound") || strings.Contains(e.Code, "DoesNotExist") || strings.Contains(e.Code, "NonExistentQueue"))
}

// endpoint is where a service answers: its host's first label, and the name that its environment variable has.
func (a *Account) endpoint(host, variable string) string {
	for _, name := range []string{"AWS_ENDPOINT_URL_" + variable, "AWS_ENDPOINT_URL"} {
		if set := os.Getenv(name); set != "" {
			return strings.TrimSuffix(set, "/")
		}
	}
	if set := aws.ToString(a.aws.BaseEndpoint); set != "" {
		return strings.TrimSuffix(set, "/")
	}
	return "https://" + host + "." + a.aws.Region + ".amazonaws.com"
}

// api is how the account is asked.
func (a *Account) api() awsapi.Client {
	return awsapi.Client{Region: a.aws.Region, Credentials: a.aws.Credentials, HTTP: a.client}
}

func (a *Account) json(ctx context.Context, host, variable, target string, in, out any) error {
	return told(a.api().JSON(ctx, host, a.endpoint(host, variable)+"/", target, in, out))
}

func (a *Account) rest(ctx context.Context, host, variable, signed, path string, out any) error {
	return told(a.api().REST(ctx, signed, http.MethodGet, a.endpoint(host, variable)+path, nil, out))
}

// query is asked by AWS's oldest protocol, which all of CloudWatch's imitations speak.
func (a *Account) query(ctx context.Context, host, variable, version, action string, form url.Values, out any) error {
	return told(a.api().Query(ctx, host, a.endpoint(host, variable)+"/", version, action, form, out))
}

// told says whose the error is, where it is not AWS's.
func told(err error) error {
	if e := (*awsapi.Error)(nil); err == nil || errors.As(err, &e) {
		return err
	}
	return fmt.Errorf("account: %w", err)
}
