package secret

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"
)

// stores ask for secrets by name: one answer a name.
type stores map[string]func(ctx context.Context, names []string) map[string]found

func sources(c aws.Config) stores {
	return stores{"secretsmanager": manager(secretsmanager.NewFromConfig(c)), "ssm": parameters(ssm.NewFromConfig(c))}
}

// named are the names that each store can have. One that SSM cannot have would make it refuse the others asked for with it.
var named = map[string]*regexp.Regexp{
	"secretsmanager": regexp.MustCompile(`^[A-Za-z0-9/_+=.@:-]+$`),
	"ssm":            regexp.MustCompile(`^/[A-Za-z0-9_./-]+(:[A-Za-z0-9_.-]+)?$`),
}

var (
	errName     = errors.New("that is no name: say secretsmanager:NAME, secretsmanager:NAME#field or ssm:/name")
	errNotThere = errors.New("there is none of this name")
)

// fetch asks for every secret once, all at the same time.
func fetch(ctx context.Context, from stores, wanted map[string]reference) map[reference]found {
	all, names := map[reference]found{}, map[string][]string{}
	for _, r := range wanted {
		if _, seen := all[r.secret()]; seen {
			continue
		}
		all[r.secret()] = found{err: errName}
		if named[r.store].MatchString(r.name) {
			names[r.store] = append(names[r.store], r.name)
		}
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	for store, wanted := range names {
		group.Go(func() {
			answers := from[store](ctx, wanted)
			mu.Lock()
			defer mu.Unlock()
			for _, name := range wanted {
				all[reference{store: store, name: name}] = answers[name]
			}
		})
	}
	group.Wait()
	return all
}

// manager asks Secrets Manager, a call a secret.
func manager(client *secretsmanager.Client) func(context.Context, []string) map[string]found {
	one := func(ctx context.Context, name string) found {
		out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name})
		switch {
		case err != nil:
			return found{err: reason(err)}
		case out.SecretString == nil:
			return found{err: errors.New("the secret is binary and cannot be a variable")}
		}
		return found{value: *out.SecretString}
	}
	return func(ctx context.Context, names []string) map[string]found {
		answers := make([]found, len(names))
		var group sync.WaitGroup
		for i, name := range names {
			group.Go(func() { answers[i] = one(ctx, name) })
		}
		group.Wait()
		all := map[string]found{}
		for i, name := range names {
			all[name] = answers[i]
		}
		return all
	}
}

// parameters asks SSM, ten at once: it answers few calls a second, and functions start together.
func parameters(client *ssm.Client) func(context.Context, []string) map[string]found {
	return func(ctx context.Context, names []string) map[string]found {
		all := map[string]found{}
		for ten := range slices.Chunk(names, 10) {
			out, err := client.GetParameters(ctx, &ssm.GetParametersInput{Names: ten, WithDecryption: aws.Bool(true)})
			for _, name := range ten {
				all[name] = found{err: errNotThere}
				if err != nil {
					all[name] = found{err: reason(err)}
				}
			}
			if err != nil {
				continue
			}
			for _, p := range out.Parameters {
				all[aws.ToString(p.Name)+aws.ToString(p.Selector)] = found{value: aws.ToString(p.Value)}
			}
		}
		return all
	}
}

// reason is AWS's, short.
func reason(err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return fmt.Errorf("no answer: %w", err)
	}
	switch code := api.ErrorCode(); code {
	case "ResourceNotFoundException", "ParameterNotFound":
		return errNotThere
	case "AccessDeniedException":
		return fmt.Errorf("the function's role may not read it (%s)", code)
	default:
		return fmt.Errorf("%s: %s", code, api.ErrorMessage())
	}
}
