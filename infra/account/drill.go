package account

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Restored is a table made from another's point-in-time copy.
type Restored struct {
	Live  string    `json:"live"`
	Table string    `json:"table"`
	As    time.Time `json:"as_of"`
}

// Compared is what a restored table holds, item by item against the live one. Ops' own Notes are left out of all of it.
type Compared struct {
	Items   int      `json:"items"`      // in the restored table
	Living  int      `json:"live_items"` // in the live table, when the comparison ended
	Same    int      `json:"same"`       // as they are now
	Changed int      `json:"changed"`    // written since, or gone since and made anew
	Gone    int      `json:"gone"`       // deleted or expired since
	Wrong   []string `json:"wrong"`      // keys whose copy says other than what lives, though one commit wrote both; at most 20
	Wrongs  int      `json:"wrongs"`
}

// Notes is the part of a service's table where operators' commands keep notes of their own. They are no data of the service's: a
// table with nothing else is empty.
const Notes = "ops"

// restoring is how long AWS may take: some minutes for any size, they say, and hours for a large one.
const restoring = 6 * time.Hour

// Restore makes a table from the point-in-time copy of a service's as of a moment (zero: the latest), under the stage
// STAGE-drill, and waits until it can be read. Nobody but a drill looks there. The live table is only read.
func (a *Account) Restore(ctx context.Context, service string, as time.Time) (Restored, error) {
	db := dynamodb.NewFromConfig(a.aws)
	r := Restored{Live: a.name(service), Table: a.name("drill", service), As: as.UTC()}
	if as.IsZero() {
		var err error
		if r.As, err = latest(ctx, db, r.Live); err != nil {
			return r, err
		}
	}
	_, err := db.RestoreTableToPointInTime(ctx, &dynamodb.RestoreTableToPointInTimeInput{SourceTableName: &r.Live, TargetTableName: &r.Table, RestoreDateTime: &r.As})
	var there *types.TableAlreadyExistsException
	switch {
	case errors.As(err, &there):
		return r, fmt.Errorf("account: the table %s is there, from a drill that was interrupted or kept: delete it first. Nothing was restored", r.Table)
	case err != nil:
		return r, fmt.Errorf("account: %s is not restored: %w", r.Live, err)
	}
	if err := dynamodb.NewTableExistsWaiter(db).Wait(ctx, &dynamodb.DescribeTableInput{TableName: &r.Table}, restoring); err != nil {
		return r, fmt.Errorf("account: %s is still being made: %w; look for it and delete it, or drill again later", r.Table, err)
	}
	return r, nil
}

// latest is the last moment as of which AWS can restore a table: some five minutes ago.
func latest(ctx context.Context, db *dynamodb.Client, table string) (time.Time, error) {
	out, err := db.DescribeContinuousBackups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: &table})
	if err != nil {
		return time.Time{}, fmt.Errorf("account: %s is not restored: %w", table, err)
	}
	if d := out.ContinuousBackupsDescription; d != nil && d.PointInTimeRecoveryDescription != nil && d.PointInTimeRecoveryDescription.LatestRestorableDateTime != nil {
		return d.PointInTimeRecoveryDescription.LatestRestorableDateTime.UTC(), nil
	}
	return time.Time{}, fmt.Errorf("account: %s has no point-in-time copies: switch them on (PointInTimeRecoverySpecification in infra/store.yaml). Nothing was restored", table)
}

// Drop deletes a restored table, and no other.
func (a *Account) Drop(ctx context.Context, r Restored) error {
	if r.Table == r.Live || r.Table == "" {
		return errors.New("account: that is no table of a drill; nothing was deleted")
	}
	_, err := dynamodb.NewFromConfig(a.aws).DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &r.Table})
	if err != nil {
		return fmt.Errorf("account: %s is not deleted and costs its storage: %w", r.Table, err)
	}
	return nil
}

// Compare reads the restored table whole, and of the live one the same keys: each copy must be an earlier state of what lives, or it
// is what lives. Then it counts what lives. Live items may be written, deleted and made anew meanwhile.
func (a *Account) Compare(ctx context.Context, r Restored) (Compared, error) {
	db := dynamodb.NewFromConfig(a.aws)
	var c Compared
	pages := dynamodb.NewScanPaginator(db, &dynamodb.ScanInput{TableName: &r.Table, Limit: aws.Int32(100)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return c, fmt.Errorf("account: %s cannot be read: %w", r.Table, err)
		}
		live, err := a.same(ctx, db, r.Live, page.Items)
		if err != nil {
			return c, err
		}
		for _, copied := range page.Items {
			c.note(copied, live[keyed(copied)])
		}
	}
	var err error
	c.Living, err = count(ctx, db, r.Live)
	return c, err
}

// count is how many items live in a table, its notes and what was deleted and waits for its messages left out.
func count(ctx context.Context, db *dynamodb.Client, table string) (n int, err error) {
	pages := dynamodb.NewScanPaginator(db, &dynamodb.ScanInput{TableName: &table, Select: types.SelectCount, FilterExpression: aws.String("attribute_exists(r) AND p <> :notes"),
		ExpressionAttributeValues: item{":notes": &types.AttributeValueMemberS{Value: Notes}}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return n, fmt.Errorf("account: %s cannot be counted: %w", table, err)
		}
		n += int(page.Count)
	}
	return n, nil
}

type item = map[string]types.AttributeValue

// same reads the live items that have the keys of some copies; what DynamoDB leaves over is asked for again.
func (a *Account) same(ctx context.Context, db *dynamodb.Client, table string, copies []item) (map[string]item, error) {
	found := map[string]item{}
	if len(copies) == 0 {
		return found, nil
	}
	ask := types.KeysAndAttributes{ConsistentRead: aws.Bool(true)}
	for _, copied := range copies {
		ask.Keys = append(ask.Keys, item{"p": copied["p"], "s": copied["s"]})
	}
	for left := map[string]types.KeysAndAttributes{table: ask}; len(left) > 0; {
		out, err := db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: left})
		if err != nil {
			return nil, fmt.Errorf("account: %s cannot be read: %w", table, err)
		}
		for _, i := range out.Responses[table] {
			found[keyed(i)] = i
		}
		left = out.UnprocessedKeys
	}
	return found, nil
}

// note counts a copy beside what lives. Revisions cannot tell which is the earlier: an item that is made anew begins at 1 again. The
// commit that wrote it can.
func (c *Compared) note(copied, live item) {
	then, now := revision(copied), revision(live)
	if then.Sign() == 0 || text(copied["p"]) == Notes { // deleted then already: it only carried messages
		return
	}
	c.Items++
	switch {
	case live == nil || now.Sign() == 0:
		c.Gone++
	case text(copied["w"]) != text(live["w"]):
		c.Changed++
	case now.Cmp(then) == 0 && bytes.Equal(data(copied), data(live)):
		c.Same++
	default:
		c.Wrongs++
		if len(c.Wrong) < 20 {
			c.Wrong = append(c.Wrong, keyed(copied))
		}
	}
}

func text(v types.AttributeValue) string {
	if s, is := v.(*types.AttributeValueMemberS); is {
		return s.Value
	}
	return ""
}

func keyed(i item) string { return text(i["p"]) + " " + text(i["s"]) }

// revision is an item's; none for what is deleted and waits for its messages.
func revision(i item) *big.Int {
	n := new(big.Int)
	if v, is := i["r"].(*types.AttributeValueMemberN); is {
		n.SetString(v.Value, 10)
	}
	return n
}

func data(i item) []byte {
	switch v := i["d"].(type) {
	case *types.AttributeValueMemberB:
		return v.Value
	case *types.AttributeValueMemberS:
		return []byte(v.Value)
	}
	return nil
}
