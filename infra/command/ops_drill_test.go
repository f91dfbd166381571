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

	"github.com/banyan-migration/banyan/infra/account"
	"github.com/banyan-migration/banyan/infra/fakes/moto"
	"github.com/banyan-migration/banyan/shared/kv/dynamo"
)

// awayVerb runs the command in a process of its own, its AWS account at an address.
func awayVerb(t *testing.T, url string) func(args ...string) (int, string, string) {
	t.Helper()
	return func(args ...string) (int, string, string) {
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
}

// A table is restored, held against what lives and against the old site, and deleted; only a drill that held counts for preflight.
func TestRestoreDrill(t *testing.T) {
	t.Parallel()
	url := moto.Test(t).URL
	verb := awayVerb(t, url)
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

// A service that keeps nothing has nothing to restore, and its drill counts, however often: the note of it is no data.
func TestRestoreDrillOfAnEmptyTable(t *testing.T) {
	t.Parallel()
	url := moto.Test(t).URL
	conf := aws.Config{Region: "eu-west-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	d, err := dynamo.With(conf, "banyan-test")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Create(t.Context(), "postcode"); err != nil {
		t.Fatal(err)
	}
	_, err = dynamodb.NewFromConfig(conf).UpdateContinuousBackups(t.Context(), &dynamodb.UpdateContinuousBackupsInput{TableName: aws.String("banyan-test-postcode"),
		PointInTimeRecoverySpecification: &types.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: aws.Bool(true)}})
	if err != nil {
		t.Fatal(err)
	}
	verb := awayVerb(t, url)
	for n := range 2 {
		if status, out, errs := verb("ops", "drill", "postcode", "--stage", "test"); status != done || !strings.Contains(out, "nothing to restore") {
			t.Errorf("%d: %d %s%s", n, status, out, errs)
		}
	}
	if at, err := dynamo.With(conf, "banyan-test"); err != nil {
		t.Error(err)
	} else if last, _, err := drills(at.Store("postcode")).Get(t.Context(), lastDrill); err != nil || last.At.IsZero() {
		t.Errorf("%+v, %v", last, err)
	}
}

// What a drill found is judged by what it means for a night, and a person is told which keys to look at.
func TestWhatADrillProves(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		found  account.Compared
		latest bool
		says   string // nothing: it counts
	}{
		"whole":             {account.Compared{Items: 9, Living: 9, Same: 9}, true, ""},
		"empty":             {account.Compared{}, true, ""},
		"half":              {account.Compared{Items: 5, Living: 10, Same: 5}, true, ""},
		"less than half":    {account.Compared{Items: 4, Living: 10, Same: 4}, true, "4 items were restored, and 10 live"},
		"of another moment": {account.Compared{Items: 4, Living: 10, Same: 4}, false, ""},
		"empty copy":        {account.Compared{Living: 1}, false, "the restored table is empty and 1 item lives"},
		"another's":         {account.Compared{Items: 9, Living: 9, Gone: 9}, false, "nothing of what was restored lives"},
		"wrong":             {account.Compared{Items: 9, Living: 9, Same: 8, Wrongs: 1, Wrong: []string{"gift 7"}}, true, "1 item of the restored table is no earlier state"},
	} {
		d := drillDone{Compared: c.found}
		if got := d.unheld(c.latest); (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
			t.Errorf("%s: %q, want %q", name, got, c.says)
		}
	}
	var out strings.Builder
	if err := printDrill(&out, "donate", drillDone{Compared: account.Compared{Items: 30, Living: 41, Wrongs: 3, Wrong: []string{"gift 7", "gift 8"}}}); err != nil {
		t.Error(err)
	}
	for _, says := range []string{"30 items restored, 41 live now", "  wrong: gift 7\n  wrong: gift 8\n  and 1 more\n"} {
		if !strings.Contains(out.String(), says) {
			t.Errorf("%q is not said:\n%s", says, &out)
		}
	}
}
