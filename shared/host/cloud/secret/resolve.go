package secret

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/banyan-migration/banyan/shared/host/cloud"
)

// names resolves the variables of an environment (NAME=value) that are references.
func names(ctx context.Context, f *cloud.Function, environ []string) error {
	wanted := map[string]string{}
	for _, line := range environ {
		name, _, _ := strings.Cut(line, "=")
		if v := f.Env.Getenv(name); strings.HasPrefix(v, "secretsmanager:") || strings.HasPrefix(v, "ssm:") {
			wanted[name] = v
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	values, err := fetch(ctx, f.AWS, wanted)
	before := f.Env.Getenv
	f.Env.Getenv = func(name string) string {
		if v, ok := values[name]; ok {
			return v
		}
		return before(name)
	}
	return err
}

func fetch(ctx context.Context, c aws.Config, wanted map[string]string) (map[string]string, error) {
	var (
		mu     sync.Mutex
		group  sync.WaitGroup
		values = map[string]string{}
		failed error
	)
	for name, reference := range wanted {
		group.Go(func() {
			v, err := one(ctx, c, reference)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = errors.Join(failed, fmt.Errorf("%s: %w", name, err))
				return
			}
			values[name] = v
		})
	}
	group.Wait()
	return values, failed
}

func one(ctx context.Context, c aws.Config, reference string) (string, error) {
	if name, is := strings.CutPrefix(reference, "ssm:"); is {
		out, err := ssm.NewFromConfig(c).GetParameter(ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
		if err != nil {
			return "", fmt.Errorf("the parameter %s: %w", name, err)
		}
		return aws.ToString(out.Parameter.Value), nil
	}
	name, field, part := strings.Cut(strings.TrimPrefix(reference, "secretsmanager:"), "#")
	out, err := secretsmanager.NewFromConfig(c).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name})
	if err != nil {
		return "", fmt.Errorf("the secret %s: %w", name, err)
	}
	if !part {
		return aws.ToString(out.SecretString), nil
	}
	var fields map[string]string
	if json.Unmarshal([]byte(aws.ToString(out.SecretString)), &fields) != nil {
		return "", fmt.Errorf("the secret %s is no JSON object of texts", name)
	}
	v, there := fields[field]
	if !there {
		return "", fmt.Errorf("the secret %s has no field %s", name, field)
	}
	return v, nil
}
