package command

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/banyan-migration/banyan/infra/fakes/moto"
)

// A table is restored, held against what lives and against the old site, and deleted; only a drill that held counts for preflight.
func TestRestoreDrill(t *testing.T) {
	t.Parallel()
	url := moto.Test(t).URL
	verb := func(args ...string) (int, string, string) {
		t.Helper()
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		c := exec.CommandContext(t.Context(), self, args...)
		c.Env = append(os.Environ(), "BANYAN_TEST_AS_COMMAND=1", "AWS_ENDPOINT_URL="+url, "AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test")
		var out, errs bytes.Buffer
		c.Stdout, c.Stderr = &out, &errs
		var ended *exec.ExitError
		if err := c.Run(); err != nil && !errors.As(err, &ended) {
			t.Fatal(err)
		}
		return c.ProcessState.ExitCode(), out.String(), errs.String()
	}
	site, from := sampleSite(t)
	for _, fewer := range []string{
		"DELETE FROM webform_submissions WHERE sid NOT IN (SELECT sid FROM webform_submissions WHERE nid = 2 ORDER BY sid LIMIT 150)",
		"DELETE FROM webform_submitted_data WHERE sid NOT IN (SELECT sid FROM webform_submissions)",
	} {
		if _, err := site.Exec(fewer); err != nil {
			t.Fatal(err)
		}
	}
	if status, out, errs := verb("ops", "drill", "donate", "--stage", "test"); status != outside || !strings.Contains(errs, "banyan-test-donate is not restored") {
		t.Errorf("without a table: %d %s%s", status, out, errs)
	}
	if status, out, errs := verb("migrate", "backfill", "--from", from, "--to", "dynamodb:banyan-test"); status != done {
		t.Fatal(status, out, errs)
	}
	db := dynamodb.New(dynamodb.Options{Region: "eu-west-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
	_, err := db.UpdateContinuousBackups(t.Context(), &dynamodb.UpdateContinuousBackupsInput{TableName: aws.String("banyan-test-donate"),
		PointInTimeRecoverySpecification: &types.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: aws.Bool(true)}})
	if err != nil {
		t.Fatal(err)
	}
	status, out, errs := verb("ops", "drill", "donate", "--stage", "test", "--from", from, "--json")
	var doc drillDone
	if err := json.Unmarshal([]byte(out), &doc); err != nil || status != done {
		t.Fatalf("%d %s%s: %v", status, out, errs, err)
	}
	if v := doc.Verified; doc.Items < 140 || doc.Same != doc.Items || v == nil || !v.Clean || v.Forms["donate"].RowsTarget < 140 {
		t.Errorf("%+v", doc)
	}
	if tables, err := db.ListTables(t.Context(), &dynamodb.ListTablesInput{}); err != nil || strings.Contains(strings.Join(tables.TableNames, " "), "drill") {
		t.Errorf("%v are left: %v", tables.TableNames, err)
	}
	if _, err := site.Exec("UPDATE webform_submitted_data SET data = '77.00' WHERE nid = 2 AND cid = 1 AND sid = (SELECT min(sid) FROM webform_submissions)"); err != nil {
		t.Fatal(err)
	}
	if status, out, errs := verb("ops", "drill", "donate", "--stage", "test", "--from", from); status != unheld || !strings.Contains(errs, "the drill does not count") {
		t.Errorf("a copy that is not what the old site has: %d %s%s", status, out, errs)
	}
	// The note of the drill that held, and of no other.
	notes, err := db.Query(t.Context(), &dynamodb.QueryInput{TableName: aws.String("banyan-test-donate"), KeyConditionExpression: aws.String("p = :p"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":p": &types.AttributeValueMemberS{Value: "ops"}}})
	if err != nil || len(notes.Items) != 1 {
		t.Errorf("%v are noted: %v", notes, err)
	}
}
