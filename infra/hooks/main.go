// Command hooks is the deployment hooks' one executable, the bootstrap that lies in the runtime Layer: CodeDeploy calls
// it before any traffic reaches a new version, and once all of it does. It asks the version for real, with requests that
// are marked as test, and reports Succeeded or Failed; why is in its log.
//
// The function's Handler chooses what it does: before.SERVICE or after.SERVICE, as before.Donate. Its variables:
//
//	NEW_VERSION  whom it asks. Before: the version's ARN (!Ref Donate.Version). After: the alias, its ARN spelled out with
//	             !Sub, since a !Ref of the alias whose deployment calls the hook goes in a circle.
//	BANYAN_KEY   signs the marks, as the services have it; a reference such as secretsmanager:banyan/prod/key too.
//	             Not needed by postcode.
//	POSTCODE     one that the stage's Layer has addresses for; unset: SE1 7TP, which the sample's has.
//	CLIENT_KEY   a front end's key that payments knows; unset: payments must refuse to tell us of a payment.
//	DONATE, TEST_METHOD  the ARN of donate's alias, and what the acquirer's test address takes for a card, as pm_card_visa:
//	             set both (the template's TestMethod does), and payments is asked to charge a test gift. Only where its
//	             ACQUIRER_TEST_URL is set.
//
// Its role needs lambda:InvokeFunction on what NEW_VERSION (and DONATE) names, codedeploy:PutLifecycleEventHookExecutionStatus on
// the service's deployment group, secretsmanager:GetSecretValue and kms:Decrypt for the secrets that variables name. Its
// timeout should be a minute: a cold start, and a quarter of it is kept for the report. Its name begins with
// CodeDeployHook_, or CodeDeploy's own role may not call it. A right that is refused is asked for again for 20 s: grants.
package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	aws, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Error("the hook cannot start", "error", err.Error())
		os.Exit(1)
	}
	lambda.Start(newHook(aws, os.Getenv, time.Now, log).handle)
}
