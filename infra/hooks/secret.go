package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

// secret is a variable's value, or what it refers to, in the form that the services' own variables have:
// secretsmanager:NAME, secretsmanager:NAME#field, ssm:NAME. The part of host/cloud that reads theirs brings a service's whole
// host with it, which a hook has no use for.
func (h *hook) secret(ctx context.Context, variable string) (string, error) {
	value := h.getenv(variable)
	if name, is := strings.CutPrefix(value, "ssm:"); is {
		out, err := granted(ctx, h, variable, func() (*ssm.GetParameterOutput, error) {
			return ssm.NewFromConfig(h.aws).GetParameter(ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
		})
		if err != nil {
			return "", fmt.Errorf("%s: the parameter %s: %w", variable, name, err)
		}
		return aws.ToString(out.Parameter.Value), nil
	}
	reference, is := strings.CutPrefix(value, "secretsmanager:")
	if !is {
		return value, nil
	}
	name, field, part := strings.Cut(reference, "#")
	out, err := granted(ctx, h, variable, func() (*secretsmanager.GetSecretValueOutput, error) {
		return secretsmanager.NewFromConfig(h.aws).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name})
	})
	if err != nil {
		return "", fmt.Errorf("%s: the secret %s: %w", variable, name, err)
	}
	if !part {
		return aws.ToString(out.SecretString), nil
	}
	var fields map[string]string
	if json.Unmarshal([]byte(aws.ToString(out.SecretString)), &fields) != nil || fields[field] == "" {
		return "", fmt.Errorf("%s: the secret %s is no JSON object with the text %s", variable, name, field)
	}
	return fields[field], nil
}
