package secret

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/banyan-migration/banyan/infra/fakes/ministack"
	"github.com/banyan-migration/banyan/infra/fakes/moto"
)

func TestSecretsOfEmulators(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) string{
		"moto":      func(t *testing.T) string { return moto.Test(t).URL },
		"ministack": func(t *testing.T) string { return ministack.Test(t).URL },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, environ := function(&http.Client{Transport: &http.Transport{}}, start(t), map[string]string{
				"BANYAN_KEY": "secretsmanager:banyan/dev/key", "STRIPE_KEY": "secretsmanager:banyan/dev/acquirers#stripe_key", "PEPPER": "ssm:/banyan/dev/pepper",
			})
			manager, parameters := secretsmanager.NewFromConfig(f.AWS), ssm.NewFromConfig(f.AWS)
			for name, value := range map[string]string{"banyan/dev/key": "k1:hush", "banyan/dev/acquirers": acquirers} {
				if _, err := manager.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: &value}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := parameters.PutParameter(t.Context(), &ssm.PutParameterInput{Name: aws.String("/banyan/dev/pepper"), Value: aws.String("hot"), Type: types.ParameterTypeSecureString}); err != nil {
				t.Fatal(err)
			}
			before := *f
			if err := names(t.Context(), f, environ); err != nil {
				t.Fatal(err)
			}
			if f.Env.Getenv("BANYAN_KEY") != "k1:hush" || f.Env.Getenv("STRIPE_KEY") != "sk-hush" || f.Env.Getenv("PEPPER") != "hot" {
				t.Errorf("%q %q %q", f.Env.Getenv("BANYAN_KEY"), f.Env.Getenv("STRIPE_KEY"), f.Env.Getenv("PEPPER"))
			}
			missing, environ := function(before.AWS.HTTPClient, *before.AWS.BaseEndpoint, map[string]string{"A": "secretsmanager:banyan/none", "B": "ssm:/none", "C": "secretsmanager:banyan/dev/acquirers#absent", "D": "ssm:/banyan/dev/pepper"})
			err := names(t.Context(), missing, environ)
			if err == nil || strings.Count(err.Error(), "\n") != 2 || strings.Count(err.Error(), "none of this name") != 2 || !strings.Contains(err.Error(), "C: secretsmanager:banyan/dev/acquirers#absent: the secret has no such field") {
				t.Errorf("%v", err)
			}
		})
	}
}
