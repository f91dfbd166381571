package account_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/banyan-migration/banyan/infra/account"
	"github.com/banyan-migration/banyan/infra/fakes/moto"
	"github.com/banyan-migration/banyan/shared/kv"
	"github.com/banyan-migration/banyan/shared/kv/dynamo"
)

// drilled are donate's table and a copy of it, both empty, at one moto.
type drilled struct {
	t          *testing.T
	conf       aws.Config
	live, copy kv.Store
}

func drilling(t *testing.T) drilled {
	t.Helper()
	d := drilled{t: t, conf: at(moto.Test(t).URL)}
	for stage, to := range map[string]*kv.Store{"banyan-prod": &d.live, "banyan-prod-drill": &d.copy} {
		db, err := dynamo.With(d.conf, stage)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Create(t.Context(), "donate"); err != nil {
			t.Fatal(err)
		}
		*to = db.Store("donate")
	}
	return d
}

func (d drilled) put(to kv.Store, writes ...kv.Write) {
	d.t.Helper()
	for _, w := range writes {
		if err := to.Commit(d.t.Context(), w); err != nil {
			d.t.Fatal(err)
		}
	}
}

// taken puts the live table's items into the copy, as they are.
func (d drilled) taken() {
	d.t.Helper()
	db := dynamodb.NewFromConfig(d.conf)
	page, err := db.Scan(d.t.Context(), &dynamodb.ScanInput{TableName: aws.String("banyan-prod-donate")})
	if err != nil {
		d.t.Fatal(err)
	}
	for _, i := range page.Items {
		if _, err := db.PutItem(d.t.Context(), &dynamodb.PutItemInput{TableName: aws.String("banyan-prod-drill-donate"), Item: i}); err != nil {
			d.t.Fatal(err)
		}
	}
}

func (d drilled) compared() account.Compared {
	d.t.Helper()
	found, err := account.At(d.conf, "prod").Compare(d.t.Context(), account.Restored{Live: "banyan-prod-donate", Table: "banyan-prod-drill-donate"})
	if err != nil {
		d.t.Fatal(err)
	}
	return found
}

// What expired or was deleted and is made anew begins at revision 1 again: its copy is of an earlier life, and right.
func TestDrillOfWhatWasMadeAnew(t *testing.T) {
	t.Parallel()
	d := drilling(t)
	cart, claim := kv.Key{Part: "cart", Sort: "1"}, kv.Key{Part: "claim", Sort: "2"}
	gone := kv.Key{Part: "claim", Sort: "3"}
	for range 3 {
		d.put(d.live, kv.Write{Key: cart, Data: []byte("then"), Expires: time.Now().Add(-time.Minute)})
	}
	d.put(d.live, kv.Write{Key: claim, Data: []byte("then"), If: kv.Absent}, kv.Write{Key: gone, Data: []byte("then")})
	d.taken()
	d.put(d.live, kv.Write{Key: cart, Data: []byte("anew"), If: kv.Absent})
	d.put(d.live, kv.Write{Key: claim, Delete: true, If: 1}, kv.Write{Key: claim, Data: []byte("another's"), If: kv.Absent}, kv.Write{Key: gone, Delete: true})
	if found := d.compared(); found.Items != 3 || found.Changed != 2 || found.Gone != 1 || found.Wrongs != 0 || found.Living != 2 {
		t.Errorf("%+v", found)
	}
}

// What one commit wrote is the same for ever: a copy of it that says something else is no copy.
func TestDrillOfACopyThatIsWrong(t *testing.T) {
	t.Parallel()
	d := drilling(t)
	d.put(d.live, kv.Write{Key: kv.Key{Part: "gift", Sort: "1"}, Data: []byte("ten pounds")}, kv.Write{Key: kv.Key{Part: "gift", Sort: "2"}, Data: []byte("ten pounds")})
	d.taken()
	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	_, err := dynamodb.NewFromConfig(d.conf).UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: aws.String("banyan-prod-drill-donate"), Key: map[string]types.AttributeValue{"p": text("gift"), "s": text("2")},
		UpdateExpression: aws.String("SET d = :d"), ExpressionAttributeValues: map[string]types.AttributeValue{":d": text("a thousand pounds")}})
	if err != nil {
		t.Fatal(err)
	}
	if found := d.compared(); found.Same != 1 || found.Wrongs != 1 || found.Wrong[0] != "gift 2" {
		t.Errorf("%+v", found)
	}
}

// A copy is held against all that lives, so that one which lost most of it is not taken for whole; ops' own notes are nobody's data.
func TestDrillOfACopyThatLostMost(t *testing.T) {
	t.Parallel()
	d := drilling(t)
	gift := func(n int) kv.Write {
		return kv.Write{Key: kv.Key{Part: "gift", Sort: fmt.Sprint(n)}, Data: []byte("x")}
	}
	d.put(d.live, gift(0), kv.Write{Key: kv.Key{Part: account.Notes, Sort: "drill"}, Data: []byte("{}")})
	d.taken()
	for n := 1; n < 20; n++ {
		d.put(d.live, gift(n))
	}
	if found := d.compared(); found.Items != 1 || found.Same != 1 || found.Living != 20 || found.Wrongs != 0 {
		t.Errorf("%+v", found)
	}
}

// The latest copy is as old as AWS says, which is some minutes; a table without copies is said to have none.
func TestTheLatestCopyIsAsOldAsAWSSays(t *testing.T) {
	t.Parallel()
	d := drilling(t)
	a, db := account.At(d.conf, "prod"), dynamodb.NewFromConfig(d.conf)
	if _, err := db.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: aws.String("banyan-prod-drill-donate")}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Restore(t.Context(), "donate", time.Time{}); err == nil || !strings.Contains(err.Error(), "banyan-prod-donate has no point-in-time copies") {
		t.Error(err)
	}
	if _, err := db.UpdateContinuousBackups(t.Context(), &dynamodb.UpdateContinuousBackupsInput{TableName: aws.String("banyan-prod-donate"), PointInTimeRecoverySpecification: &types.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: aws.Bool(true)}}); err != nil {
		t.Fatal(err)
	}
	said, err := db.DescribeContinuousBackups(t.Context(), &dynamodb.DescribeContinuousBackupsInput{TableName: aws.String("banyan-prod-donate")})
	if err != nil {
		t.Fatal(err)
	}
	latest := *said.ContinuousBackupsDescription.PointInTimeRecoveryDescription.LatestRestorableDateTime
	r, err := a.Restore(t.Context(), "donate", time.Time{})
	if err != nil || r.As != latest.UTC() {
		t.Errorf("as of %v, AWS says %v: %v", r.As, latest, err)
	}
}
