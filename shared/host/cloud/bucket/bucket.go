// Package bucket gives a function its blobs: objects of one S3 bucket, which BUCKET names.
package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/banyan-migration/banyan/shared/fault"
	"github.com/banyan-migration/banyan/shared/host/cloud"
)

// Limits. S3 takes names of 1024 bytes and signs for a week; how much is read at once is bounded by a function's memory.
const (
	longestName = 1024
	longestSign = 7 * 24 * time.Hour
	largest     = 64 << 20
)

var named = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]+[a-z0-9]$`)

// Blobs is a cloud.Part: it sets Env.Blobs by the variable BUCKET, the bucket's name. Objects are kept as
// application/octet-stream, so that no browser runs what somebody has uploaded.
func Blobs(_ context.Context, f *cloud.Function) error {
	name := f.Env.Getenv("BUCKET")
	if name == "" {
		return errors.New("BUCKET is missing: it names the bucket of the service's files")
	}
	if !named.MatchString(name) || len(name) > 63 {
		return fmt.Errorf("BUCKET is %q: that is no bucket's name", name)
	}
	client := s3.NewFromConfig(f.AWS)
	f.Env.Blobs = &bucket{name: name, client: client, signer: s3.NewPresignClient(client)}
	return nil
}

// bucket is where blobs are. Names are those that a folder could have too: blobs lie in one on a single machine.
type bucket struct {
	name   string
	client *s3.Client
	signer *s3.PresignClient
}

func check(name string) error {
	if name == "." || len(name) > longestName || !fs.ValidPath(name) {
		return fmt.Errorf("bucket: %q is no name for a blob: a path without a slash at its ends, without . and .., of at most %d bytes", name, longestName)
	}
	return nil
}

// Put keeps data under a name, in place of what was there. An error may mean that it was kept all the same; the same Put
// again is right.
func (b *bucket) Put(ctx context.Context, name string, data []byte) error {
	if err := check(name); err != nil {
		return err
	}
	_, err := b.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &b.name, Key: &name, Body: bytes.NewReader(data), ContentLength: aws.Int64(int64(len(data)))})
	return b.told("put", name, err)
}

// Get reads what lies under a name. The error is a fault.NotFound, and fs.ErrNotExist, where nothing does; a fault.TooLarge
// past 64 MB.
func (b *bucket) Get(ctx context.Context, name string) ([]byte, error) {
	if err := check(name); err != nil {
		return nil, err
	}
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &name})
	if err != nil {
		return nil, b.told("get", name, err)
	}
	defer out.Body.Close()
	data, err := io.ReadAll(io.LimitReader(out.Body, largest+1))
	if err != nil {
		return nil, b.told("get", name, err)
	}
	if len(data) > largest {
		return nil, &fault.Error{Kind: fault.TooLarge, Text: "This file is too large", Err: fmt.Errorf("bucket: %s/%s has more than %d bytes: it was not read", b.name, name, largest)}
	}
	return data, nil
}

// Sign answers an address at which anybody who has it may read the blob for a time, at most a week. It asks nobody: whether
// the blob is there is learned by whoever uses it. Signed with credentials that end earlier, as a role's do, the address
// ends with them.
func (b *bucket) Sign(ctx context.Context, name string, ttl time.Duration) (string, error) {
	if err := check(name); err != nil {
		return "", err
	}
	if ttl < time.Second || ttl > longestSign {
		return "", fmt.Errorf("bucket: an address cannot be signed for %s: from a second to %s", ttl, longestSign)
	}
	r, err := b.signer.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &name}, s3.WithPresignExpires(ttl))
	if err != nil {
		return "", b.told("sign", name, err)
	}
	return r.URL, nil
}

// told says what failed and of which kind it is.
func (b *bucket) told(what, name string, err error) error {
	if err == nil {
		return nil
	}
	code := ""
	var api smithy.APIError
	if errors.As(err, &api) {
		code = api.ErrorCode()
	}
	err = fmt.Errorf("bucket: %s %s/%s: %w", what, b.name, name, err)
	switch {
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return err
	case code == "NoSuchKey":
		return &fault.Error{Kind: fault.NotFound, Text: "There is no such file", Err: errors.Join(fs.ErrNotExist, err)}
	case code == "NoSuchBucket":
		return fmt.Errorf("%w: check BUCKET; nothing was kept", err)
	case code == "AccessDenied":
		return fmt.Errorf("%w: the role may not %s it, or it is not there: S3 says so only to roles with s3:ListBucket", err, what)
	}
	return &fault.Error{Kind: fault.Unavailable, Text: "We cannot reach our files just now. Please try again in a moment", Err: err}
}
